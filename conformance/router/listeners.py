"""Which outbound listener of a sidecar takes a connection (specification, section 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from conformance.router.registry import Protocol, Service
from conformance.router.scopes import Egress
from conformance.router.virtual_services import Listed


class Speech(Enum):
    """How a listener reads what arrives."""

    HTTP = "http"
    SNIFFED = "sniffed"
    """HTTP if the first bytes look like it, else a stream."""
    STREAM = "stream"
    TLS = "tls"
    """A stream that is told apart by the name in its handshake."""


@dataclass(frozen=True, eq=False)
class Listener:
    """`service` is set where the listener belongs to one service alone."""

    speech: Speech
    port: int
    service: Service | None = None
    services: tuple[Service, ...] = ()
    """Those that streams may lead to; requests have the port's table."""
    rules: tuple[Listed, ...] = ()
    """The VirtualServices of the part that opened it, for streams."""
    conflict: str = ""
    """Why Istio's answer is not determined; empty if it is."""


_OWN = {Protocol.SNIFFED: Speech.SNIFFED, Protocol.TCP: Speech.STREAM, Protocol.TLS: Speech.TLS}

_Network = IPv4Network | IPv6Network


@dataclass(frozen=True, eq=False)
class Port:
    """All listeners of one port number."""

    own: Mapping[str, Listener]
    """By address: those of services with an address of their own."""
    networks: tuple[tuple[_Network, Listener], ...] = ()
    """The same for addresses that are CIDR ranges, the narrowest first."""
    general: Listener | None = None
    """On 0.0.0.0."""

    def find(self, address: str) -> Listener | None:
        found = self.own.get(address)
        if found is None and self.networks:
            place = ip_address(address)
            found = next((listener for network, listener in self.networks if place in network), None)
        return found or self.general


def port_listeners(parts: Sequence[Egress], port: int) -> Port:
    """What the parts of a scope open on one port.

    An address that a part of the port's own has taken is closed to the general part, which opens all others
    (`locked` in buildSidecarOutboundListeners).
    """
    opened = [_opened(each, port) for each in parts]
    own: dict[str, Listener] = {}
    networks: dict[_Network, Listener] = {}
    for each in opened:
        own = {**each.own, **own}
        networks = {**dict(each.networks), **networks}
    narrowest_first = sorted(networks.items(), key=lambda pair: -pair[0].prefixlen)
    return Port(own, tuple(narrowest_first), next((each.general for each in opened if each.general), None))


def _opened(egress: Egress, port: int) -> Port:
    """What the services of one egress part open (buildSidecarOutboundListener)."""
    own: dict[str, Listener] = {}
    shared: dict[Protocol, list[Service]] = {}
    networks: list[tuple[_Network, Listener]] = []
    if egress.undefined:
        return Port({}, general=Listener(Speech.HTTP, port, conflict=egress.undefined))
    for service in egress.services.values():
        found = service.ports.get(port)
        if found is None:
            continue
        protocol = egress.protocol or found
        addresses = _addresses(service, port, egress.bind)
        if protocol is Protocol.HTTP or addresses is None:
            shared.setdefault(protocol, []).append(service)
            continue
        listener = Listener(_OWN[protocol], port, service, (service,), egress.virtual_services)
        for address in addresses:
            if "/" in address:
                networks.append((ip_network(address, strict=False), listener))
            else:
                own.setdefault(address, listener)
    general = _general(shared, port, egress.virtual_services)
    if general and egress.bind:
        own[egress.bind] = general
        general = None
    return Port(own, tuple(networks), general)


def _addresses(service: Service, port: int, bind: str | None) -> tuple[str, ...] | None:
    """Where a service that is not HTTP listens; None for 0.0.0.0. A headless one has a listener for each pod."""
    if bind:
        return (bind,)
    if service.is_headless:
        return tuple(each.address for each in service.endpoints.get(port, ()))
    return service.addresses or None


def _general(shared: Mapping[Protocol, list[Service]], port: int, rules: tuple[Listed, ...]) -> Listener | None:
    if not shared:
        return None
    services = tuple(service for found in shared.values() for service in found)
    kinds = set(shared)
    if Protocol.HTTP in kinds and kinds <= {Protocol.HTTP, Protocol.SNIFFED}:
        return Listener(Speech.HTTP, port)
    if len(kinds) == 1:
        return Listener(_OWN[kinds.pop()], port, None, services, rules)
    names = ", ".join(f"{service.host} ({service.ports[port]})" for service in services)
    return Listener(Speech.SNIFFED, port, conflict=f"port {port} is declared in two ways: {names}")
