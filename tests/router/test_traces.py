"""What the router says is word by word what the files in traces/ have (traces.py)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.traces import kept, questions, told

ROWS = {(table, name): row for table, name, row in questions()}


@pytest.mark.parametrize(
    ("table", "name", "wanted"), [pytest.param(*each, id=f"{each[0]}: {each[1]}") for each in kept()]
)
def test_the_router_tells_what_it_told(table: str, name: str, wanted: list[str]) -> None:
    row: dict[str, Any] = dict(ROWS[table, name])

    assert told(row, name) == wanted
