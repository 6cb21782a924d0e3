"""networking.istio.io Sidecar."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.router.objects.destination_rule import ConnectionPool
from conformance.router.objects.gateway import Port, ServerTLSSettings
from conformance.router.objects.metadata import Metadata, Reference, WorkloadSelector
from conformance.router.objects.virtual_service import Destination


@dataclass(frozen=True, slots=True)
class IngressListener:
    port: Port | None = None
    bind: str | None = None
    capture_mode: str | None = None
    default_endpoint: str | None = None
    tls: ServerTLSSettings | None = None
    connection_pool: ConnectionPool | None = None


@dataclass(frozen=True, slots=True)
class EgressListener:
    port: Port | None = None
    bind: str | None = None
    capture_mode: str | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutboundTrafficPolicy:
    mode: str | None = None
    egress_proxy: Destination | None = None


@dataclass(frozen=True, slots=True)
class SidecarSpec:
    workload_selector: WorkloadSelector | None = None
    ingress: tuple[IngressListener, ...] = ()
    egress: tuple[EgressListener, ...] = ()
    inbound_connection_pool: ConnectionPool | None = None
    outbound_traffic_policy: OutboundTrafficPolicy | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    metadata: Metadata
    spec: SidecarSpec

    @property
    def reference(self) -> Reference:
        return Reference("Sidecar", self.metadata.namespace, self.metadata.name)
