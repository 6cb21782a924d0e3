"""What an arena is: two namespaces with a few workloads that make every decision of the routing visible.

Pure: names, ports and labels. The generator draws from them, arenas.py makes them real.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DOMAIN = "svc.cluster.local"
INGRESS = f"istio-ingressgateway.istio-system.{DOMAIN}"
OUTSIDE = "outside/outside"
INTERNET = "outside/internet"

ROOT = "istio-system"

_NUMBER = re.compile(r"\barena-\d+\b")


@dataclass(frozen=True)
class Port:
    """Of a Service. `name` carries the protocol; `target` is what the pods listen on."""

    number: int
    name: str
    target: int | str


@dataclass(frozen=True)
class Service:
    """In one of the namespaces of an arena."""

    name: str
    app: str
    is_far: bool
    ports: tuple[Port, ...]
    is_headless: bool = False


@dataclass(frozen=True)
class Workload:
    """One Deployment with one pod."""

    name: str
    app: str
    version: str
    account: str
    is_far: bool = False
    has_sidecar: bool = True
    listens: tuple[int, ...] = (8080, 9080, 7000, 7001)
    labels: Mapping[str, str] = field(default_factory=dict)


HTTP, OTHER_HTTP, TCP, SNIFFED, ONLY_B, HEADLESS = 80, 9080, 7000, 7001, 8000, 8080

_WEB = Port(HTTP, "http", 8080)
_MORE = Port(OTHER_HTTP, "http-more", 9080)

SERVICES = (
    Service("a", "a", is_far=False, ports=(_WEB, _MORE, Port(TCP, "tcp", 7000), Port(SNIFFED, "any", 7001))),
    # A named target, and a second port that no other service has.
    Service("b", "b", is_far=False, ports=(Port(HTTP, "http", "web"), Port(ONLY_B, "http-own", 9080))),
    # One port only: what a destination without a port means differs between sidecars and gateways.
    Service("c", "c", is_far=False, ports=(_MORE,)),
    Service("d", "b", is_far=False, ports=(Port(HEADLESS, "http", 8080),), is_headless=True),
    # The same short name as in the other namespace.
    Service("a", "far", is_far=True, ports=(_WEB, _MORE)),
)

WORKLOADS = (
    Workload("a-v1", "a", "v1", "a"),
    Workload("a-v2", "a", "v2", "a"),
    Workload("b-v1", "b", "v1", "b"),
    Workload("c-v1", "c", "v1", "c", has_sidecar=False),
    Workload("client", "client", "v1", "client", listens=()),
    Workload("far-v1", "far", "v1", "far", is_far=True),
)


@dataclass(frozen=True)
class Arena:
    """Arenas differ in their number only, so a configuration can be moved from one to another."""

    number: int

    @property
    def near(self) -> str:
        """The namespace of the client and of most services."""
        return f"arena-{self.number}"

    @property
    def far(self) -> str:
        """Another namespace."""
        return f"arena-{self.number}-far"

    @property
    def namespaces(self) -> tuple[str, str]:
        return self.near, self.far

    @property
    def domain(self) -> str:
        """Made-up hosts of this arena end with it; no DNS knows them."""
        return f"{self.near}.example"

    def namespace(self, part: Service | Workload) -> str:
        return self.far if part.is_far else self.near

    def host(self, service: Service) -> str:
        return f"{service.name}.{self.namespace(service)}.{DOMAIN}"

    def client(self, workload: Workload) -> str:
        return f"{self.namespace(workload)}/{workload.name}"

    def principal(self, workload: Workload) -> str:
        """As AuthorizationPolicies spell it."""
        return f"cluster.local/ns/{self.namespace(workload)}/sa/{workload.account}"


def moved(value: Any, arena: Arena) -> Any:
    """The same value with every mention of an arena meaning this one."""
    if isinstance(value, str):
        return _NUMBER.sub(arena.near, value)
    if isinstance(value, Mapping):
        return {moved(key, arena): moved(each, arena) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(moved(each, arena) for each in value)
    return value
