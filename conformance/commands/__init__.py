"""What each word of the command line does; imported when it is said, so that a small command starts fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(".conformance")
"""Of everything that a command leaves behind, below the current folder."""
SCENARIOS: Final = Path(__file__).parent.parent / "scenarios"
"""The project's own."""
BAD_INPUT: Final = 2


def say(line: str) -> None:
    """Progress; what a command is asked for goes to standard output."""
    print(line, file=sys.stderr, flush=True)
