"""What `kubectl get pod` shows: container states and pod conditions as the API has them (core/v1 PodStatus). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

Object = Mapping[str, Any]


class Role(Enum):
    """Init containers run to their end one after the other; sidecars are init containers that stay."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"


def role(container: Object, *, is_init: bool) -> Role:
    if not is_init:
        return Role.MAIN
    return Role.SIDECAR if container.get("restartPolicy") == "Always" else Role.INIT


@dataclass(frozen=True)
class Waiting:
    reason: str
    message: str = ""


@dataclass(frozen=True)
class Running:
    since: datetime


@dataclass(frozen=True)
class Terminated:
    exit_code: int
    since: datetime
    until: datetime
    # Why its command could not even be run.
    start_error: str = ""

    @property
    def reason(self) -> str:
        if self.start_error:
            return "StartError"
        return "Completed" if self.exit_code == 0 else "Error"


State = Waiting | Running | Terminated


@dataclass(frozen=True)
class ContainerState:
    """One container as it stands."""

    name: str
    image: str
    role: Role
    state: State = Waiting("PodInitializing")
    last: Terminated | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False

    @property
    def running(self) -> bool:
        return isinstance(self.state, Running)

    def with_state(self, state: State) -> ContainerState:
        last = self.state if isinstance(self.state, Terminated) else self.last
        up = isinstance(state, Running)
        return replace(self, state=state, last=last, started=self.started and up, ready=self.ready and up)


def now() -> datetime:
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _state(state: State) -> dict[str, Any]:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        case Running(since):
            return {"running": {"startedAt": timestamp(since)}}
        case Terminated(exit_code, since, until, start_error):
            return {
                "terminated": {
                    "exitCode": exit_code,
                    "reason": state.reason,
                    **({"message": start_error} if start_error else {}),
                    "startedAt": timestamp(since),
                    "finishedAt": timestamp(until),
                }
            }


def _container(container: ContainerState, pod_uid: str) -> dict[str, Any]:
    status: dict[str, Any] = {
        "name": container.name,
        "image": container.image,
        "imageID": f"process://{container.image}",
        "containerID": f"process://{pod_uid}/{container.name}/{container.restarts}",
        "ready": container.ready or (container.role is Role.INIT and is_done(container)),
        "started": container.started,
        "restartCount": container.restarts,
        "state": _state(container.state),
    }
    if container.last:
        status["lastState"] = _state(container.last)
    return status


def is_done(container: ContainerState) -> bool:
    return isinstance(container.state, Terminated) and container.state.exit_code == 0


def is_initialized(containers: Sequence[ContainerState]) -> bool:
    """Every init container has ended well and every sidecar has started."""
    return all(
        is_done(each) if each.role is Role.INIT else each.started for each in containers if each.role is not Role.MAIN
    )


def phase(containers: Sequence[ContainerState], restart_policy: str) -> str:
    """Pending, Running, Succeeded or Failed by the rules of the API (core/v1 PodPhase)."""
    mains = [each for each in containers if each.role is Role.MAIN]
    ended = [each.state for each in mains if isinstance(each.state, Terminated)]
    failed_init = any(
        each.role is Role.INIT and isinstance(each.state, Terminated) and each.state.exit_code != 0
        for each in containers
    )
    if restart_policy == "Never" and failed_init:
        return "Failed"
    if not is_initialized(containers) and all(isinstance(each.state, Waiting) and not each.last for each in mains):
        return "Pending"
    if len(ended) == len(mains) and restart_policy != "Always":
        if all(state.exit_code == 0 for state in ended):
            return "Succeeded"
        if restart_policy == "Never":
            return "Failed"
    if all(isinstance(each.state, Waiting) and not each.last for each in mains):
        return "Pending"
    return "Running"


def pod_status(
    pod: Object, containers: Sequence[ContainerState], *, address: str | None, host: str, started: datetime
) -> dict[str, Any]:
    """The whole status; condition times are kept while a condition does not change."""
    policy = pod["spec"].get("restartPolicy", "Always")
    uid = pod["metadata"]["uid"]
    current = phase(containers, policy)
    long_lived = [each for each in containers if each.role is not Role.INIT]
    all_ready = bool(long_lived) and all(each.ready for each in long_lived) and is_initialized(containers)
    facts = {
        "PodReadyToStartContainers": address is not None,
        "Initialized": is_initialized(containers),
        "ContainersReady": all_ready,
        "Ready": all_ready,
        "PodScheduled": True,
    }
    before = {each["type"]: each for each in (pod.get("status") or {}).get("conditions") or ()}
    status: dict[str, Any] = {
        "phase": current,
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "startTime": timestamp(started),
        "conditions": [
            _condition(kind, before.get(kind), current, containers, fact=fact) for kind, fact in facts.items()
        ],
        "initContainerStatuses": [_container(each, uid) for each in containers if each.role is not Role.MAIN],
        "containerStatuses": [_container(each, uid) for each in containers if each.role is Role.MAIN],
    }
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return status


def _condition(
    kind: str, before: Object | None, current: str, containers: Sequence[ContainerState], *, fact: bool
) -> dict[str, Any]:
    word = "True" if fact else "False"
    unchanged = before is not None and before.get("status") == word
    since = before["lastTransitionTime"] if before and unchanged else timestamp(now())
    condition = {"type": kind, "status": word, "lastTransitionTime": since}
    if not fact and kind in ("ContainersReady", "Ready"):
        unready = [each.name for each in containers if each.role is not Role.INIT and not each.ready]
        condition["reason"] = "PodCompleted" if current == "Succeeded" else "ContainersNotReady"
        condition["message"] = f"containers with unready status: [{' '.join(unready)}]"
    return condition
