"""How names are completed and compared: hosts, wildcards, gateways (specification, section 4).

Hosts are compared in lower case; whoever keeps a host in a table lowers it first.
"""

from __future__ import annotations

import ipaddress
from functools import cache

MESH = "mesh"
"""The reserved gateway: all sidecars."""


@cache
def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def completed(name: str, namespace: str, domain: str) -> str:
    """A short name becomes that of a Service in the namespace of the object that mentions it.

    Anything with a dot is taken literally, and so are wildcards and addresses (model/config.go
    ResolveShortnameToFQDN).
    """
    if "." in name or "*" in name or is_address(name):
        return name.lower()
    return f"{name}.{namespace}.svc.{domain}".lower()


def is_wildcard(host: str) -> bool:
    return host.startswith("*")


def covers(pattern: str, host: str) -> bool:
    """Whether every name that `host` stands for is one that `pattern` stands for; both may be wildcards."""
    if not is_wildcard(pattern):
        return pattern == host
    return host.endswith(pattern[1:]) and (is_wildcard(host) or len(host) >= len(pattern))


def overlap(one: str, other: str) -> bool:
    return covers(one, other) or covers(other, one)


def narrower(one: str, other: str) -> str | None:
    """The more specific of two hosts that overlap; None if they do not (host/names.go Intersection)."""
    if covers(one, other):
        return other
    return one if covers(other, one) else None


def gateway_reference(name: str, namespace: str) -> str:
    """`mesh`, or namespace/name; the dotted form of old is name.namespace[.svc.domain] (resolveGatewayName)."""
    if name == MESH:
        return MESH
    if "/" in name:
        place, _, gateway = name.partition("/")
        return f"{namespace if place == '.' else place}/{gateway}"
    if "." in name:
        first, second, *_ = name.split(".")
        return f"{second}/{first}"
    return f"{namespace}/{name}"


def short_forms(host: str, namespace: str, domain: str) -> list[str]:
    """The other names a client of `namespace` may use for a Service's host (httproute.go GenerateAltVirtualHosts)."""
    suffix = f".svc.{domain}"
    if not host.endswith(suffix):
        return []
    front = host[: -len(suffix)]
    name, _, place = front.rpartition(".")
    if not name:
        return []
    forms = [front, f"{front}.svc"]
    return [name, *forms] if place == namespace else forms
