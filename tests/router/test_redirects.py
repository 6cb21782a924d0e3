"""Redirects (specification, sections 10.2, 13.1 and 28): each row was tried on Envoy 1.39.1."""

from __future__ import annotations

import pytest

from conformance.router.matching import compile_match
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPMatchRequest, HTTPRedirect, StringMatch
from conformance.router.redirects import https_redirect, redirect
from conformance.router.undefined import Undefined
from conformance.router.versions import Version
from tests.router.lab import ask

PREFIX = HTTPMatchRequest(uri=StringMatch(prefix="/foo"))
ANY_CASE = HTTPMatchRequest(uri=StringMatch(prefix="/FOO"), ignore_uri_case=True)
EXACT = HTTPMatchRequest(uri=StringMatch(exact="/foo"))
REGEX = HTTPMatchRequest(uri=StringMatch(regex="/f.*"))


def message(url: str, forwarded_proto: str | None = None) -> Message:
    scheme, _, rest = url.partition("://")
    authority, slash, target = rest.partition("/")
    path, mark, query = (slash + target).partition("?")
    headers = {"x-forwarded-proto": (forwarded_proto,)} if forwarded_proto else {}
    return Message("GET", scheme, authority, path, query if mark else None, headers)


def to(**fields: str | int) -> HTTPRedirect:
    return HTTPRedirect(**fields)  # type: ignore[arg-type]


LISTENER_PORT = 8080
REQUEST, PROTOCOL = "FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"
# What is asked for at port 8080, with the redirect; where it leads to.
LOCATIONS = [
    ("uri replaces the whole path", to(uri="/new"), "http://h/foo/a", "http://h/new"),
    ("uri keeps the query", to(uri="/new"), "http://h/foo?q=1", "http://h/new?q=1"),
    ("uri keeps an empty query", to(uri="/new"), "http://h/foo?", "http://h/new?"),
    ("uri with a query replaces the query", to(uri="/new?z=1"), "http://h/foo?q=1", "http://h/new?z=1"),
    ("uri gains a leading slash", to(uri="new"), "http://h/foo", "http://h/new"),
    ("uri may have a fragment, and the query goes behind it", to(uri="/n#f"), "http://h/foo?q", "http://h/n#f?q"),
    ("uri keeps the Host with its port", to(uri="/new"), "http://h:81/foo", "http://h:81/new"),
    ("authority keeps path and query", to(authority="o.test"), "http://h/foo/a?q=1", "http://o.test/foo/a?q=1"),
    ("authority drops the Host's port", to(authority="o.test"), "http://h:81/foo", "http://o.test/foo"),
    ("authority may have a port", to(authority="o.test:99"), "http://h/foo", "http://o.test:99/foo"),
    ("a port goes behind the authority as it is", to(authority="o:99", port=81), "http://h/foo", "http://o:99:81/foo"),
    ("scheme keeps the Host", to(scheme="https"), "http://h/foo", "https://h/foo"),
    ("scheme drops the old default port", to(scheme="https"), "http://h:80/foo", "https://h/foo"),
    ("scheme drops it the other way round", to(scheme="http"), "https://h:443/foo", "http://h/foo"),
    ("scheme keeps another port", to(scheme="https"), "http://h:8080/foo", "https://h:8080/foo"),
    ("scheme keeps the new default port", to(scheme="https"), "http://h:443/foo", "https://h:443/foo"),
    ("the same scheme keeps its default port", to(scheme="http"), "http://h:80/foo", "http://h:80/foo"),
    ("no scheme keeps the client's", to(uri="/new"), "https://h/foo", "https://h/new"),
    ("port is added", to(port=81), "http://h/foo", "http://h:81/foo"),
    ("port replaces the Host's", to(port=81), "http://h:8080/foo", "http://h:81/foo"),
    ("port goes with an authority", to(authority="o.test", port=81), "http://h/foo", "http://o.test:81/foo"),
    ("port goes behind an IPv6 address", to(port=81), "http://[::1]/foo", "http://[::1]:81/foo"),
    ("port replaces that of an IPv6 address", to(port=81), "http://[::1]:80/foo", "http://[::1]:81/foo"),
    ("an IPv6 address stays", to(scheme="https"), "http://[::1]/foo", "https://[::1]/foo"),
    ("an IPv6 address loses the old default", to(scheme="https"), "http://[::1]:80/foo", "https://[::1]/foo"),
    (
        "of several closed brackets the last one ends the address",
        to(port=81),
        "http://[1]:80]:2/f",
        "http://[1]:80]:81/f",
    ),
    ("a bracket that nothing closes has no port", to(port=81), "http://[::1/foo", "http://[::1:81/foo"),
    ("only a bracket at the beginning counts", to(port=81), "http://a]:1]/foo", "http://a]:81/foo"),
    ("of several colons the last one begins the port", to(port=81), "http://a:1:80/foo", "http://a:1:81/foo"),
    ("a port may stand alone", to(port=81), "http://:80/foo", "http://:81/foo"),
    ("port 80 of http is no port", to(port=80, uri="/n"), "http://h:8080/foo", "http://h:8080/n"),
    ("port 443 of https is no port", to(port=443, scheme="https"), "http://h:8080/foo", "https://h:8080/foo"),
    ("port 443 of http is one", to(port=443), "http://h/foo", "http://h:443/foo"),
    ("port 80 of https is one", to(port=80, scheme="https"), "http://h/foo", "https://h:80/foo"),
    ("the request's port is the listener's", to(derive_port=REQUEST), "http://h:1/foo", "http://h:8080/foo"),
    ("the protocol's port keeps the Host's", to(derive_port=PROTOCOL), "http://h:1/foo", "http://h:1/foo"),
    ("that with another scheme too", to(derive_port=PROTOCOL, scheme="https"), "http://h:1/f", "https://h:1/f"),
    ("nothing at all leads back", to(), "http://h/foo?q", "http://h/foo?q"),
    ("everything at once", to(scheme="https", authority="o", port=1, uri="/n"), "http://h:2/foo?q", "https://o:1/n?q"),
]


