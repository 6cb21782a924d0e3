"""What several proxies do to the headers of one request."""

from __future__ import annotations

import pytest

from conformance.router.passage import Edits

SET, OTHER = Edits(set_headers=(("x", "1"),)), Edits(set_headers=(("y", "2"),))
ADDED, REMOVED = Edits(added_headers=(("x", "1"),)), Edits(removed_headers=("x",))
AGAIN = Edits(set_headers=(("x", "2"),))


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        pytest.param(SET, Edits(), SET, id="no edit hides nothing"),
        pytest.param(SET, OTHER, Edits(set_headers=(("x", "1"), ("y", "2"))), id="other names stay"),
        pytest.param(SET, AGAIN, AGAIN, id="the later value stands"),
        pytest.param(SET, REMOVED, REMOVED, id="what is removed is not set any more"),
        pytest.param(REMOVED, SET, SET, id="what is set is not removed any more"),
        pytest.param(REMOVED, OTHER, Edits((("y", "2"),), (), ("x",)), id="what is removed stays so"),
        pytest.param(ADDED, AGAIN, AGAIN, id="a value that is set takes the place of those added"),
        pytest.param(ADDED, REMOVED, REMOVED, id="what is removed is not added any more"),
        pytest.param(ADDED, OTHER, Edits((("y", "2"),), (("x", "1"),)), id="what is added stays"),
        pytest.param(ADDED, ADDED, Edits(added_headers=(("x", "1"), ("x", "1"))), id="a value is added to another"),
        pytest.param(SET, ADDED, Edits((("x", "1"),), (("x", "1"),)), id="a value is added to one that is set"),
    ],
)
def test_a_later_edit_of_a_name_hides_an_earlier_one(earlier: Edits, later: Edits, both: Edits) -> None:
    assert earlier.then(later) == both
