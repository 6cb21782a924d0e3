"""`python -m cluster.binaries`: obtain every program and print where it is."""

import argparse
import sys
import time
from pathlib import Path

from cluster.binaries.catalogue import catalogue
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import Programs, obtain, verify
from cluster.binaries.store import cache_root

_MIB = 1024 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cluster.binaries", description=__doc__)
    parser.add_argument("--program", metavar="NAME=PATH", action="append", default=[], type=_name_and_path)
    parser.add_argument("--verify", action="store_true", help="also compare every stored program's whole content")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        programs = obtain(catalogue(), given=dict(options.program), cache=cache_root(), progress=_to_stderr)
        if options.verify:
            verify(catalogue(), cache_root())
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(programs))
    _to_stderr(f"{len(programs)} programs in {time.monotonic() - began:.2f} s")
    return 0


def table(programs: Programs) -> str:
    """Lay the programs out in columns; the path, which has no natural width, comes last."""
    heading = ("name", "version", "MiB", "source", "path")
    rows = [
        (each.name, each.version, f"{each.path.stat().st_size / _MIB:.1f}", each.source, str(each.path))
        for each in programs.values()
    ]
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (heading, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def _name_and_path(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
