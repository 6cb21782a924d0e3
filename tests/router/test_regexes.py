"""RE2 as Envoy runs it."""

from __future__ import annotations

import re

import pytest

from conformance.router.regexes import compile_regex

MATCHES = [
    ("the whole value", "a+", "aa", True),
    ("not a part of it", "a+", "aab", False),
    ("one of several", "a|b", "b", True),
    ("a dot is no line break", "a.b", "a\nb", False),
    ("a dot is one byte", "a.b", "aéb", False),
    ("and é is two", "a..b", "aéb", True),
    ("é itself is itself", "aéb", "aéb", True),
    ("bytes that are no text pass", "a.", "a\udce9", True),
]


@pytest.mark.parametrize(("regex", "value", "matches"), [pytest.param(*row[1:], id=row[0]) for row in MATCHES])
def test_matches(regex: str, value: str, matches: bool) -> None:  # noqa: FBT001
    assert compile_regex(regex).matches(value) is matches


INVALID = [
    ("(?=a)", "invalid perl operator: (?="),
    ("(a)\\1", "invalid escape sequence: \\1"),
    ("*", "no argument for repetition operator: *"),
    ("[a", "missing ]: [a"),
    (".{1000}" * 17, "RE2 program size of 34004 > max program size of 32768"),
]


@pytest.mark.parametrize(("regex", "error"), INVALID, ids=[row[0][:10] for row in INVALID])
def test_what_re2_refuses(regex: str, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        compile_regex(regex)


REPLACED = [
    ("an empty match after the last letter counts", "$", "/", "x", "/x"),
    ("a match may take half of a letter", ".$", "é", "", "\udcc3"),
    ("bytes that are no text stay what they are", "a", "\udcc3a", "b", "\udcc3b"),
]


@pytest.mark.parametrize(("regex", "value", "by", "left"), [pytest.param(*row[1:], id=row[0]) for row in REPLACED])
def test_all_matches_are_replaced(regex: str, value: str, by: str, left: str) -> None:
    assert compile_regex(regex).replace_all(value, by) == left


def test_the_largest_program_that_envoy_takes() -> None:
    assert compile_regex(".{1000}" * 16).matches("a" * 16_000)
