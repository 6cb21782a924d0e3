"""Where tokens are looked for: the fine print of queries and cookies (specification, section 22)."""

from __future__ import annotations

import pytest

from conformance.router.tokens import Places, parameters_of, with_lists


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("a=1&a=2&b", {"a": ["1", "2"], "b": [""]}),
        ("a=1&", {"a": ["1"]}),
        ("&a=1", {"": [""], "a": ["1"]}),
        ("a=1=2", {"a": ["1=2"]}),
        ("a=%C3%a9+", {"a": ["\u00c3\u00a9+"]}),
    ],
)
def test_a_query_is_its_parameters(query: str, parameters: dict[str, list[str]]) -> None:
    assert parameters_of(query) == parameters


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        (("c=t",), "t"),
        (("a=1;c=t",), "t"),
        (("a=1;  c=t",), "t"),
        (("Xc=1; c=t",), "t"),
        (("c=a=b",), "a=b"),
        (("c=t; c=u",), "t"),
        (("a=1", "c=t"), "t"),
        (('c="t"',), "t"),
        (('c=""',), ""),
        (('c="',), '"'),
        (('c="t',), '"t'),
        (("c",), None),
    ],
)
def test_a_cookie_is_the_first_of_its_name(headers: tuple[str, ...], token: str | None) -> None:
    found = Places((), (), ("c",)).find({"cookie": headers}, None)

    assert [each.raw for each in found] == ([] if token is None else [token])


def test_only_scope_and_permission_become_lists() -> None:
    assert with_lists({"scope": "a b", "permission": "c", "other": "d e"}) == {
        "scope": ["a", "b"],
        "permission": ["c"],
        "other": "d e",
    }
