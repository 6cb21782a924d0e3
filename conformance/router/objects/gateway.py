"""networking.istio.io Gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.router.objects.metadata import Metadata, Reference


@dataclass(frozen=True, slots=True)
class Port:
    """Of a Gateway's server, and of a Sidecar's listeners."""

    number: int | None = None
    protocol: str | None = None
    name: str | None = None
    target_port: int | None = None


@dataclass(frozen=True, slots=True)
class TLSCertificate:
    server_certificate: str | None = None
    private_key: str | None = None
    ca_certificates: str | None = None


@dataclass(frozen=True, slots=True)
class ServerTLSSettings:
    https_redirect: bool | None = None
    mode: str | None = None
    server_certificate: str | None = None
    private_key: str | None = None
    ca_certificates: str | None = None
    ca_crl: str | None = None
    credential_name: str | None = None
    credential_names: tuple[str, ...] = ()
    ca_cert_credential_name: str | None = None
    tls_certificates: tuple[TLSCertificate, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    min_protocol_version: str | None = None
    max_protocol_version: str | None = None
    cipher_suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    port: Port | None = None
    bind: str | None = None
    hosts: tuple[str, ...] = ()
    tls: ServerTLSSettings | None = None
    default_endpoint: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    servers: tuple[Server, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gateway:
    metadata: Metadata
    spec: GatewaySpec

    @property
    def reference(self) -> Reference:
        return Reference("Gateway", self.metadata.namespace, self.metadata.name)
