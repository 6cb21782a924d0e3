"""What a scenario changes or notices of a mesh that others use at the same time, and the locks that keep them apart.

A worker holds the locks of its scenario's territory while it performs it. All of them share the mesh itself; a scenario
that changes what every proxy does has it alone. What is shared is found from the scenario's file, generously: a lock
too many costs a moment, one too few a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, ReadWriteLock

from conformance.language.models import Scenario
from conformance.mesh.applications import INTERNET

KEY_SERVER = "key-server"
"""Told by a scenario what to offer."""
INGRESS = "ingress"
"""The place of all gateways: what configures one, and what sends through one."""
ROOT = "istio-system"
MESH = "mesh"

_CLUSTER_SUFFIXES = (".svc.cluster.local", ".svc")
_POLICIES = frozenset(
    "AuthorizationPolicy DestinationRule EnvoyFilter PeerAuthentication ProxyConfig RequestAuthentication Sidecar "
    "Telemetry WasmPlugin".split()
)
"""In the root namespace these are for every proxy, unless they select some."""
_SELECTORS = ("selector", "workloadSelector", "targetRef", "targetRefs")
_EVERYTHING = frozenset({"*", "*.local", "*.cluster.local", "*.svc.cluster.local"})


@dataclass(frozen=True)
class Territory:
    """`places`: namespaces, INGRESS, and hosts of the outside; `is_whole_mesh`: nobody else may be at work."""

    places: frozenset[str]
    is_whole_mesh: bool = False


def territory(scenario: Scenario) -> Territory:
    """Everything the scenario changes, and everything that others could change under its requests."""
    places = {scenario.namespace}
    alone = False
    for item in (item for stage in scenario.stages for item in stage.config):
        namespace = item["metadata"].get("namespace") or scenario.namespace
        places |= {_home_of(item, namespace)}
        places |= _places_of(item)
        alone = alone or _is_for_all(item, namespace)
    for stage in scenario.stages:
        places |= {each.namespace or scenario.namespace for each in stage.secrets}
        places |= {KEY_SERVER} if stage.key_server else set()
    for case in (case for stage in scenario.stages for case in stage.senders):
        if case.client == INTERNET:
            places.add(INGRESS)
        else:
            places |= _place_of_host(urlsplit(case.request.url).hostname or "")
    if ROOT in places:
        places.add(INGRESS)
    return Territory(frozenset(places), alone)


@contextmanager
def held(wanted: Territory, locks: Path) -> Iterator[None]:
    """Waits for the territory. `locks` is a folder that all workers of the cluster share."""
    with ExitStack() as stack:
        # Not shared within this process either: two threads exclude each other as two workers do.
        mesh = ReadWriteLock(locks / f"{MESH}.sqlite", is_singleton=False)
        stack.callback(mesh.close)
        # The mesh first and the places in one order everywhere, so that no two workers wait for each other.
        stack.enter_context(mesh.write_lock() if wanted.is_whole_mesh else mesh.read_lock())
        for place in sorted(wanted.places):
            stack.enter_context(FileLock(locks / f"{place}.lock"))
        yield


def _home_of(item: Mapping[str, Any], namespace: str) -> str:
    """Where an object lives; for the root namespace's gateways a rule of sidecars is only its name."""
    name: str = item["metadata"]["name"]
    if item["kind"] == "Namespace":
        return name
    return f"object {namespace}.{name}" if namespace == ROOT and not _is_through_gateways(item) else namespace


def _is_through_gateways(item: Mapping[str, Any]) -> bool:
    """Whatever is no VirtualService may be for a gateway too."""
    gateways = _texts((item.get("spec") or {}).get("gateways"))
    return item["kind"] != "VirtualService" or any(name != "mesh" for name in gateways)


def _places_of(item: Mapping[str, Any]) -> set[str]:
    spec = item.get("spec") or {}
    hosts = [*_texts(spec.get("hosts")), *_texts([spec.get("host")])]
    if item["kind"] == "Gateway":
        return {INGRESS}
    if item["kind"] == "VirtualService":
        gateways = _texts(spec.get("gateways")) or ["mesh"]
        through = {INGRESS} if _is_through_gateways(item) else set()
        return through | (_all_places(hosts) if "mesh" in gateways else set())
    if item["kind"] in ("DestinationRule", "ServiceEntry"):
        return _all_places(hosts)
    return set()


def _all_places(hosts: list[str]) -> set[str]:
    return {place for host in hosts for place in _place_of_host(host)}


def _place_of_host(host: str) -> set[str]:
    """The namespace of a service's full name, or the domain of an outside host; nothing for a short name."""
    labels = host.lower().rstrip(".").split(".")
    for suffix in _CLUSTER_SUFFIXES:
        if host.lower().rstrip(".").endswith(suffix):
            inside = host.lower().rstrip(".").removesuffix(suffix).split(".")
            return {inside[-1]} if inside[-1] not in ("", "*") else set()
    if len(labels) == 1:
        return set()
    if re.fullmatch(r"[0-9.]+|\[?[0-9a-f:]+\]?", host):
        return {f"address {host.replace(':', '-')}"}
    # `reviews.test` may be a service of test or an outside host: both are held.
    places = {f"domain {'.'.join(labels[-2:])}"} if "*" not in labels[-2:] else {f"domain {labels[-1]}"}
    return places | ({labels[-1]} if len(labels) == 2 and labels[-1] != "*" else set())


def _is_for_all(item: Mapping[str, Any], namespace: str) -> bool:
    spec = item.get("spec") or {}
    if item["kind"] in _POLICIES and namespace == ROOT:
        return not any(spec.get(key) for key in _SELECTORS)
    if item["kind"] == "ConfigMap" and namespace == ROOT:
        return True
    if item["kind"] not in ("VirtualService", "ServiceEntry"):
        return False
    if item["kind"] == "VirtualService" and "mesh" not in (_texts(spec.get("gateways")) or ["mesh"]):
        return False
    is_seen_elsewhere = _texts(spec.get("exportTo")) != ["."]
    return is_seen_elsewhere and not _EVERYTHING.isdisjoint(_texts(spec.get("hosts")))


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []
