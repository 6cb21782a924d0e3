"""`python -m conformance`: the same as the command `conformance`."""

import sys

from conformance.cli import main

sys.exit(main())
