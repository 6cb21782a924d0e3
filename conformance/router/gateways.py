"""Gateway objects merged into the listeners of one gateway pod, and their route tables (specification, section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, partial

from conformance.router.names import narrower
from conformance.router.objects.gateway import Gateway, Server
from conformance.router.objects.kubernetes import Pod
from conformance.router.objects.virtual_service import Destination
from conformance.router.registry import has_labels
from conformance.router.routes import Route, RouteTable, VirtualHost, table
from conformance.router.versions import Version
from conformance.router.virtual_services import Binding, Listed, has_routes, routes

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
AUTO_PASSTHROUGH = "AUTO_PASSTHROUGH"
_PASSTHROUGH = frozenset({"PASSTHROUGH", AUTO_PASSTHROUGH})
_FIRST_PORT_OF_EVERYBODY = 1024


class Speech(Enum):
    """What a listener understands; servers of different speech do not share a port."""

    HTTP = "http"
    TLS = "tls"
    TCP = "tcp"


@dataclass(frozen=True, eq=False)
class Bound:
    """One server of one Gateway on one port of a pod."""

    gateway: Gateway
    server: Server
    hosts: tuple[str, ...]
    """In lower case; `./` is replaced by the Gateway's namespace, `*/` left out."""
    field: str

    @property
    def name(self) -> str:
        return f"{self.gateway.metadata.namespace}/{self.gateway.metadata.name}"

    @property
    def number(self) -> int:
        port = self.server.port
        return (port.number if port else None) or 0

    @property
    def mode(self) -> str:
        tls = self.server.tls
        return (tls.mode if tls else None) or "PASSTHROUGH"

    @property
    def passes_through(self) -> bool:
        return self.mode in _PASSTHROUGH

    @property
    def speaks_http_inside(self) -> bool:
        """HTTPS that is terminated here; a terminated TLS server carries TCP."""
        return _protocol(self.server) == "HTTPS" and not self.passes_through

    def names_for(self, namespace: str) -> Iterator[str]:
        """The hosts that VirtualServices of a namespace may have (host/names.go NamesForNamespace)."""
        for host in self.hosts:
            place, slash, name = host.rpartition("/")
            if not slash or place == namespace:
                yield name

    @property
    def sni_hosts(self) -> tuple[str, ...]:
        """For which names in a handshake it stands."""
        return tuple(host.rpartition("/")[2] for host in self.hosts)


@dataclass(frozen=True, eq=False)
class Listener:
    """A port of a gateway pod."""

    port: int
    speech: Speech
    servers: tuple[Bound, ...]


def _protocol(server: Server) -> str:
    return ((server.port.protocol if server.port else None) or "").upper()


def _speech(server: Server) -> Speech:
    if _protocol(server) in _HTTP:
        return Speech.HTTP
    return Speech.TCP if server.tls is None else Speech.TLS


def listeners(
    gateways: Iterable[Gateway], pod: Pod, container_port: Callable[[int], int | None], *, scoped: bool
) -> Mapping[int, Listener]:
    """From container port to listener; of what cannot share a port the oldest wins (mergeGateways).

    `container_port` leads from a port of the gateway's own Service into the pod; None for ports it does not have.
    """
    found: dict[int, Listener] = {}
    everywhere = (None, "", "0.0.0.0", pod.address)  # noqa: S104  nothing is bound here
    for gateway in sorted(gateways, key=lambda each: each.metadata.seniority):
        if scoped and gateway.metadata.namespace != pod.metadata.namespace:
            continue
        if not has_labels(pod.metadata.labels, gateway.spec.selector):
            continue
        for index, server in enumerate(gateway.spec.servers):
            bound = Bound(gateway, server, _hosts(gateway, server), f"spec.servers[{index}]")
            port = container_port(bound.number)
            if port is None and bound.number < _FIRST_PORT_OF_EVERYBODY:
                continue
            # Bound to another address it is a listener of its own, which nobody reaches from outside of the pod.
            if server.bind in everywhere:
                _add(found, port or bound.number, bound)
    return found


