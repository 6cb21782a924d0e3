"""How a proxy speaks to an endpoint: plainly, by mutual TLS of the mesh, or by TLS of its own (section 20)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from conformance.router.clusters import Cluster
from conformance.router.objects.destination_rule import ClientTLSSettings
from conformance.router.objects.metadata import Reference
from conformance.router.peer_authentication import Mode
from conformance.router.registry import Endpoint
from conformance.router.versions import Since, Version


class Transport(Enum):
    PLAIN = "plaintext"
    MUTUAL = "mutual TLS"
    OWN_TLS = "TLS"
    """Of a DestinationRule's mode SIMPLE or MUTUAL."""


@dataclass(frozen=True, slots=True)
class Chosen:
    transport: Transport
    why: str
    by: Reference | None = None
    tls: ClientTLSSettings | None = None


ModeAt = Callable[[Endpoint], Mode]
"""What the server's PeerAuthentication says for the endpoint's port."""

_PLAIN_BY_DEFAULT = Chosen(Transport.PLAIN, "the endpoint has no sidecar")


def transport(
    cluster: Cluster, endpoint: Endpoint, mode_at: ModeAt, version: Version, *, at_gateway: bool, auto: bool
) -> Chosen:
    """DestinationRule trafficPolicy.tls if there is any, else what the endpoint can and wants."""
    tls = cluster.policy.tls
    if tls is not None and not _is_ignored(tls, cluster, at_gateway=at_gateway):
        mode = tls.mode or "DISABLE"
        if mode == "ISTIO_MUTUAL":
            return Chosen(Transport.MUTUAL, "tls.mode ISTIO_MUTUAL", cluster.policy.by, tls)
        if mode == "DISABLE":
            return Chosen(Transport.PLAIN, "tls.mode DISABLE", cluster.policy.by, tls)
        return Chosen(Transport.OWN_TLS, f"tls.mode {mode}", cluster.policy.by, tls)
    if tls is not None:
        why = "a sidecar ignores credentialName in a rule without workloadSelector"
        return Chosen(Transport.PLAIN, why, cluster.policy.by)
    if not auto:
        return Chosen(Transport.PLAIN, "automatic mutual TLS is off")
    if not cluster.policy.auto_mutual_tls:
        return Chosen(Transport.PLAIN, "tls.mode DISABLE above the port's settings", cluster.policy.by)
    if cluster.service.is_external:
        return Chosen(Transport.PLAIN, "the service is MESH_EXTERNAL", cluster.service.reference)
    if not endpoint.speaks_mutual_tls:
        return _PLAIN_BY_DEFAULT
    if version.has(Since.AUTO_MTLS_KNOWS_PORTS) and mode_at(endpoint) is Mode.DISABLE:
        return Chosen(Transport.PLAIN, "the server's PeerAuthentication is DISABLE")
    return Chosen(Transport.MUTUAL, "automatic: the endpoint has a sidecar")


def _is_ignored(tls: ClientTLSSettings, cluster: Cluster, *, at_gateway: bool) -> bool:
    has_selector = cluster.rule is not None and cluster.rule.selector is not None
    return bool(tls.credential_name) and not at_gateway and not has_selector
