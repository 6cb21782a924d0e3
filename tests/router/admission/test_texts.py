"""What is said of the rows is word by word what remarks.txt has (texts.py)."""

from __future__ import annotations

import pytest

from tests.router.admission.rows import Row
from tests.router.admission.texts import kept, rows, said

KEPT = kept()


@pytest.mark.parametrize(("name", "row"), [pytest.param(name, row, id=name) for name, row in rows()])
def test_it_is_said_in_the_same_words(name: str, row: Row) -> None:
    assert said(row) == KEPT[name]
