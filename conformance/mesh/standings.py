"""Observing facts of the cluster: objects as the API server has them. Nothing here waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cluster.api import Api, Object, Reference
from conformance.judgement.standings import Running, Standing
from conformance.language.facts import Fact

_API_VERSIONS = {"Deployment": "apps/v1", "Service": "v1"}

Began = Mapping[tuple[str, str], tuple[Running, ...]]
"""What ran when a scenario began, by namespace and Deployment."""


def what_runs(api: Api, facts: Iterable[Fact]) -> Began:
    """To be asked before the scenario's first change."""
    found = {}
    for fact in facts:
        deployment = _object(api, fact) if fact.kind == "Deployment" else None
        found[fact.namespace, fact.object] = _running(_pods(api, deployment)) if deployment else ()
    return found


def observe(api: Api, facts: Sequence[Fact], began: Began) -> list[Standing]:
    return [_standing(api, fact, began.get((fact.namespace, fact.object), ())) for fact in facts]


def _standing(api: Api, fact: Fact, began: tuple[Running, ...]) -> Standing:
    found = _object(api, fact)
    pods = _pods(api, found) if found and fact.kind == "Deployment" else []
    ports = (found or {}).get("spec", {}).get("ports") or () if fact.kind == "Service" else ()
    return Standing(
        fact=fact.name,
        exists=found is not None,
        ready_pods=sum(map(_is_ready, pods)),
        pods=len(pods),
        running=_running(pods),
        began=began,
        ports=tuple((each.get("name", ""), each["port"]) for each in ports),
    )


def _object(api: Api, fact: Fact) -> Object | None:
    return api.get(Reference(_API_VERSIONS[fact.kind], fact.kind, fact.namespace, fact.object))


def _pods(api: Api, deployment: Object) -> list[Object]:
    labels = deployment["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    found = api.items("v1", "Pod", deployment["metadata"]["namespace"], label_selector=selector)
    return [each for each in found if not each["metadata"].get("deletionTimestamp")]


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _running(pods: Iterable[Object]) -> tuple[Running, ...]:
    return tuple(sorted(each for pod in pods for each in _containers(pod)))


def _containers(pod: Object) -> Iterable[Running]:
    """Those that run as long as the pod does: a sidecar is an init container that is restarted always."""
    spec, status = pod["spec"], pod.get("status") or {}
    lasting = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    states = {
        each["name"]: each for key in ("initContainerStatuses", "containerStatuses") for each in status.get(key) or ()
    }
    for container in (*lasting, *spec["containers"]):
        state = states.get(container["name"], {})
        started = ((state.get("state") or {}).get("running") or {}).get("startedAt", "")
        yield Running(pod["metadata"]["uid"], container["name"], state.get("restartCount", 0), started)
