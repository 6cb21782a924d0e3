"""How fast the reference router is, and how that grows with the mesh.

A mesh of N services in ten namespaces, each with two versions, a VirtualService of two rules (a header, a split) and a
DestinationRule; requests come from many of its workloads. The time of a process, not of the clock: others on the
machine do not count.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from conformance.language.objects import typed
from conformance.router.objects.kubernetes import Pod, Service, ServicePort
from conformance.router.objects.metadata import Metadata
from conformance.router.predict import predict
from conformance.router.request import Request
from conformance.router.world import World, build

SIZES = (10, 100, 1_000, 10_000)
_NAMESPACES = 10
_REQUESTS = 2_000
_ROUNDS = 5


@dataclass(frozen=True)
class Figures:
    """Of one size of mesh, in seconds and predictions per second."""

    services: int
    typing: float
    """From plain values to typed objects."""
    building: float
    first: float
    """The first prediction, which makes the tables of its proxy."""
    slowest: float
    middle: float
    fastest: float
    """Predictions per second over rounds of the same requests, after one round that fills all tables."""


def measure(sizes: Sequence[int] = SIZES) -> tuple[Figures, ...]:
    return tuple(_figures(size) for size in sizes)


def _figures(size: int) -> Figures:
    manifests = [each for number in range(size) for each in _objects(number)]
    begun = time.process_time()
    objects = [typed(each, age=age, where="") for age, each in enumerate(manifests)]
    typed_at = time.process_time()
    services, pods = [_service(number) for number in range(size)], [_pod(*each) for each in _versions(size)]
    made_at = time.process_time()
    world = build(objects, services=services, pods=pods)
    built_at = time.process_time()
    requests = [_request(number, size) for number in range(_REQUESTS)]
    predict(world, requests[0])
    first_at = time.process_time()
    _round(world, requests)
    rates = sorted(_round(world, requests) for _ in range(_ROUNDS))
    return Figures(
        services=size,
        typing=typed_at - begun,
        building=built_at - made_at,
        first=first_at - built_at,
        slowest=rates[0],
        middle=median(rates),
        fastest=rates[-1],
    )


def _round(world: World, requests: Sequence[Request]) -> float:
    begun = time.process_time()
    for request in requests:
        predict(world, request)
    return len(requests) / (time.process_time() - begun)


def _objects(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    name, metadata = f"s{number}", {"name": f"s{number}", "namespace": f"ns{number % _NAMESPACES}"}
    rules = [
        {"match": [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "1"}}}], "route": [_to(name, "v2")]},
        {"route": [{**_to(name, "v1"), "weight": 90}, {**_to(name, "v2"), "weight": 10}]},
    ]
    subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    common = {"apiVersion": "networking.istio.io/v1", "metadata": metadata}
    return (
        {**common, "kind": "VirtualService", "spec": {"hosts": [name], "http": rules}},
        {**common, "kind": "DestinationRule", "spec": {"host": name, "subsets": subsets}},
    )


def _to(host: str, subset: str) -> dict[str, Any]:
    return {"destination": {"host": host, "subset": subset}}


def _service(number: int) -> Service:
    metadata = Metadata(f"s{number}", f"ns{number % _NAMESPACES}")
    return Service(metadata, (ServicePort(80, "http", 8080),), {"app": f"s{number}"}, _address(10, number))


def _versions(size: int) -> list[tuple[int, int]]:
    return [(number, version) for number in range(size) for version in (1, 2)]


def _pod(number: int, version: int) -> Pod:
    name = f"s{number}-v{version}"
    labels = {"app": f"s{number}", "version": f"v{version}"}
    metadata = Metadata(name, f"ns{number % _NAMESPACES}", labels)
    return Pod(metadata, name, _address(11, 2 * number + version), has_sidecar=True)


def _address(network: int, number: int) -> str:
    return f"{network}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _request(number: int, size: int) -> Request:
    target = number * 7 % size
    return Request(
        client=f"ns{number % size % _NAMESPACES}/s{number % size}-v1",
        host=f"s{target}.ns{target % _NAMESPACES}",
        port=80,
        path="/a" if number % 4 == 0 else "/b",
        headers=(("x", "1"),) if number % 2 else (),
    )


def table(figures: Sequence[Figures]) -> str:
    """One row for each size."""
    rows = ["reference router   typed objects   world built   first prediction   predictions/s (middle of 5 rounds)"]
    rows += [
        f"{each.services:>7} services {each.typing:>13.3f} s {each.building:>11.3f} s {each.first:>16.3f} s"
        f" {each.middle:>17,.0f}  ({each.slowest:,.0f} to {each.fastest:,.0f})"
        for each in figures
    ]
    return "\n".join(rows)
