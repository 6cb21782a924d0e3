"""A compiled route table, as istiod would push it to one proxy: what is decided before any request comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from conformance.router.faults import Fault
from conformance.router.header_operations import Operations
from conformance.router.matching import Matcher
from conformance.router.objects.metadata import Reference
from conformance.router.objects.virtual_service import (
    CorsPolicy,
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRewrite,
)
from conformance.router.retries import RetryPolicy


class ClusterKey(NamedTuple):
    """outbound|PORT|SUBSET|HOST"""

    host: str
    port: int
    subset: str = ""

    def __str__(self) -> str:
        return f"outbound|{self.port}|{self.subset}|{self.host}"


@dataclass(frozen=True, slots=True)
class Target:
    """One member of a split."""

    cluster: ClusterKey
    share: Fraction
    operations: Operations
    field: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A mirror."""

    cluster: ClusterKey
    share: Fraction


_NO_RETRIES = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Forward:
    targets: tuple[Target, ...]
    rewrite: HTTPRewrite | None = None
    timeout: Fraction | None = None
    retries: RetryPolicy = _NO_RETRIES
    copies: tuple[Copy, ...] = ()
    cors: CorsPolicy | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    redirect: HTTPRedirect
    operations: Operations


@dataclass(frozen=True, slots=True)
class Direct:
    response: HTTPDirectResponse
    operations: Operations


Action = Forward | Redirect | Direct


@dataclass(frozen=True, slots=True)
class Route:
    """One match block of one rule, or the default route of a service."""

    matcher: Matcher
    action: Action
    by: Reference | None
    field: str
    listener_port: int
    fault: Fault | None = None
    """Comes before any action: a delegate's redirect may have the fault of its root."""


@dataclass(frozen=True, eq=False)
class VirtualHost:
    """The routes of one host, and the object that made it.

    They are compiled when the first request comes to them: a table has a host for every service of the mesh.
    """

    name: str
    compile: Callable[[], tuple[Route, ...]]
    by: Reference | None
    requires_tls: bool = False

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        return self.compile()


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Host to virtual host. Domains are in lower case, without port."""

    exact: Mapping[str, VirtualHost]
    suffixes: tuple[tuple[str, VirtualHost], ...]
    """`.foo.com` for `*.foo.com`, longest first."""
    any: VirtualHost | None = None
    """Of the domain `*`."""
    refused: str = ""
    """Why Envoy would refuse this table and keep what it had before; empty if it would not (section 2)."""

    def find(self, authority: str, *, ignores_port: bool = True) -> VirtualHost | None:
        """Exact, then the longest suffix with at least one character before it, then `*` (section 8)."""
        host = authority.lower()
        if ignores_port:
            before, colon, after = host.rpartition(":")
            # Envoy does not ask whether it is a number; a colon inside of brackets is none before a port.
            host = before if colon and "]" not in after else host
        found = self.exact.get(host)
        if found is not None:
            return found
        for suffix, virtual_host in self.suffixes:
            if host.endswith(suffix) and len(host) > len(suffix):
                return virtual_host
        return self.any


def without_port(authority: str) -> str:
    """The host of an authority, if a number follows it; a bracketed IPv6 address keeps its brackets."""
    host, colon, port = authority.rpartition(":")
    return host if colon and port.isdecimal() else authority


def table(domains: Mapping[str, VirtualHost], refused: str = "") -> RouteTable:
    """From domain to virtual host; the first claim on a domain stands, which is the caller's to see to."""
    exact = {domain: found for domain, found in domains.items() if not domain.startswith("*")}
    wild = ((domain[1:], found) for domain, found in domains.items() if domain.startswith("*") and domain != "*")
    return RouteTable(exact, tuple(sorted(wild, key=lambda pair: -len(pair[0]))), domains.get("*"), refused)
