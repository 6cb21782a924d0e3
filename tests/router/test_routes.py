"""Hosts with ports (specification, section 8): the first table was tried on Envoy 1.39.1."""

from __future__ import annotations

import pytest

from conformance.router.routes import VirtualHost, table, without_port

# The Host of a request, and the domain of the virtual host that takes it.
DOMAINS = [
    ("h.test", "h.test"),
    ("H.Test:80", "h.test"),
    ("h.test:http", "h.test"),
    ("h.test:", "h.test"),
    ("h.test]:80", "*"),
    ("[::1]", "[::1]"),
    ("[::1]:80", "[::1]"),
    ("a:1:80", "a:1"),
    ("a:1", "*"),
    ("x.w.test:8080", "*.w.test"),
    ("w.test:8080", "*"),
]


@pytest.mark.parametrize(("host", "domain"), DOMAINS, ids=[row[0] for row in DOMAINS])
def test_whatever_follows_the_last_colon_is_a_port(host: str, domain: str) -> None:
    made = table({name: VirtualHost(name, tuple, None) for name in ("h.test", "[::1]", "a:1", "*.w.test", "*")})

    found = made.find(host)

    assert found
    assert found.name == domain


@pytest.mark.parametrize(
    ("authority", "host"),
    [("h", "h"), ("h:80", "h"), ("h:http", "h:http"), ("a:1:80", "a:1"), ("[::1]", "[::1]"), ("[::1]:80", "[::1]")],
)
def test_a_name_in_a_handshake_has_no_port(authority: str, host: str) -> None:
    assert without_port(authority) == host
