"""The mark of what scenarios bring into a mesh: by it the objects of a killed run are found and taken away."""

from __future__ import annotations

from cluster.api import Object

LABEL = "conformance/scenario"

SCENARIO_KINDS = {
    "networking.istio.io/v1": (
        "DestinationRule",
        "Gateway",
        "ServiceEntry",
        "Sidecar",
        "VirtualService",
        "WorkloadEntry",
    ),
    "networking.istio.io/v1alpha3": ("EnvoyFilter",),
    "security.istio.io/v1": ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
    "v1": ("Secret", "ConfigMap", "Service", "ServiceAccount"),
    "apps/v1": ("Deployment",),
}
"""What scenarios bring and a killed one may leave behind, in namespaces."""


def as_scenario_object(manifest: Object) -> Object:
    """The object with the label by which it is found again if its run is killed."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), LABEL: "true"}}}
