"""What a proxy makes of a request before it looks at it (specification, section 23), as Envoy 1.39.1 does."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.router.codec import METHODS, Refused, received
from conformance.router.message import Message
from conformance.router.paths import normalized
from conformance.router.request import Headers, Request


def sent(path: str = "/", **changes: Any) -> Request:
    return Request(**{"client": "default/probe", "host": "h.test", "port": 80, "path": path, **changes})


def message(request: Request, **settings: Any) -> Message:
    seen = received(request, **{"scheme": "http", "normalization": "BASE", **settings})
    assert isinstance(seen, Message), seen
    return seen


def refusal(request: Request, **settings: Any) -> Refused:
    seen = received(request, **{"scheme": "http", "normalization": "BASE", **settings})
    assert isinstance(seen, Refused), seen
    return seen


SAME = "the same"
LEVELS = ("NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES")
# The path as sent; what BASE makes of it; what merging slashes makes of it; what decoding them before makes of it.
NORMALISED = [
    ("/", SAME, SAME, SAME),
    ("/a/b.c/d-e_f~g", SAME, SAME, SAME),
    ("/a/../b", "/b", "/b", "/b"),
    ("/a/./b", "/a/b", "/a/b", "/a/b"),
    ("/a/.", "/a/", "/a/", "/a/"),
    ("/a/..", "/", "/", "/"),
    ("/../a", "/a", "/a", "/a"),
    ("/a/../../b", "/b", "/b", "/b"),
    ("/..", "/", "/", "/"),
    ("/...", SAME, SAME, SAME),
    ("/.a/b/..c", SAME, SAME, SAME),
    ("/a;p=1/../b", "/b", "/b", "/b"),
    ("/a/..;x=1/b", "/b", "/b", "/b"),
    ("/a/.;x/b", "/a/b", "/a/b", "/a/b"),
    ("/a/..;x", "/", "/", "/"),
    ("/a/b/..", "/a/", "/a/", "/a/"),
    ("/a/%2e%2e;x/b", "/a/..;x/b", "/a/..;x/b", "/a/..;x/b"),
    ("/a\\..;x/b", "/a/..;x/b", "/a/..;x/b", "/a/..;x/b"),
    ("/a%2f..;x/b", SAME, SAME, "/b"),
    ("/a/...;x/b", SAME, SAME, SAME),
    ("/a\\b", "/a/b", "/a/b", "/a/b"),
    ("/a\\..\\b", "/b", "/b", "/b"),
    ("/%66oo", "/foo", "/foo", "/foo"),
    ("/%41%5a%7e%2d%5F%2e%30", "/AZ~-_.0", "/AZ~-_.0", "/AZ~-_.0"),
    ("/a/%2e%2E/b", "/b", "/b", "/b"),
    ("/a/.%2e/b", "/b", "/b", "/b"),
    ("/a/%252e%252e/b", SAME, SAME, SAME),
    ("/a%20b", SAME, SAME, SAME),
    ("/%3F%23%7B%3a%40%24", SAME, SAME, SAME),
    ("/%c3%A9", SAME, SAME, SAME),
    ("/a%", SAME, SAME, SAME),
    ("/a%2", SAME, SAME, SAME),
    ("/a%zz", SAME, SAME, SAME),
    ("/%2%41", "/%252A", "/%252A", "/%252A"),
    ("/%%32F", "/%252F", "/%252F", "/%252F"),
    ("/%%30%30", "/%2500", "/%2500", "/%2500"),
    ("/%%41z", "/%Az", "/%Az", "/%Az"),
    ("/a%2Fb", SAME, SAME, "/a/b"),
    ("/a%2f..%2fb", SAME, SAME, "/b"),
    ("/a%5Cb", SAME, SAME, "/a/b"),
    ("/%2e%2e%2fx", "/..%2fx", "/..%2fx", "/x"),
    ("/%2F", SAME, SAME, "//"),
    ("//a//b", SAME, "/a/b", "/a/b"),
    ("/a//", SAME, "/a/", "/a/"),
    ("//", SAME, SAME, SAME),
    ("///", SAME, "//", "//"),
    ("/a//../b", "/a/b", "/a/b", "/a/b"),
    ("/a/..//b", "//b", "/b", "/b"),
    ("/a///../b", "/a//b", "/a/b", "/a/b"),
    ('/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D", "/%22%3C%3E%5E%60%7B%7C%7D", "/%22%3C%3E%5E%60%7B%7C%7D"),
    ("/[a]!$&'()*+,;=:@", SAME, SAME, SAME),
    ("/a%00", None, None, None),
    ("/a/..;%00/b", "/b", "/b", "/b"),
]


@pytest.mark.parametrize("row", NORMALISED, ids=[row[0] for row in NORMALISED])
def test_paths(row: tuple[str, str | None, str | None, str | None]) -> None:
    path = row[0]

    assert [normalized(path, level) for level in LEVELS] == [
        path if each == SAME else each for each in (path, *row[1:])
    ]
    assert normalized(path, "DEFAULT") == normalized(path, "BASE")


@pytest.mark.parametrize("row", NORMALISED, ids=[row[0] for row in NORMALISED])
@pytest.mark.parametrize("level", LEVELS)
def test_a_request_takes_the_same_way_as_its_path(row: tuple[str, ...], level: str) -> None:
    seen = received(sent(row[0]), scheme="http", normalization=level)

    assert (seen.path if isinstance(seen, Message) else None) == normalized(row[0], level)


QUERIES = [
    ("/a", "/a", None),
    ("/a?", "/a", ""),
    ("/a?x=1", "/a", "x=1"),
    ("/a?x?y", "/a", "x?y"),
    ("/./a?../x//%41\\", "/a", "../x//%41\\"),
    ("/a#f", "/a", None),
    ("/a?x#f", "/a", "x"),
    ("/a#f?x", "/a", None),
]


@pytest.mark.parametrize(("target", "path", "query"), QUERIES, ids=[row[0] for row in QUERIES])
def test_queries_stay_raw_and_fragments_go(target: str, path: str, query: str | None) -> None:
    seen = message(sent(target))

    assert (seen.path, seen.query) == (path, query)


REFUSED = [
    ("an unknown method", sent(method="FOO"), 400, "Bad Request"),
    ("a method in lower case", sent(method="get"), 400, "Bad Request"),
    ("M-SEARCH", sent(method="M-SEARCH"), 400, "Bad Request"),
    ("a missing Host", sent(authority=""), 400, ""),
    ("a Host with a space", sent(authority="h test"), 400, "Bad Request"),
    ("a Host with a slash", sent(authority="h/x"), 400, "Bad Request"),
    ("HTTP/1.0", sent(http_version="1.0"), 426, "Upgrade Required"),
    ("HTTP/1.0 without Host", sent(http_version="1.0", authority=""), 426, "Upgrade Required"),
    ("HTTP/1.0 with an unknown method", sent(http_version="1.0", method="FOO"), 400, "Bad Request"),
    ("HTTP/1.0 with a bad Host", sent(http_version="1.0", authority="h/x"), 426, "Upgrade Required"),
    ("HTTP/1.0 with a bad path", sent("/%00", http_version="1.0"), 426, "Upgrade Required"),
    ("an encoded zero byte", sent("/a%00b"), 400, ""),
    ("a space in the path", sent("/a b"), 400, "Bad Request"),
    ("a control character", sent("/a\x01"), 400, "Bad Request"),
    ("what is not ASCII", sent("/é"), 400, "Bad Request"),
    ("an empty target", sent(""), 400, "Bad Request"),
    ("a target without a slash", sent("foo"), 400, "Bad Request"),
    ("OPTIONS *", sent("*", method="OPTIONS"), 404, ""),
    ("OPTIONS * without Host", sent("*", method="OPTIONS", authority=""), 400, ""),
    ("GET *", sent("*"), 400, "Bad Request"),
    ("CONNECT", sent("h.test:80", method="CONNECT"), 404, ""),
    ("CONNECT without Host", sent("h.test:80", method="CONNECT", authority=""), 404, ""),
    ("CONNECT to the highest port", sent("h.test:65535", method="CONNECT"), 404, ""),
    ("CONNECT to a port above", sent("h.test:65536", method="CONNECT"), 400, "Bad Request"),
    ("CONNECT without a port", sent("h.test", method="CONNECT"), 400, "Bad Request"),
    ("CONNECT with a path", sent("/", method="CONNECT"), 400, "Bad Request"),
    ("another scheme", sent("ftp://o.test/x"), 400, "Bad Request"),
    ("a URL without a host", sent("http:///x"), 400, "Bad Request"),
    ("a URL with a bad port", sent("http://o.test:x/"), 400, "Bad Request"),
    ("a URL with too high a port", sent("http://o.test:65536/"), 400, "Bad Request"),
    ("a URL with an underscore", sent("http://o_test/"), 400, "Bad Request"),
    ("a URL with a query and no path", sent("http://o.test?x"), 404, ""),
    ("a URL with a fragment and no path", sent("http://o.test#x"), 400, "Bad Request"),
    ("CONNECT over HTTP/2", sent(method="CONNECT", http_version="2"), 404, ""),
    ("OPTIONS * over HTTP/2", sent("*", method="OPTIONS", http_version="2"), 404, ""),
    ("an encoded zero byte over HTTP/2", sent("/%00", http_version="2"), 400, ""),
    ("a missing :authority", sent(authority="", http_version="2"), None, ""),
    ("a malformed method over HTTP/2", sent(method="A B", http_version="2"), None, ""),
    ("a path without a slash over HTTP/2", sent("x", http_version="2"), None, ""),
]


@pytest.mark.parametrize(("request_", "status", "body"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_refused(request_: Request, status: int | None, body: str) -> None:
    answer = refusal(request_)

    assert (answer.status, answer.body) == (status, body)
    assert answer.why


@pytest.mark.parametrize("method", sorted(METHODS - {"CONNECT"}))
def test_methods_that_envoy_knows(method: str) -> None:
    assert message(sent(method=method)).method == method


ACCEPTED = [
    ("the Host as sent", sent(authority="H.test:081"), ("H.test:081", "/", "http")),
    ("a port that the scheme does not imply", sent(port=8080), ("h.test:8080", "/", "http")),
    ("a Host with odd characters", sent(authority="u@a_b,c"), ("u@a_b,c", "/", "http")),
    ("a URL that overrides the Host", sent("http://O.test:81/x/../y?z"), ("O.test:81", "/y?z", "http")),
    ("a URL without a Host header", sent("http://o.test/x", authority=""), ("o.test", "/x", "http")),
    ("a URL without a path", sent("http://o.test"), ("o.test", "/", "http")),
    ("a URL in capitals", sent("HTTP://o.test/x"), ("o.test", "/x", "http")),
    ("a URL with another scheme than the connection", sent("https://o.test/x"), ("o.test", "/x", "https")),
    ("a URL with a user", sent("http://u:p@o.test:81/x"), ("o.test:81", "/x", "http")),
    ("a URL with an IPv6 address", sent("http://[::1]:80/x"), ("[::1]:80", "/x", "http")),
    ("OPTIONS with a URL", sent("http://o.test", method="OPTIONS"), ("o.test", "/", "http")),
    ("any method over HTTP/2", sent("/x", method="foo", http_version="2"), ("h.test", "/x", "http")),
    ("a raw path over HTTP/2", sent("/é#f", http_version="2"), ("h.test", "/%C3%A9", "http")),
]


@pytest.mark.parametrize(("request_", "seen"), [pytest.param(*row[1:], id=row[0]) for row in ACCEPTED])
def test_authority_target_and_scheme(request_: Request, seen: tuple[str, str, str]) -> None:
    made = message(request_)

    assert (made.authority, made.target, made.scheme) == seen


PROTO = "X-Forwarded-Proto"
# Who receives it, over which scheme and version, with which header; the scheme, and the header as it goes on.
SCHEMES: list[tuple[str, bool, str, str, tuple[str, ...], str, str]] = [
    ("a sidecar says what it sees", False, "http", "1.1", (), "http", "http"),
    ("a sidecar believes its application", False, "http", "1.1", ("https",), "https", "https"),
    ("a sidecar does so in any case", False, "http", "1.1", ("HTTPS",), "https", "HTTPS"),
    ("a sidecar passes nonsense on", False, "http", "1.1", ("foo",), "http", "foo"),
    ("a sidecar takes two for nonsense", False, "http", "1.1", ("https", "http"), "http", "https,http"),
    ("over HTTP/2 the client states the scheme", False, "http", "2", ("https",), "http", "https"),
    ("a gateway believes nobody", True, "http", "1.1", ("https",), "http", "http"),
    ("a gateway says that it ended TLS", True, "https", "1.1", (), "https", "https"),
]


@pytest.mark.parametrize("row", SCHEMES, ids=[row[0] for row in SCHEMES])
def test_schemes(row: tuple[str, bool, str, Any, tuple[str, ...], str, str]) -> None:
    _, is_edge, scheme, version, values, seen, passed_on = row
    request = sent(headers=tuple((PROTO, value) for value in values), http_version=version)

    made = message(request, scheme=scheme, is_edge=is_edge)

    assert (made.scheme, made.headers[PROTO.lower()]) == (seen, (passed_on,))


def test_a_url_beats_x_forwarded_proto() -> None:
    assert message(sent("http://o.test/", headers=((PROTO, "https"),))).scheme == "http"


UPGRADE: dict[str, tuple[str, ...]] = {"connection": ("Upgrade",), "upgrade": ("websocket",)}
HEADERS: list[tuple[str, Headers, dict[str, tuple[str, ...]]]] = [
    ("names become lower case", (("X-A", "V"),), {"x-a": ("V",)}),
    ("values lose the space around them", (("x", " a b\t"),), {"x": ("a b",)}),
    ("other signs around them stay", (("x", "X\xa0"),), {"x": ("X\xa0",)}),
    ("empty values stay", (("x", ""),), {"x": ("",)}),
    ("underscores stay", (("x_y", "1"),), {"x_y": ("1",)}),
    ("repeated values keep their order", (("x", "2"), ("X", "1")), {"x": ("2", "1")}),
    ("repeated cookies stay apart", (("cookie", "a=1"), ("cookie", "b=2")), {"cookie": ("a=1", "b=2")}),
    ("headers that Envoy knows are joined", (("accept", "a"), ("Accept", "b")), {"accept": ("a,b",)}),
    ("empty values join nothing", (("via", ""), ("via", "b"), ("via", "")), {"via": ("b",)}),
    ("hop-by-hop headers go", (("Connection", "x-a, close"), ("x-a", "1"), ("keep-alive", "1")), {}),
    ("an upgrade stays", (("connection", "Upgrade"), ("upgrade", "websocket")), UPGRADE),
    ("an upgrade that Connection does not name goes", (("upgrade", "websocket"),), {}),
    ("an upgrade without a name goes", (("connection", "upgrade"),), {}),
    ("an upgrade to HTTP/2 goes", (("connection", "upgrade"), ("upgrade", "h2c")), {}),
    ("orders to Envoy go", (("x-envoy-max-retries", "9"), ("x-envoy-upstream-rq-timeout-ms", "1")), {}),
]


@pytest.mark.parametrize(("headers", "seen"), [pytest.param(*row[1:], id=row[0]) for row in HEADERS])
def test_headers(headers: Headers, seen: dict[str, tuple[str, ...]]) -> None:
    assert message(sent(headers=headers)).headers == {**seen, PROTO.lower(): ("http",)}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (sent(method="CONNECT", http_version="2"), "no route takes CONNECT"),
        (sent("h.test:80", method="CONNECT"), "no route takes CONNECT"),
        (sent(authority=""), "Host is missing"),
        (sent(authority="a b"), "a b is no valid Host"),
        (sent("*", method="OPTIONS", http_version="2"), "the path * does not begin with a slash"),
        (sent("*", method="OPTIONS"), "the path * does not begin with a slash"),
        (sent("a", method="WISH"), "the method WISH is unknown"),
        (sent("*"), "only OPTIONS goes with *"),
        (sent("a b"), "the request target is empty or has characters that HTTP/1.1 does not know there"),
        (sent("h", method="CONNECT"), "h is no host with a port"),
        (sent("relative"), "relative is no URL"),
        (sent("/a%00"), "the path /a%00 has an encoded zero byte"),
        (sent("/a b", http_version="2"), "the path /a b is malformed"),
        (sent(authority="a b", http_version="2"), "the method or :authority is missing or malformed"),
    ],
)
def test_a_refusal_says_why(request_: Request, reason: str) -> None:
    assert refusal(request_).why == reason


def test_options_over_http2_may_have_a_path() -> None:
    assert message(sent("/a", method="OPTIONS", http_version="2")).path == "/a"
