"""What Kubernetes knows: Services, pods, Secrets. A Deployment is here as the pods it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.router.objects.metadata import Metadata, Reference


@dataclass(frozen=True, slots=True)
class ServicePort:
    port: int
    name: str | None = None
    target_port: int | str | None = None
    protocol: str | None = None
    app_protocol: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    metadata: Metadata
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    cluster_ip: str | None = None
    """"None" for a headless service."""
    type: str = "ClusterIP"
    external_name: str | None = None

    @property
    def reference(self) -> Reference:
        return Reference("Service", self.metadata.namespace, self.metadata.name)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the application in a pod does with a request that reaches it: facts, not promises."""

    status: int = 200
    seconds: float = 0.0
    """How long it thinks before it answers."""
    resets: bool = False
    """It closes the connection instead of answering."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TlsServer:
    """A port of an application that speaks TLS itself."""

    authority: str = ""
    """Names the authority of its certificate."""
    names: tuple[str, ...] = ()
    client_authority: str | None = None
    """The authority that clients must show a certificate of; None: it asks for none."""


@dataclass(frozen=True, slots=True)
class Pod:
    metadata: Metadata
    workload: str
    """The name of its Deployment; its own where there is none."""
    address: str
    service_account: str = "default"
    has_sidecar: bool = False
    is_gateway: bool = False
    """Its Envoy is a gateway: it stands alone and follows Gateway objects."""
    is_ready: bool = True
    ports: Mapping[str, int] = field(default_factory=dict)
    """Named container ports."""
    listens: frozenset[int] | None = None
    """The ports on which its application accepts connections; None: any."""
    on_loopback: frozenset[int] = frozenset()
    """Ports that it serves on 127.0.0.1 only."""
    tls_ports: Mapping[int, TlsServer] = field(default_factory=dict)
    locality: str = ""
    behaviour: Behaviour = field(default_factory=Behaviour)
    excluded_inbound: frozenset[int] = frozenset()
    """traffic.sidecar.istio.io/excludeInboundPorts."""
    excluded_outbound: frozenset[int] = frozenset()
    """traffic.sidecar.istio.io/excludeOutboundPorts."""


@dataclass(frozen=True, slots=True)
class Secret:
    metadata: Metadata
    keys: frozenset[str]
    """Which entries it has: tls.crt, tls.key, ca.crt, cert, key, cacert."""
    authority: str | None = None
    """Names the certificate authority in it by which clients are verified."""
    issuer: str | None = None
    """Names the authority of the certificate in it."""
    names: tuple[str, ...] = ()
    """Those in the certificate."""
