"""The tables of cases: what the specification says, section by section, on one small mesh (lab.py)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.router.lab import ask, rows, shares

TABLES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
CASES = [
    pytest.param(row, question, expected, id=f"{table.stem}: {row['says']}: {question}")
    for table in TABLES
    for row in rows(table)
    for question, expected in row["asks"].items()
]


def distribution(text: str) -> dict[str, Fraction]:
    """`reviews-v1`, or `1/3 reviews-v1, 2/3 cluster_missing 503`."""
    found = {}
    for part in text.split(", "):
        share, _, name = part.partition(" ")
        found[name if share[0].isdigit() else part] = Fraction(share) if share[0].isdigit() else Fraction(1)
    return found


@pytest.mark.parametrize(("row", "question", "expected"), CASES)
def test_the_router_answers_as_specified(row: dict[str, Any], question: str, expected: str) -> None:
    predicted = ask(row.get("given", ()), question, version=str(row.get("version", "1.32")), **row.get("mesh", {}))

    assert shares(predicted) == distribution(expected), "\n".join(map(str, predicted.trace))
