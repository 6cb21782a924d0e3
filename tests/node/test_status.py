"""Phase, conditions and container states as the API defines them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cluster.embedded.node.status import ContainerState, Role, Running, Terminated, Waiting, phase, pod_status, role

Object = dict[str, Any]

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WAITS = Waiting("PodInitializing")
RUNS = Running(START)
DONE = Terminated(0, START, START + timedelta(seconds=1))
BROKE = Terminated(3, START, START + timedelta(seconds=1))
LOOPS = Waiting("CrashLoopBackOff")


def main(state: Waiting | Running | Terminated, **fields: Any) -> ContainerState:
    return ContainerState("main", "image", Role.MAIN, state, **fields)


def init(state: Waiting | Running | Terminated) -> ContainerState:
    return ContainerState("init", "image", Role.INIT, state)


def sidecar(started: bool) -> ContainerState:  # noqa: FBT001  reads well at every call
    return ContainerState("side", "image", Role.SIDECAR, RUNS if started else WAITS, started=started, ready=started)


@pytest.mark.parametrize(
    ("containers", "policy", "expected"),
    [
        ([main(WAITS)], "Always", "Pending"),
        ([main(RUNS)], "Always", "Running"),
        ([main(RUNS), main(WAITS)], "Always", "Running"),
        ([main(DONE)], "Always", "Running"),
        ([main(BROKE)], "Always", "Running"),
        ([main(LOOPS, last=BROKE)], "Always", "Running"),
        ([main(DONE)], "Never", "Succeeded"),
        ([main(BROKE)], "Never", "Failed"),
        ([main(DONE), main(BROKE)], "Never", "Failed"),
        ([main(DONE), main(RUNS)], "Never", "Running"),
        ([main(DONE)], "OnFailure", "Succeeded"),
        ([main(BROKE)], "OnFailure", "Running"),
        ([init(RUNS), main(WAITS)], "Never", "Pending"),
        ([init(DONE), main(WAITS)], "Never", "Pending"),
        ([init(BROKE), main(WAITS)], "Never", "Failed"),
        ([init(BROKE), main(WAITS)], "Always", "Pending"),
        ([init(DONE), main(RUNS)], "Always", "Running"),
        ([sidecar(started=False), main(WAITS)], "Always", "Pending"),
        ([sidecar(started=True), main(WAITS)], "Always", "Pending"),
        ([sidecar(started=True), main(DONE)], "Never", "Succeeded"),
        ([sidecar(started=False), main(DONE)], "Never", "Succeeded"),
        ([sidecar(started=False), main(BROKE)], "Never", "Failed"),
    ],
)
def test_phase(containers: list[ContainerState], policy: str, expected: str) -> None:
    assert phase(containers, policy) == expected


@pytest.mark.parametrize(
    ("container", "is_init", "expected"),
    [
        ({}, False, Role.MAIN),
        ({}, True, Role.INIT),
        ({"restartPolicy": "Always"}, True, Role.SIDECAR),
    ],
)
def test_role(container: Object, is_init: bool, expected: Role) -> None:  # noqa: FBT001  a parameter of the table
    assert role(container, is_init=is_init) is expected


def status_of(*containers: ContainerState, before: Object | None = None, address: str | None = "10.0.0.9") -> Object:
    pod = {"metadata": {"uid": "u"}, "spec": {"restartPolicy": "Always"}, "status": before or {}}
    return pod_status(pod, containers, address=address, host="172.30.0.1", started=START)


def facts(status: Object) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


def condition(status: Object, kind: str) -> Object:
    found: Object = next(each for each in status["conditions"] if each["type"] == kind)
    return found


def test_pod_is_ready_when_every_container_is() -> None:
    ready = main(RUNS, started=True, ready=True)
    assert set(facts(status_of(sidecar(started=True), init(DONE), ready)).values()) == {"True"}
    for unready in (replace(ready, ready=False), main(WAITS)):
        seen = facts(status_of(ready, unready))
        assert (seen["Initialized"], seen["ContainersReady"], seen["Ready"]) == ("True", "False", "False")


def test_pod_with_an_unready_sidecar_is_not_ready() -> None:
    seen = status_of(sidecar(started=False), main(RUNS, started=True, ready=True))
    assert facts(seen)["Ready"] == "False"
    assert facts(seen)["Initialized"] == "False"


def test_condition_names_the_containers_that_are_not_ready_now() -> None:
    first = main(RUNS)
    second = replace(first, name="second")
    seen = status_of(first, second)
    assert condition(seen, "Ready")["message"] == "containers with unready status: [main second]"
    later = status_of(replace(first, ready=True), second, before=seen)
    assert condition(later, "Ready")["message"] == "containers with unready status: [second]"


def test_condition_keeps_its_time_until_it_changes() -> None:
    long_ago = "2020-01-01T00:00:00Z"
    before = {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": long_ago}]}
    same = status_of(main(RUNS), before=before)
    changed = status_of(main(RUNS, started=True, ready=True), before=before)
    assert condition(same, "Ready")["lastTransitionTime"] == long_ago
    assert condition(changed, "Ready")["lastTransitionTime"] > long_ago


def test_addresses_appear_with_the_network() -> None:
    assert status_of(main(WAITS))["podIPs"] == [{"ip": "10.0.0.9"}]
    without = status_of(main(WAITS), address=None)
    assert "podIP" not in without
    assert facts(without)["PodReadyToStartContainers"] == "False"
    assert without["hostIP"] == "172.30.0.1"
    assert without["startTime"] == "2026-01-02T03:04:05Z"


def test_container_states_are_told_with_the_last_end() -> None:
    restarted = main(RUNS).with_state(BROKE).with_state(LOOPS)
    [told] = status_of(restarted)["containerStatuses"]
    assert told["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert told["lastState"]["terminated"] == {
        "exitCode": 3,
        "reason": "Error",
        "startedAt": "2026-01-02T03:04:05Z",
        "finishedAt": "2026-01-02T03:04:06Z",
    }
    [ended] = status_of(init(DONE))["initContainerStatuses"]
    assert ended["state"]["terminated"]["reason"] == "Completed"
    assert ended["ready"]


def test_container_that_could_not_be_started_says_why() -> None:
    [told] = status_of(main(replace(BROKE, start_error="no such file")))["containerStatuses"]
    ended = told["state"]["terminated"]
    assert (ended["reason"], ended["message"]) == ("StartError", "no such file")


def test_container_that_ends_is_neither_started_nor_ready() -> None:
    ended = main(RUNS, started=True, ready=True).with_state(DONE)
    assert not ended.started
    assert not ended.ready
