"""Waiting for Deployments while a cluster is set up. Scenarios never wait here: they have the gate."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cluster.api import Api, Object
from cluster.model import ClusterError

# A cold machine with a slow disk has needed 40 s for Istio; a kind cluster that pulls images needs minutes.
LIMIT_SECONDS = 300

_POLL_SECONDS = 0.1
_LOOK_SECONDS = 1.0
"""Between two looks at the pods, which are ten times as long to read as their Deployments."""


def _is_available(deployment: Object) -> bool:
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
    )


def wait_until_available(
    api: Api, namespace: str, names: Sequence[str] | None = None, limit_seconds: float = LIMIT_SECONDS
) -> None:
    """Returns when the named Deployments (all of the namespace if None) have every replica available.

    Raises ClusterError early when a pod can never become ready (an unknown image, a refused field).
    """
    deadline = time.monotonic() + limit_seconds
    look = time.monotonic() + _LOOK_SECONDS
    while True:
        deployments = {each["metadata"]["name"]: each for each in api.items("apps/v1", "Deployment", namespace)}
        wanted = deployments.keys() if names is None else names
        missing = [name for name in wanted if name not in deployments or not _is_available(deployments[name])]
        if not missing:
            return
        if time.monotonic() > look:
            look = time.monotonic() + _LOOK_SECONDS
            if hopeless := _hopeless(api, namespace):
                raise ClusterError(f"{namespace}: {hopeless}", "Correct the manifest")
        if time.monotonic() > deadline:
            raise ClusterError(
                f"not available in {namespace} after {limit_seconds:g} s: {', '.join(sorted(missing))}",
                f"kubectl -n {namespace} describe pods says why; a kept cluster (--keep-cluster always) lets you look",
            )
        time.sleep(_POLL_SECONDS)


def _hopeless(api: Api, namespace: str) -> str | None:
    for pod in api.items("v1", "Pod", namespace):
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            waiting = status["state"].get("waiting") or {}
            if waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
                return f"pod {pod['metadata']['name']}: {waiting.get('message')}"
    return None
