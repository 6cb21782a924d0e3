"""Paths that go upstream (specification, section 13.3): each row was tried on Envoy 1.39.1."""

from __future__ import annotations

import pytest

from conformance.router.matching import compile_match
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPMatchRequest, HTTPRewrite, RegexRewrite, StringMatch
from conformance.router.rewrites import rewritten
from conformance.router.versions import Version

FOO = HTTPMatchRequest(uri=StringMatch(prefix="/foo"))
FOO_SLASH = HTTPMatchRequest(uri=StringMatch(prefix="/foo/"))
ANY_CASE = HTTPMatchRequest(uri=StringMatch(prefix="/FOO"), ignore_uri_case=True)
EXACT = HTTPMatchRequest(uri=StringMatch(exact="/foo"))
EXACT_ANY_CASE = HTTPMatchRequest(uri=StringMatch(exact="/FOO"), ignore_uri_case=True)
REGEX = HTTPMatchRequest(uri=StringMatch(regex="/f.*"))
EMPTY = HTTPMatchRequest(uri=StringMatch(prefix=""))
HEADER = HTTPMatchRequest(headers={"x": StringMatch(exact="1")})


def message(target: str) -> Message:
    path, mark, query = target.partition("?")
    return Message("GET", "http", "h", path, query if mark else None)


def uri(path: str) -> HTTPRewrite:
    return HTTPRewrite(uri=path)


def regex(match: str, rewrite: str) -> HTTPRewrite:
    return HTTPRewrite(uri_regex_rewrite=RegexRewrite(match, rewrite))


REWRITES = [
    ("a prefix is replaced", FOO, uri("/x"), "/foo/bar", "/x/bar"),
    ("a prefix is replaced as text", FOO, uri("/qux"), "/foobar", "/quxbar"),
    ("the root for a prefix leaves two slashes", FOO, uri("/"), "/foo/bar", "//bar"),
    ("the root for a prefix of a word", FOO, uri("/"), "/foobar", "/bar"),
    ("the root for the prefix itself", FOO, uri("/"), "/foo", "/"),
    ("the root for a prefix with a slash", FOO_SLASH, uri("/"), "/foo/bar", "/bar"),
    ("a path may lose its leading slash", FOO, uri("x"), "/foo/bar", "x/bar"),
    ("in any case as many characters go", ANY_CASE, uri("/x"), "/fOO/bar", "/x/bar"),
    ("an exact path goes as a whole", EXACT, uri("/x"), "/foo", "/x"),
    ("an exact path in any case too", EXACT_ANY_CASE, uri("/x"), "/Foo", "/x"),
    ("what a regex matched goes as a whole", REGEX, uri("/x"), "/foo/bar", "/x"),
    ("without a match the leading slash goes", None, uri("/x"), "/y", "/xy"),
    ("without a uri in the match too", HEADER, uri("/x"), "/y", "/xy"),
    ("an empty prefix is put before", EMPTY, uri("/x"), "/y", "/x/y"),
    ("the query stays", FOO, uri("/x"), "/foo?q=/foo", "/x?q=/foo"),
    ("an empty query stays", EXACT, uri("/x"), "/foo?", "/x?"),
    ("a question mark in the rewrite is no query", FOO, uri("/x?z=1"), "/foo/a?q", "/x?z=1/a?q"),
    ("nothing is normalised again", FOO, uri("/a b/../c"), "/foo/x", "/a b/../c/x"),
    ("the same path is a rewrite too", FOO, uri("/foo"), "/foo", "/foo"),
    ("a regex replaces anywhere", FOO, regex("o", "0"), "/foo/o", "/f00/0"),
    ("a regex does not see the query", FOO, regex("/foo", "/x"), "/foo?q=/foo", "/x?q=/foo"),
    ("a regex may be anchored", FOO, regex("^/foo/(.*)$", "/\\1"), "/foo/bar", "/bar"),
    ("a regex may swap groups", FOO, regex("/(foo)/(.*)", "/\\2/\\1"), "/foo/bar", "/bar/foo"),
    ("a group that took no part is empty", FOO, regex("(x)|(o)", "[\\1\\2]"), "/foo", "/f[o][o]"),
    ("group 0 is all of it", FOO, regex("foo", "\\0\\0"), "/foo", "/foofoo"),
    ("two backslashes are one", FOO, regex("foo", "\\\\"), "/foo", "/\\"),
    ("a dollar is a dollar", FOO, regex("foo", "$1"), "/foo", "/$1"),
    ("a regex that does not match changes nothing", FOO, regex("nope", "x"), "/foo", "/foo"),
    ("empty matches are replaced", FOO, regex("o*", "-"), "/foo/a", "-/-f-/-a-"),
    ("not where a match has just ended", None, regex("a*", "x"), "/baaac", "x/xbxcx"),
    ("the end can be replaced", None, regex("$", "/end"), "/a", "/a/end"),
    ("a regex may ignore cases", None, regex("(?i)FOO", "x"), "/foo", "/x"),
    ("a group that is not there changes nothing", FOO, regex("foo", "a\\9"), "/foo", "/foo"),
    ("an unknown escape ends the replacement", FOO, regex("foo", "a\\xb"), "/foo/1", "/a/1"),
]


@pytest.mark.parametrize(
    ("block", "rewrite", "target", "upstream"), [pytest.param(*row[1:], id=row[0]) for row in REWRITES]
)
def test_paths(block: HTTPMatchRequest | None, rewrite: HTTPRewrite, target: str, upstream: str) -> None:
    matcher = compile_match(block, Version(), "f")

    assert rewritten(rewrite, matcher, message(target), Version()) == (upstream, target)


UNTOUCHED = [
    ("no rewrite", None, "1.32"),
    ("a rewrite of the authority", HTTPRewrite(authority="h"), "1.32"),
    ("a regex before 1.19", regex("foo", "x"), "1.18"),
]


@pytest.mark.parametrize(("rewrite", "version"), [pytest.param(*row[1:], id=row[0]) for row in UNTOUCHED])
def test_the_path_stays_as_it_is(rewrite: HTTPRewrite | None, version: str) -> None:
    matcher = compile_match(FOO, Version(), "f")

    assert rewritten(rewrite, matcher, message("/foo?q"), Version.of(version)) == ("/foo?q", None)
