"""How names are completed and compared (specification, section 4), where no table of cases can tell the difference."""

from __future__ import annotations

import pytest

from conformance.router.names import completed, covers


@pytest.mark.parametrize("name", ["*", "a.b", "10.0.0.1", "2001:db8::1"])
def test_wildcards_dots_and_addresses_are_taken_literally(name: str) -> None:
    assert completed(name, "shop", "cluster.local") == name


@pytest.mark.parametrize(
    ("pattern", "host", "is_covered"),
    [
        ("*.example", "a.example", True),
        ("*.example", "a-example", False),
        ("*.example", "*.a.example", True),
        ("*.a.example", "*.example", False),
        ("*.example", "*.example", True),
        ("*-a.example", "-a.example", False),
        ("*", "*.example", True),
    ],
)
def test_a_wildcard_covers_what_has_its_ending_and_more(pattern: str, host: str, is_covered: bool) -> None:  # noqa: FBT001
    assert covers(pattern, host) is is_covered
