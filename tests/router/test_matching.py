"""Which requests a match block takes (specification, section 12): each row was tried on Envoy 1.39.1."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from conformance.router.matching import claim_path, compile_match
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPMatchRequest, StringMatch
from conformance.router.versions import Version

Values = Mapping[str, tuple[str, ...]]

NEWEST = Version()
PRESENT = StringMatch()


def exact(text: str) -> StringMatch:
    return StringMatch(exact=text)


def prefix(text: str) -> StringMatch:
    return StringMatch(prefix=text)


def regex(text: str) -> StringMatch:
    return StringMatch(regex=text)


def match(uri: StringMatch | None = None, *, any_case: bool = False) -> HTTPMatchRequest:
    return HTTPMatchRequest(uri=uri, ignore_uri_case=any_case)


def header(wanted: StringMatch, name: str = "x") -> HTTPMatchRequest:
    return HTTPMatchRequest(headers={name: wanted})


def without(wanted: StringMatch, name: str = "x") -> HTTPMatchRequest:
    return HTTPMatchRequest(without_headers={name: wanted})


def parameter(wanted: StringMatch, name: str = "k") -> HTTPMatchRequest:
    return HTTPMatchRequest(query_params={name: wanted})


def message(
    target: str = "/", headers: Values | None = None, claims: Mapping[str, object] | None = None, method: str = "GET"
) -> Message:
    path, mark, query = target.partition("?")
    return Message(method, "http", "H.test:81", path, query if mark else None, headers or {}, claims)


def x(*values: str) -> Message:
    return message(headers={"x": values})


URIS = [
    ("no match takes every path", None, "/foo", True),
    ("an empty block takes every path", match(), "/foo", True),
    ("an empty uri takes every path", match(PRESENT), "/foo", True),
    ("exact takes the whole path", match(exact("/foo")), "/foo", True),
    ("exact does not see the query", match(exact("/foo")), "/foo?x", True),
    ("exact with a query in it never matches", match(exact("/foo?x")), "/foo?x", False),
    ("exact tells /foo from /foo/", match(exact("/foo")), "/foo/", False),
    ("exact knows cases", match(exact("/foo")), "/FOO", False),
    ("prefix takes the path itself", match(prefix("/foo")), "/foo", True),
    ("prefix takes what is below", match(prefix("/foo")), "/foo/bar", True),
    ("prefix does not know segments", match(prefix("/foo")), "/foobar", True),
    ("prefix does not see the query", match(prefix("/foo?")), "/foo?x", False),
    ("prefix knows cases", match(prefix("/foo")), "/FOO", False),
    ("an empty prefix takes every path", match(prefix("")), "/foo", True),
    ("regex takes the whole path", match(regex("/re[0-9]+")), "/re1", True),
    ("regex does not see the query", match(regex("/re[0-9]+")), "/re1?x", True),
    ("regex does not take a part of the path", match(regex("/re[0-9]+")), "/re1/", False),
    ("regex knows cases", match(regex("/re")), "/RE", False),
    ("what is encoded stays encoded", match(exact("/a b")), "/a%20b", False),
    ("an encoded slash is no slash", match(prefix("/a/")), "/a%2Fb", False),
    ("exact ignores cases where asked", match(exact("/Foo"), any_case=True), "/fOO", True),
    ("exact in any case is still the whole path", match(exact("/Foo"), any_case=True), "/foo/", False),
    ("prefix ignores cases where asked", match(prefix("/Foo"), any_case=True), "/fOObar", True),
    ("prefix in any case still begins", match(prefix("/Foo"), any_case=True), "/bar/foo", False),
    ("regex keeps its cases even then", match(regex("/re"), any_case=True), "/RE", False),
]


@pytest.mark.parametrize(("block", "target", "matches"), [pytest.param(*row[1:], id=row[0]) for row in URIS])
def test_paths(block: HTTPMatchRequest | None, target: str, matches: bool) -> None:  # noqa: FBT001
    reason = compile_match(block, NEWEST, "f").mismatch(message(target))

    assert (reason is None) is matches, reason


HEADERS = [
    ("exact takes the value", header(exact("1")), x("1"), True),
    ("exact knows cases", header(exact("v")), x("V"), False),
    ("exact does not take a missing header", header(exact("1")), message(), False),
    ("an empty exact takes an empty value", header(exact("")), x(""), True),
    ("an empty exact does not take a missing header", header(exact("")), message(), False),
    ("names have no case", header(exact("1"), "X"), x("1"), True),
    ("prefix takes the beginning", header(prefix("a")), x("ab"), True),
    ("regex takes the whole value", header(regex("a+")), x("aa"), True),
    ("regex does not take a part", header(regex("a+")), x("ab"), False),
    ("regexes look at bytes", header(regex("a.b")), x("aéb"), False),
    ("presence takes an empty value", header(PRESENT), x(""), True),
    ("presence does not take a missing header", header(PRESENT), message(), False),
    ("one value of several is enough", header(exact("2")), x("1", "2"), True),
    ("several values are not joined", header(exact("1,2")), x("1", "2"), False),
    ("a value with a comma is one value", header(exact("1,2")), x("1,2"), True),
    (":method is a header", header(exact("GET"), ":method"), message(), True),
    (":path has the query", header(exact("/a?b"), ":path"), message("/a?b"), True),
    (":authority is as sent", header(exact("H.test:81"), ":authority"), message(), True),
    ("host is :authority", header(exact("H.test:81"), "Host"), message(), True),
    (":scheme is a header", header(exact("https"), ":scheme"), message(), False),
    ("all headers must match", HTTPMatchRequest(headers={"x": exact("1"), "y": PRESENT}), x("1"), False),
    ("an excluded value excludes", without(exact("1")), x("1"), False),
    ("another value does not exclude", without(exact("1")), x("2"), True),
    ("a missing header does not exclude", without(exact("1")), message(), True),
    ("any excluded value of several excludes", without(exact("1")), x("2", "1"), False),
    ("an excluded prefix excludes", without(prefix("a")), x("ab"), False),
    ("a missing header is as if empty", without(regex(".*")), message(), False),
    ("an excluded pattern that nothing fits takes absence", without(regex("X+")), message(), True),
    ("an empty exclusion excludes presence", without(PRESENT), x(""), False),
    ("an empty exclusion takes absence", without(PRESENT), message(), True),
    ("an exclusion of * excludes presence", without(regex("*")), x("1"), False),
    ("an exclusion of * takes absence", without(regex("*")), message(), True),
    ("a pseudo-header can be excluded", without(exact("GET"), ":method"), message(), False),
    ("another method is not excluded", without(exact("PUT"), ":method"), message(), True),
    ("method knows cases", HTTPMatchRequest(method=exact("get")), message(), False),
    ("method is compared", HTTPMatchRequest(method=regex("GET|PUT")), message(), True),
    ("scheme is compared", HTTPMatchRequest(scheme=exact("http")), message(), True),
    ("authority has its port and its case", HTTPMatchRequest(authority=exact("H.test:81")), message(), True),
    ("authority without its port is another", HTTPMatchRequest(authority=exact("H.test")), message(), False),
    ("authority in lower case is another", HTTPMatchRequest(authority=prefix("h.")), message(), False),
]

PARAMETERS = [
    ("exact takes the value", exact("v"), "/?k=v", True),
    ("other parameters do not matter", exact("v"), "/?a&&k=v&b=c", True),
    ("names know cases", exact("v"), "/?K=v", False),
    ("names are raw", exact("v"), "/?%6B=v", False),
    ("only the first occurrence counts", exact("v"), "/?k=w&k=v", False),
    ("later occurrences do not harm", exact("v"), "/?k=v&k=w", True),
    ("a missing parameter does not match", exact("v"), "/?x", False),
    ("a missing query does not match", exact("v"), "/", False),
    ("values are not decoded", exact("a b"), "/?k=a%20b", False),
    ("an encoded value is written encoded", exact("a%20b"), "/?k=a%20b", True),
    ("a plus is a plus", exact("a+b"), "/?k=a+b", True),
    ("a value may have an equals sign", exact("a=b"), "/?k=a=b", True),
    ("a second question mark separates nothing", exact("v"), "/?x?k=v", False),
    ("a semicolon separates nothing", exact("v"), "/?k=v;a", False),
    ("an empty exact takes ?k", exact(""), "/?k", True),
    ("an empty exact takes ?k=", exact(""), "/?k=", True),
    ("an empty exact does not take a missing one", exact(""), "/?a", False),
    ("presence takes ?k", PRESENT, "/?k", True),
    ("presence takes any value", PRESENT, "/?k=1", True),
    ("a value that names it is not it", PRESENT, "/?a=k", False),
    ("prefix takes the beginning", prefix("v"), "/?k=vw", True),
    ("regex takes the whole value", regex("v+"), "/?k=vv", True),
    ("regex does not take a part", regex("v+"), "/?k=vw", False),
]
HEADERS += [(f"query: {row[0]}", parameter(row[1]), message(row[2]), row[3]) for row in PARAMETERS]

CLAIM = "@request.auth.claims.a"
CLAIMS: list[tuple[str, HTTPMatchRequest, Mapping[str, object] | None, bool]] = [
    ("a string is compared", header(exact("admin"), CLAIM), {"a": "admin"}, True),
    ("one of a list is enough", header(exact("admin"), CLAIM), {"a": ["user", "admin"]}, True),
    ("another string does not match", header(exact("admin"), CLAIM), {"a": "user"}, False),
    ("an empty list does not match", header(regex(".*"), CLAIM), {"a": []}, False),
    ("a number is no string", header(exact("1"), CLAIM), {"a": 1}, False),
    ("a boolean is no string", header(exact("true"), CLAIM), {"a": True}, False),
    ("a string among numbers counts", header(regex(".*"), CLAIM), {"a": [1, "x"]}, True),
    ("a list in a list does not count", header(exact("admin"), CLAIM), {"a": [["admin"]]}, False),
    ("spaces separate nothing", header(exact("admin"), CLAIM), {"a": "user admin"}, False),
    ("prefix takes the beginning", header(prefix("ad"), CLAIM), {"a": "admin"}, True),
    ("a missing claim does not match", header(exact("admin"), CLAIM), {}, False),
    ("no token does not match", header(exact("admin"), CLAIM), None, False),
    ("dots go deeper", header(exact("v"), f"{CLAIM}.b"), {"a": {"b": "v"}}, True),
    ("brackets go deeper", header(exact("v"), "@request.auth.claims[a][b]"), {"a": {"b": "v"}}, True),
    ("brackets keep dots", header(exact("v"), "@request.auth.claims[a.b]"), {"a.b": "v"}, True),
    ("nothing is below a string", header(exact("v"), f"{CLAIM}.b"), {"a": "v"}, False),
    ("keys know cases", header(exact("v"), "@request.auth.claims.A"), {"a": "v"}, False),
    ("the prefix of the key knows none", header(exact("v"), "@Request.Auth.Claims.a"), {"a": "v"}, True),
    ("an excluded claim excludes", without(exact("admin"), CLAIM), {"a": ["user", "admin"]}, False),
    ("another claim does not exclude", without(exact("admin"), CLAIM), {"a": "user"}, True),
    ("a number does not exclude", without(exact("1"), CLAIM), {"a": 1}, True),
    ("no token does not exclude", without(exact("admin"), CLAIM), None, True),
]
HEADERS += [(f"claims: {row[0]}", row[1], message(claims=row[2]), row[3]) for row in CLAIMS]


@pytest.mark.parametrize(("block", "request_", "matches"), [pytest.param(*row[1:], id=row[0]) for row in HEADERS])
def test_conditions(block: HTTPMatchRequest, request_: Message, matches: bool) -> None:  # noqa: FBT001
    reason = compile_match(block, NEWEST, "f").mismatch(request_)

    assert (reason is None) is matches, reason


VERSIONS = [
    ("1.30 joins repeated values", "1.30", header(exact("1,2")), x("1", "2"), True),
    ("1.30 sees no single value", "1.30", header(exact("1")), x("1", "2"), False),
    ("1.31 sees each value", "1.31", header(exact("1")), x("1", "2"), True),
    ("1.30 excludes by joined values", "1.30", without(exact("1")), x("1", "2"), True),
    ("1.30 excludes joined values", "1.30", without(exact("1,2")), x("1", "2"), False),
    ("1.30 sees a single value as it is", "1.30", header(exact("1")), x("1"), True),
    ("1.21 does not take absence for a value", "1.21", without(exact("1")), message(), False),
    ("1.21 takes absence where presence is excluded", "1.21", without(PRESENT), message(), True),
    ("1.22 takes absence for an empty value", "1.22", without(exact("1")), message(), True),
    ("1.17 takes presence for an empty value", "1.17", header(PRESENT), x("1"), False),
    ("1.17 wants the empty value", "1.17", header(PRESENT), x(""), True),
    ("1.18 knows presence", "1.18", header(PRESENT), x("1"), True),
    ("1.17 takes a query's prefix for presence", "1.17", parameter(prefix("v")), message("/?k=w"), True),
    ("1.18 knows a query's prefix", "1.18", parameter(prefix("v")), message("/?k=w"), False),
    ("1.11 knows no claims", "1.11", header(exact("v"), CLAIM), message(claims={"a": "v"}), False),
    ("1.12 knows claims", "1.12", header(exact("v"), CLAIM), message(claims={"a": "v"}), True),
]


@pytest.mark.parametrize(
    ("version", "block", "request_", "matches"), [pytest.param(*row[1:], id=row[0]) for row in VERSIONS]
)
def test_versions(version: str, block: HTTPMatchRequest, request_: Message, matches: bool) -> None:  # noqa: FBT001
    reason = compile_match(block, Version.of(version), "f").mismatch(request_)

    assert (reason is None) is matches, reason


REASONS = [
    (match(prefix("/foo")), message("/bar"), "uri: prefix /foo does not begin /bar"),
    (match(exact("/foo")), message("/bar"), "uri: exact /foo is not /bar"),
    (match(regex("/f+")), message("/bar"), "uri: regex /f+ does not match all of /bar"),
    (header(exact("1")), x("2", "3"), "headers[x]: exact 1 is not 2, 3"),
    (header(exact("1"), "X"), message(), "headers[X]: exact 1 asked for, but it is absent"),
    (header(PRESENT), message(), "headers[x]: presence asked for, but it is absent"),
    (without(prefix("a")), x("ab"), "withoutHeaders[x]: excluded, but it is ab"),
    (without(regex(".*")), message(), "withoutHeaders[x]: it is absent, which counts as empty"),
    (parameter(exact("v")), message("/?k=w"), "queryParams[k]: exact v is not w"),
    (parameter(exact("v")), message("/?x"), "queryParams[k]: exact v asked for, but it is absent"),
    (HTTPMatchRequest(method=exact("PUT")), message(), "method: exact PUT is not GET"),
    (header(exact("PUT"), ":method"), message(), "headers[:method]: exact PUT is not GET"),
    (without(exact("GET"), ":method"), message(), "withoutHeaders[:method]: excluded, but it is GET"),
    (header(exact("v"), CLAIM), message(claims={"a": 1}), f"headers[{CLAIM}]: exact v is not 1"),
    (header(exact("v"), CLAIM), message(), f"headers[{CLAIM}]: exact v asked for, but it is absent"),
    (without(exact("v"), CLAIM), message(claims={"a": "v"}), f"withoutHeaders[{CLAIM}]: excluded, but it is v"),
]


@pytest.mark.parametrize(("block", "request_", "reason"), REASONS, ids=[row[2] for row in REASONS])
def test_a_mismatch_names_field_wanted_and_found(block: HTTPMatchRequest, request_: Message, reason: str) -> None:
    assert compile_match(block, NEWEST, "f").mismatch(request_) == reason


def test_before_1_22_absence_says_that_it_met_no_condition() -> None:
    reason = compile_match(without(exact("1")), Version.of("1.21"), "f").mismatch(message())

    assert reason == "withoutHeaders[x]: it is absent, which before Istio 1.22 met no condition"


CATCH_ALLS = [
    ("no match is", None, "1.32", True),
    ("an empty block is", match(), "1.32", True),
    ("an empty uri is", match(PRESENT), "1.32", True),
    ("the prefix / is", match(prefix("/")), "1.32", True),
    ("the prefix / in any case is", match(prefix("/"), any_case=True), "1.32", True),
    ("a port does not count", HTTPMatchRequest(port=80), "1.32", True),
    ("the regex .* is", match(regex(".*")), "1.32", True),
    ("the regex .* is not before 1.19", match(regex(".*")), "1.18", False),
    ("another regex is not", match(regex("/.*")), "1.32", False),
    ("an empty prefix is not", match(prefix("")), "1.32", False),
    ("a longer prefix is not", match(prefix("/a")), "1.32", False),
    ("exact / is not", match(exact("/")), "1.32", False),
    ("a header counts", header(PRESENT), "1.32", False),
    ("an excluded header counts", without(PRESENT), "1.32", False),
    ("a query parameter counts", parameter(PRESENT), "1.32", False),
    ("a claim counts", header(exact("v"), CLAIM), "1.32", False),
    ("a method counts", HTTPMatchRequest(method=exact("GET")), "1.32", False),
    ("a scheme counts", HTTPMatchRequest(scheme=exact("http")), "1.32", False),
    ("an authority counts", HTTPMatchRequest(authority=exact("h")), "1.32", False),
]


@pytest.mark.parametrize(("block", "version", "is_one"), [pytest.param(*row[1:], id=row[0]) for row in CATCH_ALLS])
def test_catch_alls(block: HTTPMatchRequest | None, version: str, is_one: bool) -> None:  # noqa: FBT001
    assert compile_match(block, Version.of(version), "f").is_catch_all is is_one


UNDEFINED = [
    ("an empty prefix of a header", header(prefix("")), "1.21", "headers[x]: Envoy refuses an empty prefix"),
    ("an empty prefix of the method", HTTPMatchRequest(method=prefix("")), "1.21", "method: Envoy refuses"),
    ("an empty prefix of a parameter", parameter(prefix("")), "1.21", "queryParams[k]: Envoy refuses"),
    ("a claim without a value", header(PRESENT, CLAIM), "1.32", f"headers[{CLAIM}]: Envoy refuses a claim"),
    ("an excluded claim without one", without(regex("*"), CLAIM), "1.32", f"withoutHeaders[{CLAIM}]: Envoy refuses"),
    ("not an empty prefix of the path", match(prefix("")), "1.32", ""),
    ("not a parameter's before 1.18", parameter(prefix("")), "1.17", ""),
    ("not presence", header(PRESENT), "1.32", ""),
]


@pytest.mark.parametrize(("block", "version", "reason"), [pytest.param(*row[1:], id=row[0]) for row in UNDEFINED])
def test_what_envoy_refuses_is_undefined(block: HTTPMatchRequest, version: str, reason: str) -> None:
    undefined = compile_match(block, Version.of(version), "f").undefined

    assert undefined.startswith(reason)
    assert bool(undefined) is bool(reason)


INVALID = [
    ("in the path", match(regex("(?=a)")), "spec.http[0].match[0].uri.regex: invalid perl operator: (?="),
    ("in a header", header(regex("[")), "spec.http[0].match[0].headers[x].regex: missing ]: ["),
    (
        "in the authority",
        HTTPMatchRequest(authority=regex("[")),
        "spec.http[0].match[0].authority.regex: missing ]: [",
    ),
    (
        "in withoutHeaders",
        HTTPMatchRequest(without_headers={"x": regex("[")}),
        "spec.http[0].match[0].withoutHeaders[x].regex: missing ]: [",
    ),
    (
        "in a query parameter",
        HTTPMatchRequest(query_params={"x": regex("[")}),
        "spec.http[0].match[0].queryParams[x].regex: missing ]: [",
    ),
    ("as * in the path", match(regex("*")), "spec.http[0].match[0].uri.regex: no argument for repetition operator: *"),
]


@pytest.mark.parametrize(("block", "error"), [pytest.param(*row[1:], id=row[0]) for row in INVALID])
def test_a_regex_that_re2_does_not_know_is_an_error_with_its_field(block: HTTPMatchRequest, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        compile_match(block, NEWEST, "spec.http[0].match[0]")


PATHS = [
    ("@request.auth.claims.a", ("a",)),
    ("@request.auth.claims.a.b", ("a", "b")),
    ("@request.auth.claims[a]", ("a",)),
    ("@request.auth.claims[a][b.c]", ("a", "b.c")),
    ("@request.auth.claims", ()),
    ("@request.auth.claims.", ()),
    ("@request.auth.claims[]", ()),
    ("@request.auth.claimsx", ()),
    ("x-claims", ()),
]


@pytest.mark.parametrize(("key", "path"), PATHS, ids=[row[0] for row in PATHS])
def test_keys_of_claims(key: str, path: tuple[str, ...]) -> None:
    assert claim_path(key) == path


RESTS = [
    ("all after a prefix", match(prefix("/foo")), "/foobar", "bar"),
    ("all after a prefix in another case", match(prefix("/FOO"), any_case=True), "/foo/x", "/x"),
    ("all after the implied /", None, "/x", "x"),
    ("all of it with an empty prefix", match(prefix("")), "/x", "/x"),
    ("nothing with exact", match(exact("/foo")), "/foo", ""),
    ("nothing with a regex", match(regex("/f.*")), "/foo", ""),
]


@pytest.mark.parametrize(("block", "path", "rest"), [pytest.param(*row[1:], id=row[0]) for row in RESTS])
def test_a_rewrite_keeps(block: HTTPMatchRequest | None, path: str, rest: str) -> None:
    assert compile_match(block, NEWEST, "f").rest(path) == rest
