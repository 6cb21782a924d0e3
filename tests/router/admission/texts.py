"""What admission says about the rows of this folder, word by word: remarks.txt.

A row has as much of a text as tells what is meant; `python -m tests.router.admission.texts` writes the whole texts
anew. Read what changed before committing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.router.admission.rows import Row, remarks

HERE = Path(__file__).parent
KEPT = HERE / "remarks.txt"


def rows() -> Iterator[tuple[str, Row]]:
    """`module: behaviour` and row, of all tables."""
    for path in sorted(HERE.glob("test_*.py")):
        if path.stem == "test_texts":
            continue
        table = import_module(f"tests.router.admission.{path.stem}")
        for row in getattr(table, "ROWS", ()):
            yield f"{path.stem.removeprefix('test_')}: {row.behaviour}", row


def said(row: Row) -> list[str]:
    return [_printable(f"{each.severity} by {each.by}: {each}") for each in remarks(row.manifest(), row.version)]


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def kept() -> dict[str, list[str]]:
    """What is said by name of the row."""
    blocks = KEPT.read_text().strip().split("\n# ")
    return {name.removeprefix("# "): lines for name, *lines in (block.split("\n") for block in blocks)}


if __name__ == "__main__":
    KEPT.write_text("".join(f"# {name}\n" + "".join(f"{line}\n" for line in said(row)) for name, row in rows()))