@pytest.mark.parametrize(("rule", "url", "location"), [pytest.param(*row[1:], id=row[0]) for row in LOCATIONS])
def test_locations(rule: HTTPRedirect, url: str, location: str) -> None:
    matcher = compile_match(PREFIX, Version(), "f")
    asked = message(url)

    answer = redirect(rule, matcher, asked, LISTENER_PORT, Version(), is_tls=asked.scheme == "https")

    assert answer == (301, location)


PREFIX_REWRITES = [
    ("the prefix is swapped", PREFIX, "/bar", "/foo/a?q=1", "/bar/a?q=1"),
    ("it is swapped as text", PREFIX, "/bar", "/foobar", "/barbar"),
    ("the root leaves two slashes", PREFIX, "/", "/foo/a", "//a"),
    ("a question mark is no query", PREFIX, "/bar?z=1", "/foo/a?q", "/bar?z=1/a?q"),
    ("a leading slash is added", PREFIX, "bar", "/foo", "/bar"),
    ("in any case as many characters go", ANY_CASE, "/bar", "/fOO/a", "/bar/a"),
    ("without a match the leading slash is swapped", None, "/bar", "/foo", "/barfoo"),
    ("an exact path goes as a whole", EXACT, "/bar", "/foo?q", "/bar?q"),
    ("what a regex matched goes as a whole", REGEX, "/bar", "/foo/a?q", "/bar?q"),
]


@pytest.mark.parametrize(
    ("block", "replacement", "target", "path"), [pytest.param(*row[1:], id=row[0]) for row in PREFIX_REWRITES]
)
def test_prefix_rewrites(block: HTTPMatchRequest | None, replacement: str, target: str, path: str) -> None:
    matcher = compile_match(block, Version(), "f")

    answer = redirect(
        to(prefix_rewrite=replacement), matcher, message(f"http://h{target}"), 80, Version(), is_tls=False
    )

    assert answer == (301, f"http://h{path}")


def test_before_1_31_there_is_no_prefix_rewrite() -> None:
    matcher, version = compile_match(PREFIX, Version(), "f"), Version.of("1.30")

    answer = redirect(to(prefix_rewrite="/bar", port=81), matcher, message("http://h/foo"), 80, version, is_tls=False)

    assert answer == (301, "http://h:81/foo")


TLS = [
    ("a TLS listener takes 443 for the default", True, 443, "https://h:8080/foo", "https://h:8080/n"),
    ("a plain one does not, whatever the client forwarded", False, 443, "https://h:8080/foo", "https://h:443/n"),
]


@pytest.mark.parametrize(("is_tls", "port", "url", "location"), [pytest.param(*row[1:], id=row[0]) for row in TLS])
def test_default_ports_without_a_scheme(is_tls: bool, port: int, url: str, location: str) -> None:  # noqa: FBT001
    matcher = compile_match(PREFIX, Version(), "f")

    answer = redirect(to(port=port, uri="/n"), matcher, message(url), 80, Version(), is_tls=is_tls)

    assert answer == (301, location)


def test_the_old_default_port_is_that_of_x_forwarded_proto() -> None:
    matcher, asked = compile_match(PREFIX, Version(), "f"), message("https://h:443/foo", forwarded_proto="http")

    assert redirect(to(scheme="http"), matcher, asked, 80, Version(), is_tls=False) == (301, "http://h:443/foo")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_codes(code: int) -> None:
    matcher = compile_match(PREFIX, Version(), "f")

    answer = redirect(to(uri="/n", redirect_code=code), matcher, message("http://h/foo"), 80, Version(), is_tls=False)

    assert answer == (code, "http://h/n")


@pytest.mark.parametrize("code", [300, 304, 399])
def test_other_codes_are_undefined(code: int) -> None:
    matcher = compile_match(PREFIX, Version(), "f")

    answer = redirect(to(uri="/n", redirect_code=code), matcher, message("http://h/foo"), 80, Version(), is_tls=False)

    assert isinstance(answer, Undefined)
    assert str(code) in answer.reason


TO_HTTPS = [
    ("Host, path and query stay", "http://h/p?q=1", "https://h/p?q=1"),
    ("the port stays", "http://h:8080/p", "https://h:8080/p"),
    ("even the default port of http stays", "http://h:80/", "https://h:80/"),
]


@pytest.mark.parametrize(("url", "location"), [pytest.param(*row[1:], id=row[0]) for row in TO_HTTPS])
def test_https_redirect(url: str, location: str) -> None:
    assert https_redirect(message(url)) == (301, location)


@pytest.mark.parametrize(
    ("operations", "location"),
    [
        pytest.param({"set": {"x": "1"}}, "http://ratings/new", id="other headers leave it"),
        pytest.param({"set": {"location": "/own"}}, "/own", id="it is replaced"),
        pytest.param({"remove": ["location"]}, None, id="it is removed"),
        pytest.param({"set": {"location": "%PROTOCOL%"}}, None, id="what Envoy fills in is left out"),
    ],
)
def test_the_location_is_subject_to_the_rules_operations(operations: dict[str, object], location: str | None) -> None:
    rule = {"redirect": {"uri": "/new"}, "headers": {"response": operations}}

    (outcome,) = ask([{"VirtualService v": {"hosts": ["ratings"], "http": [rule]}}], "http://ratings/").outcomes

    assert [value for name, value in outcome.response_set if name == "location"] == ([location] if location else [])