def _hosts(gateway: Gateway, server: Server) -> tuple[str, ...]:
    own = gateway.metadata.namespace
    lowered = (host.lower().removeprefix("*/") for host in server.hosts)
    return tuple(f"{own}{host[1:]}" if host.startswith("./") else host for host in lowered)


def _add(found: dict[int, Listener], port: int, bound: Bound) -> None:
    speech = _speech(bound.server)
    known = found.setdefault(port, Listener(port, speech, ()))
    if known.speech is not speech or (speech is Speech.TCP and known.servers):
        return
    if bound.server.tls is not None:
        # A repeated host costs the whole server its place, also where the settings are but an httpsRedirect.
        others = (other.hosts for other in known.servers if other.server.tls is not None)
        if any(set(bound.hosts) & set(hosts) for hosts in others):
            return
    found[port] = replace(known, servers=(*known.servers, bound))


@dataclass(frozen=True, slots=True)
class Place:
    """The gateway pod that tables are made for."""

    namespace: str
    labels: Mapping[str, str]
    version: Version


PortOf = Callable[[Listed, Destination, int], int]
"""The port of a destination that names none: by VirtualService, destination and server port."""


def route_table(servers: Sequence[Bound], candidates: Sequence[Listed], place: Place, port_of: PortOf) -> RouteTable:
    """Of the servers that share one table; VirtualServices for one host add up (buildGatewayHTTPRouteConfig)."""
    makers: dict[str, VirtualHost] = {}
    parts: dict[str, list[Callable[[], tuple[Route, ...]]]] = {}
    secured: set[str] = set()
    compiled: dict[tuple[str, Listed], Callable[[], tuple[Route, ...]] | None] = {}
    refused = ""
    for bound in servers:
        redirects = bool(bound.server.tls and bound.server.tls.https_redirect)
        for each in candidates:
            if bound.name not in each.gateways:
                continue
            shared = tuple(_intersection(tuple(bound.names_for(each.namespace)), each.hosts))
            if not shared:
                continue
            # Compiled for the first server of a Gateway that it meets, and reused for its others.
            key = (bound.name, each)
            if key not in compiled:
                binding = _binding(bound, each, place, port_of)
                compiled[key] = cache(partial(routes, each, binding)) if has_routes(each, binding) else None
            make = compiled[key]
            if make is None:
                continue
            refused = refused or each.refused
            for host in shared:
                makers.setdefault(host, VirtualHost(f"{host}:{bound.number}", tuple, each.object.reference))
                parts.setdefault(host, []).append(make)
                if redirects:
                    secured.add(host)
        for host in bound.hosts if redirects else ():
            makers.setdefault(host, VirtualHost(f"{host}:{bound.number}", tuple, bound.gateway.reference))
            secured.add(host)
    hosts = {
        host: replace(made, compile=partial(_added_up, parts.get(host, [])), requires_tls=host in secured)
        for host, made in makers.items()
    }
    return table(hosts, refused)


def _binding(bound: Bound, each: Listed, place: Place, port_of: PortOf) -> Binding:
    return Binding(
        names=frozenset({bound.name}),
        namespace=place.namespace,
        labels=place.labels,
        port=bound.number,
        port_of=lambda destination: port_of(each, destination, bound.number),
        version=place.version,
    )


def _intersection(server_hosts: Sequence[str], hosts: Sequence[str]) -> Iterator[str]:
    """Of each two that overlap the more specific one, once."""
    seen: set[str] = set()
    for one in server_hosts:
        for other in hosts:
            found = narrower(one, other)
            if found is not None and found not in seen:
                seen.add(found)
                yield found


def _added_up(parts: Sequence[Callable[[], tuple[Route, ...]]]) -> tuple[Route, ...]:
    """In the order of their VirtualServices, then all catch-alls moved to the end (SortVHostRoutes)."""
    made = [route for part in parts for route in part()]
    special = [route for route in made if not route.matcher.is_catch_all]
    return (*special, *(route for route in made if route.matcher.is_catch_all))
