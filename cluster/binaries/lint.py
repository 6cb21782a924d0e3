"""`python -m cluster.binaries.lint`: check .github/workflows with actionlint, pinned and built like everything else."""

import subprocess
import sys
from pathlib import Path

from cluster.binaries.catalogue import HERE, Program, read_module
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import obtain
from cluster.binaries.store import cache_root

_MODULE = "github.com/rhysd/actionlint"


def actionlint() -> Program:
    """The linter of workflows."""
    module = read_module(HERE / "actionlint", _MODULE)
    return Program("actionlint", module, f"{_MODULE}/cmd/actionlint", module.version, "-s -w", ("-version",), 10)


def main() -> int:
    """Actionlint's own exit status; 2 if it cannot be had."""
    workflows = sorted(Path(".github/workflows").glob("*.yml"))
    try:
        found = obtain([actionlint()], given={}, cache=cache_root(), progress=lambda line: print(line, file=sys.stderr))
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 2
    return subprocess.run([found["actionlint"].path, *workflows], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
