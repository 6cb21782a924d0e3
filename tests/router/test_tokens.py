"""Where tokens are looked for: the fine print of queries and cookies (specification, section 22)."""

from __future__ import annotations

import pytest

from conformance.router.objects.security import JWTHeader, JWTRule
from conformance.router.tokens import Found, Kind, Places, parameters_of, with_lists
from conformance.router.versions import Version


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
        (("a=1;\tc=t",), None),
        (("Xc=1; c=t",), "t"),
        (("c=a=b",), "a=b"),
        (("c=t; c=u",), "t"),
        (("a=1", "c=t"), "t"),
        (('c="t"',), "t"),
        (('c=""',), ""),
        (('c="',), '"'),
        (('c="t',), '"t'),
        (("c",), None),
        ((), None),
    ],
)
def test_a_cookie_is_the_first_of_its_name(headers: tuple[str, ...], token: str | None) -> None:
    found = Places((), (), ("c",)).find({"cookie": headers} if headers else {}, None)

    assert found == ([] if token is None else [Found(token, Kind.COOKIE, "c")])


def test_tokens_are_found_in_headers_before_the_query_before_cookies() -> None:
    places = Places((("x", ""),), ("p",), ("c",))

    assert places.find({"x": ("1", "2"), "cookie": ("c=4",)}, "p=3") == [
        Found("1", Kind.HEADER, "x"),
        Found("2", Kind.HEADER, "x"),
        Found("3", Kind.PARAMETER, "p"),
        Found("4", Kind.COOKIE, "c"),
    ]


def test_headers_are_looked_at_in_the_order_of_name_and_prefix_together() -> None:
    rule = JWTRule(from_headers=(JWTHeader("x", "yz"), JWTHeader("xy", "a")))

    assert Places.of(rule, Version()).headers == (("xy", "a"), ("x", "yz"))


def test_only_scope_and_permission_become_lists() -> None:
    assert with_lists({"scope": "a b", "permission": "c", "other": "d e"}) == {
        "scope": ["a", "b"],
        "permission": ["c"],
        "other": "d e",
    }
