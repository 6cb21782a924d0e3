"""Which of several services with one host a proxy takes, and what the others add to it (specification, section 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum

from conformance.router.registry import Endpoint, Resolution, Service


class Preference(Enum):
    """Which of several services with one host a proxy takes (sidecar.go selectServices, appendSidecarServices)."""

    OWN_FIRST = "of the client's namespace, of Kubernetes, exported to it by name, older"
    KUBERNETES_FIRST = "of Kubernetes, exported by name, older"
    """Before 1.24, without a Sidecar."""
    OWN_ONLY = "of the client's namespace, exported to it by name, older"
    """Before 1.24, with a Sidecar."""


def sharing_endpoints(entries: Iterable[Service]) -> Iterator[Service]:
    """ServiceEntries, the older first: istiod keeps endpoints by host and namespace, so that namesakes have each
    other's for the ports of one number, whatever keeps them from adding up (EndpointIndex, CopyEndpoints).
    """
    known = tuple(entries)
    namesakes: dict[tuple[str, str], list[Service]] = defaultdict(list)
    for each in known:
        namesakes[each.host, each.namespace].append(each)
    for each in known:
        others = namesakes[each.host, each.namespace]
        yield replace(each, endpoints=_of_all(others, each.resolution)) if len(others) > 1 else each


def _of_all(namesakes: Sequence[Service], resolution: Resolution) -> Mapping[int, tuple[Endpoint, ...]]:
    """Of STATIC only addresses count: no names can be told by EDS."""
    numbers = dict.fromkeys(number for each in namesakes for number in each.endpoints)
    takes_names = resolution is not Resolution.STATIC
    return {
        number: tuple(
            member
            for each in namesakes
            for member in each.endpoints.get(number, ())
            if takes_names or not member.is_named
        )
        for number in numbers
    }


def one_each(services: Iterable[Service], namespace: str, preference: Preference) -> dict[str, Service]:
    """A service for each host; ServiceEntries of one host and namespace add up their ports."""
    found: dict[str, Service] = {}
    for service in services:
        known = found.get(service.host)
        if known is None:
            found[service.host] = service
        elif adds_up(known, service):
            older, newer = sorted((known, service), key=lambda each: each.seniority)
            found[service.host] = joined(older, newer)
        elif _haunts(known, service):
            older, newer = sorted((known, service), key=lambda each: each.seniority)
            found[service.host] = haunted(older, newer)
        elif _rank(service, namespace, preference) < _rank(known, namespace, preference):
            found[service.host] = service
    return found


def _haunts(one: Service, other: Service) -> bool:
    """Two ServiceEntries of one host and namespace that do not add up."""
    return one.namespace == other.namespace and not (one.is_kubernetes or other.is_kubernetes)


def haunted(older: Service, newer: Service) -> Service:
    """The older with the ports that only the newer has, without what is behind them (seen on a mesh, section 28)."""
    extra = {number: port for number, port in newer.ports.items() if number not in older.ports}
    return replace(older, ports={**older.ports, **extra}, ghosts=older.ghosts | frozenset(extra))


def _rank(service: Service, namespace: str, preference: Preference) -> tuple[object, ...]:
    is_foreign, is_entry = service.namespace != namespace, not service.is_kubernetes
    order = (service.audience.is_public, service.seniority)
    if preference is Preference.KUBERNETES_FIRST:
        return (is_entry, *order)
    return (is_foreign, *order) if preference is Preference.OWN_ONLY else (is_foreign, is_entry, *order)


def adds_up(one: Service, other: Service) -> bool:
    """sidecar.go canMergeServices; Kubernetes has only one of a name."""
    return (
        one.namespace == other.namespace
        and one.is_kubernetes == other.is_kubernetes
        and one.resolution is other.resolution
        and one.labels == other.labels
        and one.selector == other.selector
        and one.audience == other.audience
    )


def joined(one: Service, other: Service) -> Service:
    """The first with the ports that only the second has; endpoints they share."""
    addresses = tuple(dict.fromkeys((*one.addresses, *other.addresses)))
    overrides = {**other.overrides, **one.overrides}
    return replace(one, ports={**other.ports, **one.ports}, addresses=addresses, overrides=overrides)
