"""What holds for the whole mesh: MeshConfig and istiod's settings, as far as they decide where requests go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ALLOW_ANY = "ALLOW_ANY"
REGISTRY_ONLY = "REGISTRY_ONLY"


@dataclass(frozen=True, slots=True)
class MeshConfig:
    outbound_traffic_policy: str = ALLOW_ANY
    root_namespace: str = "istio-system"
    domain: str = "cluster.local"
    trust_domain: str = "cluster.local"
    default_virtual_service_export_to: tuple[str, ...] = ("*",)
    default_destination_rule_export_to: tuple[str, ...] = ("*",)
    default_service_export_to: tuple[str, ...] = ("*",)
    path_normalization: str = "BASE"
    enable_auto_mtls: bool = True
    scope_gateway_to_namespace: bool = False
    """PILOT_SCOPE_GATEWAY_TO_NAMESPACE."""
    authorizers: Mapping[str, Literal["http", "grpc"]] = field(default_factory=dict)
    """extensionProviders that CUSTOM policies may name, and what they speak."""
    has_istio_proxy: bool = True
    """False: the proxies are the Envoy project's own build. Its handshakes do not say that HTTP follows, so that what
    comes by mutual TLS to a port that is looked at is a stream."""
    dns_capture: bool = False
    """ISTIO_META_DNS_CAPTURE: names of ServiceEntries resolve in the sidecar."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What DNS answers beside Services: the outside world; a leading `*.` stands for any label."""
    key_sets: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    """Names of the keys that a jwksUri (or the inline jwks, or an issuer's discovery) offers; None: unreachable."""
    listeners_are_warm: bool = False
    """Every listener has waited for its first certificate as long as it does."""
    files: frozenset[str] = frozenset()
    """Paths of certificates that are mounted into the gateways."""
    certificate_files: Mapping[str, str] = field(default_factory=dict)
    """The authority that the client certificate at a path chains to."""
    gateway_authorities: Mapping[str, str] = field(default_factory=dict)
    """The authority that a caCertificates path holds."""
