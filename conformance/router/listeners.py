"""Which outbound listener of a sidecar takes a connection (specification, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from conformance.router.registry import Protocol, Service
from conformance.router.scopes import Services


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
    conflict: str = ""
    """Why Istio's answer is not determined; empty if it is."""


_OWN = {Protocol.SNIFFED: Speech.SNIFFED, Protocol.TCP: Speech.STREAM, Protocol.TLS: Speech.TLS}


@dataclass(frozen=True, eq=False)
class Port:
    """All listeners of one port number."""

    own: Mapping[str, Listener]
    """By address: those of services with an address of their own."""
    general: Listener | None
    """On 0.0.0.0."""

    def find(self, address: str) -> Listener | None:
        return self.own.get(address) or self.general


def port_listeners(services: Services, port: int) -> Port:
    """What the services of one egress part open on one port (buildSidecarOutboundListener)."""
    own: dict[str, Listener] = {}
    shared: dict[Protocol, list[Service]] = {}
    for service in services.values():
        found = service.ports.get(port)
        if found is None:
            continue
        protocol = found.protocol
        addresses = service.addresses
        if service.is_headless and protocol is Protocol.TCP:
            addresses = tuple(each.address for each in service.endpoints.get(port, ()))
        if protocol is Protocol.HTTP or not (addresses or (service.is_headless and protocol is Protocol.TCP)):
            shared.setdefault(protocol, []).append(service)
            continue
        for address in addresses:
            own.setdefault(address, Listener(_OWN[protocol], port, service, (service,)))
    return Port(own, _general(shared, port))


def _general(shared: Mapping[Protocol, list[Service]], port: int) -> Listener | None:
    if not shared:
        return None
    services = tuple(service for found in shared.values() for service in found)
    kinds = set(shared)
    if kinds <= {Protocol.HTTP, Protocol.SNIFFED}:
        speech = Speech.SNIFFED if Protocol.SNIFFED in kinds else Speech.HTTP
        return Listener(speech, port, None, services)
    if len(kinds) == 1:
        speech = Speech.TLS if Protocol.TLS in kinds else Speech.STREAM
        return Listener(speech, port, services[0] if speech is Speech.STREAM else None, services)
    names = ", ".join(f"{service.host} ({service.ports[port].protocol})" for service in services)
    return Listener(Speech.SNIFFED, port, None, services, conflict=f"port {port} is declared in two ways: {names}")
