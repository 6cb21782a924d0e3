"""What the gate waits for, and whose refusals end a wait. Without a mesh: istiod, API and proxies are played."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from conformance.mesh.gate import Gate, NotConverged, Refused
from conformance.mesh.istiod import Mark
from conformance.mesh.workloads import Pod, Question

BEFORE = Mark(3, "2026-01-01T00:00:00.000000Z")


class FakeIstiod:
    def __init__(self, rejections: float, *lines: str) -> None:
        self._rejections = rejections
        self._lines = lines

    def rejections(self) -> float:
        return self._rejections

    def refusals(self, _: Mark) -> list[str]:
        return [*self._lines]


class FakeWorkloads:
    def client(self, *_: str) -> None:
        return None

    def pods(self, _: str) -> tuple[()]:
        return ()

    def answers(self, questions: Sequence[Question]) -> list[str | None]:
        return [None for _ in questions]


class FakeProxies(FakeWorkloads):
    def __init__(self, dump: str | None) -> None:
        self._dump = dump

    def answers(self, questions: Sequence[Question]) -> list[str | None]:
        return [self._dump for _ in questions]


class FakeApi:
    """A Service with as many pods and endpoints as it is made with, and a pod that is none of its own."""

    def __init__(self, alive: int, ready: int, leaving: int = 0) -> None:
        own = {"labels": {"app": "echo", "version": "v1"}}
        pods = [own] * alive + [own | {"deletionTimestamp": "2026-01-01T00:00:00Z"}] * leaving + [{}]
        ends = [{"conditions": {"ready": True}}] * ready + [{"conditions": {"ready": False}}]
        label = {"kubernetes.io/service-name": "echo"}
        self._objects: dict[str, list[Any]] = {
            "Pod": [{"metadata": each} for each in pods],
            "Service": [{"metadata": {"name": "echo"}, "spec": {"selector": {"app": "echo"}, "ports": [{"port": 80}]}}],
            "EndpointSlice": [{"metadata": {"labels": label}, "endpoints": ends}],
        }

    def items(self, _version: str, kind: str, _namespace: str) -> list[Any]:
        return self._objects[kind]


def gate(
    istiod: FakeIstiod, limit: float = 5, workloads: FakeWorkloads | None = None, api: FakeApi | None = None
) -> Gate:
    return Gate(cast("Any", api), cast("Any", workloads or FakeWorkloads()), cast("Any", istiod), limit)


def test_a_refusal_of_an_involved_proxy_ends_the_wait_with_its_reason() -> None:
    istiod = FakeIstiod(
        4, "warn\tADS:CDS: ACK ERROR other.test Internal: no", "ACK ERROR reviews.default Internal: bad"
    )
    waiting = gate(istiod)

    with pytest.raises(Refused, match=r"NACK.*reviews\.default Internal: bad"):
        waiting._until(lambda: ["reviews"], "old", lambda: waiting._refuse_rejections(BEFORE, {"reviews.default"}))


def test_a_refusal_of_another_workers_proxy_is_none() -> None:
    gate(FakeIstiod(4, "ACK ERROR other.test Internal: no"))._refuse_rejections(BEFORE, {"reviews.default"})


def test_a_refusal_of_which_the_log_says_nothing_counts() -> None:
    with pytest.raises(Refused, match="does not say whose"):
        gate(FakeIstiod(4))._refuse_rejections(BEFORE, {"reviews.default"})


def test_without_refusals_the_wait_ends_with_what_is_missing() -> None:
    waiting = gate(FakeIstiod(3), limit=0)

    with pytest.raises(NotConverged, match="old after 0 s: reviews"):
        waiting._until(lambda: ["reviews"], "old")


@pytest.mark.parametrize(("alive", "ready"), [(2, 1), (1, 2), (1, 0)])
def test_an_application_is_awaited_until_its_services_have_their_pods_as_endpoints(alive: int, ready: int) -> None:
    with pytest.raises(NotConverged, match="do not have their pods as endpoints after 0 s: echo"):
        gate(FakeIstiod(3), limit=0, api=FakeApi(alive, ready)).pass_deployed("shop", [])


def test_a_pod_that_leaves_is_no_endpoint_to_wait_for() -> None:
    gate(FakeIstiod(3), limit=0, api=FakeApi(alive=2, ready=2, leaving=1)).pass_deployed("shop", [])


ENTRY = {"kind": "ServiceEntry", "spec": {"hosts": ["ext-svc.example.com"]}}


@pytest.mark.parametrize(
    ("warming", "is_awaited"),
    [
        ("reviews.shop.svc.cluster.local", True),
        ("reviews.elsewhere.svc.cluster.local", False),
        ("ext-svc.example.com", True),
        ("other.ext-svc.example.com", False),
    ],
)
def test_a_cluster_of_the_scenarios_services_is_awaited_until_it_is_in_use(warming: str, *, is_awaited: bool) -> None:
    dump = {"configs": [{"cluster": {"name": f"outbound|9080|v2|{warming}"}}]}
    waiting = gate(FakeIstiod(3), limit=0, workloads=FakeProxies(json.dumps(dump)))
    sender = Pod("shop", "client-1", "10.0.0.1", "client", "client", has_proxy=True)

    def passed() -> None:
        waiting.pass_warm([ENTRY], [sender], ["shop"], at_gateways=False)

    if is_awaited:
        with pytest.raises(NotConverged, match=r"wait for the endpoints .*client-1 \(outbound"):
            passed()
    else:
        passed()
