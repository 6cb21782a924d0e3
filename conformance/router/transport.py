"""How a proxy speaks to an endpoint: plainly, by mutual TLS of the mesh, or by TLS of its own (section 20)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from conformance.router.clusters import Cluster
from conformance.router.doors import Door
from conformance.router.objects.destination_rule import ClientTLSSettings
from conformance.router.objects.metadata import Reference
from conformance.router.peer_authentication import Mode
from conformance.router.registry import Endpoint, Resolution
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


DoorAt = Callable[[Endpoint], Door | None]
"""The door that a connection to an endpoint comes to; None outside of the mesh."""


def transport(
    cluster: Cluster, endpoint: Endpoint, door_at: DoorAt, version: Version, *, at_gateway: bool, auto: bool
) -> Chosen:
    """DestinationRule trafficPolicy.tls if there is any, else what the endpoint can and wants."""
    tls = cluster.policy.tls
    if tls is None:
        why = _why_plain(cluster, endpoint, door_at(endpoint), version) if auto else "automatic mutual TLS is off"
        automatic = Chosen(Transport.MUTUAL, "automatic: the endpoint has a sidecar")
        return Chosen(Transport.PLAIN, why, cluster.policy.by) if why else automatic
    if _is_ignored(tls, cluster, at_gateway=at_gateway):
        why = "a sidecar ignores credentialName in a rule without workloadSelector"
        return Chosen(Transport.PLAIN, why, cluster.policy.by)
    mode = tls.mode or "DISABLE"
    made = {"ISTIO_MUTUAL": Transport.MUTUAL, "DISABLE": Transport.PLAIN}.get(mode, Transport.OWN_TLS)
    return Chosen(made, f"tls.mode {mode}", cluster.policy.by, tls)


def _why_plain(cluster: Cluster, endpoint: Endpoint, door: Door | None, version: Version) -> str:
    """Why mutual TLS is not automatic; empty if it is."""
    general = door.general_mode if door else Mode.PERMISSIVE
    tells_ports_apart = version.has(Since.AUTO_MTLS_KNOWS_PORTS) and not cluster.to_dialled
    own = door.mode[0] if door and tells_ports_apart else general
    reasons = (
        (not cluster.policy.auto_mutual_tls, "tls.mode DISABLE above the port's settings"),
        (cluster.service.is_external, "the service is MESH_EXTERNAL"),
        (not endpoint.speaks_mutual_tls, "the endpoint has no sidecar"),
        (not _all_speak_mutual_tls(cluster), "another endpoint of the service has no sidecar"),
        (general is Mode.DISABLE, "PeerAuthentication of the server's namespace or of the mesh is DISABLE"),
        (own is Mode.DISABLE, "the server's PeerAuthentication is DISABLE"),
    )
    return next((why for holds, why in reasons if holds), "")


def _all_speak_mutual_tls(cluster: Cluster) -> bool:
    """Connections to whatever was dialled are made alike for all pods of the service (BestEffortInferServiceMTLSMode).

    A gateway tells the pods of a headless service apart, but only if it speaks mutual TLS with any of them.
    """
    if not cluster.to_dialled and cluster.service.resolution is not Resolution.ORIGINAL:
        return True
    return cluster.service.speaks_mutual_tls(cluster.key.port)


def _is_ignored(tls: ClientTLSSettings, cluster: Cluster, *, at_gateway: bool) -> bool:
    """A credentialName at a sidecar, unless the rule has a workloadSelector or anybody may read what is named."""
    if at_gateway or not tls.credential_name or tls.credential_name.startswith("configmap://"):
        return False
    has_selector = cluster.rule is not None and cluster.rule.selector is not None
    return not has_selector
