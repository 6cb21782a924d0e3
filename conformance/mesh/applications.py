"""The applications under test and the clients around them, as the manifests define them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from cluster.api import Api, Object, Reference, in_namespace
from cluster.outside import outside_secrets
from cluster.readiness import wait_until_available
from conformance.language.applications import Application

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"

OUTSIDE = "outside"
"""The namespace of clients without a sidecar and of the servers that play the internet (manifests/outside.yaml)."""
INTERNET = "internet"
"""The client whose requests are dialled to the ingress gateway."""

SYSTEM = "conformance-system"
"""The namespace of what the harness itself needs in a mesh (manifests/sentinel.yaml)."""

INGRESS = "istio-ingressgateway.istio-system.svc.cluster.local"
"""Where it dials."""

_APPLICATIONS = {
    "bookinfo": ("bookinfo", "clients", "idle-connections"),
    "guestbook": ("guestbook", "clients", "idle-connections"),
    "protocols": ("protocols", "clients", "idle-connections", "fresh-connections"),
}
"""The manifests of each."""


@cache
def read(name: str) -> tuple[Object, ...]:
    """The objects of manifests/NAME.yaml."""
    text = (MANIFESTS / f"{name}.yaml").read_text()
    return tuple(each for each in yaml.load_all(text, Loader=yaml.SafeLoader) if each)


def _names(objects: Sequence[Object], kind: str) -> frozenset[str]:
    return frozenset(each["metadata"]["name"] for each in objects if each["kind"] == kind)


@cache
def applications() -> Mapping[str, Application]:
    """What scenario files may name."""
    return {
        name: Application(
            name=name,
            clients=_names(read(name), "Service") | _names(read("clients"), "Deployment") | {OUTSIDE, INTERNET},
            workloads=_names(read(name), "Deployment"),
            servers=_names(read("outside"), "Deployment") - {OUTSIDE, INTERNET},
        )
        for name in _APPLICATIONS
    }


def lay_foundation(api: Api) -> None:
    """What every scenario stands on: the outside world and the sentinel. Returns when both are available."""
    api.apply_all([*read("outside"), *read("sentinel"), *outside_secrets()])
    for namespace in (OUTSIDE, SYSTEM):
        wait_until_available(api, namespace)


_DEPLOYED = "conformance/deployed"
"""The annotation of a namespace that says which applications are available in it."""


def deployed(api: Api, namespace: str) -> tuple[str, ...]:
    """The applications that are available in a namespace."""
    found = api.get(_home(namespace)) or {"metadata": {}}
    return tuple((found["metadata"].get("annotations") or {}).get(_DEPLOYED, "").split())


def deploy(api: Api, name: str, namespace: str) -> None:
    """The application and its clients in a namespace with injection, unless they are there already.

    Returns when all of them are available; raises ClusterError when they do not become so.
    """
    there = deployed(api, namespace)
    if name in there:
        return
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {"istio-injection": "enabled"}},
        }
    )
    objects = in_namespace([each for part in _APPLICATIONS[name] for each in read(part)], namespace)
    api.apply_all(objects, threads=8)
    wait_until_available(api, namespace, sorted(_names(objects, "Deployment")))
    api.patch(_home(namespace), {"metadata": {"annotations": {_DEPLOYED: " ".join((*there, name))}}})


def _home(namespace: str) -> Reference:
    return Reference("v1", "Namespace", None, namespace)
