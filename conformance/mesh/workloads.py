"""The pods of the mesh and their control ports, reached through the API server like everything else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cluster.api import Api, Object
from conformance.language.behaviours import Behaviour
from conformance.mesh.applications import INTERNET, OUTSIDE, SYSTEM

CONTROL_PORT = 9900
_PLAN_SECONDS = 120
_ASK_SECONDS = 60
"""The collector gives up after half of it."""
_DRAW_SECONDS = 30
"""For one request among hundreds at the same time, on a machine under load."""


@dataclass(frozen=True)
class Pod:
    """A running pod. `workload` is the name of the Deployment it belongs to."""

    namespace: str
    name: str
    address: str
    app: str
    workload: str
    has_proxy: bool
    is_ready: bool = True

    def url(self, port: int, path: str = "") -> str:
        """Of something at the pod's own address."""
        return url_at(self.address, port, path)


def url_at(address: str, port: int, path: str = "") -> str:
    """Of something at an address of either family."""
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/{path}"


@dataclass(frozen=True)
class Question:
    """A GET that is no traffic under test. `by` asks it, through its sidecar; None: the collector itself."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    by: Pod | None = None

    def as_ask(self) -> Object:
        """As the collector takes it; what another pod shall ask is a question to that pod."""
        ask: Object = {"url": self.url, "headers": [*self.headers.items()]}
        if self.by is None:
            return ask
        return {"url": self.by.url(CONTROL_PORT, "ask"), "body": json.dumps({"asks": [ask]})}

    def answer(self, told: Object) -> str | None:
        """The content of an answer with 2xx."""
        if not 200 <= told.get("status", 0) < 300:
            return None
        body: str = told["body"]
        return body if self.by is None else Question(self.url).answer(json.loads(body)["answers"][0])


def _pod(document: Object) -> Pod:
    metadata, spec, labels = document["metadata"], document["spec"], document["metadata"].get("labels") or {}
    conditions = (document.get("status") or {}).get("conditions") or ()
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    template = labels.get("pod-template-hash", "")
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        address=(document.get("status") or {}).get("podIP", ""),
        app=labels.get("app", ""),
        workload=metadata["name"].split(f"-{template}-")[0] if template else metadata["name"],
        has_proxy=any(each["name"] == "istio-proxy" for each in containers),
        is_ready=any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
    )


def client_among(pods: Iterable[Pod], name: str, namespace: str) -> Pod:
    """The pod that sends for `from: NAME`: outside, internet, a workload, or the first one of a service."""
    home = _home_of(name, namespace)
    for pod in pods:
        if pod.namespace == home and name in (pod.workload, pod.app):
            return pod
    raise LookupError(f"namespace {home} has no pod of {name}")


def _home_of(client: str, namespace: str) -> str:
    return OUTSIDE if client in (OUTSIDE, INTERNET) else namespace


class Workloads:
    """Finds pods and asks them. Safe to use from many threads."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def pods(self, namespace: str) -> tuple[Pod, ...]:
        """The pods that are not on their way out, in the order of their names."""
        documents = self._api.items("v1", "Pod", namespace)
        alive = [each for each in documents if not each["metadata"].get("deletionTimestamp")]
        return tuple(sorted((_pod(each) for each in alive), key=lambda pod: pod.name))

    def client(self, name: str, namespace: str) -> Pod:
        """The pod that sends for `from: NAME`; raises LookupError when there is none."""
        home = _home_of(name, namespace)
        return client_among(self.outside if home == OUTSIDE else self.pods(home), name, namespace)

    def plan(
        self, pod: Pod, requests: Sequence[Mapping[str, Any]], *, at_once: bool = False, patience: float = 10
    ) -> list[dict[str, Any]]:
        """Has the pod send these requests, each once and on a new connection; what it saw of each.

        In order, or all at once. An answer that does not come within `patience` seconds is a failure.
        """
        body = {"requests": list(requests), "connection": "fresh", "at_once": at_once, "timeout_seconds": patience}
        answers: list[dict[str, Any]] = json.loads(self._ask(pod, "plan", "post", body, _PLAN_SECONDS))["answers"]
        return answers

    def begin_flow(self, pod: Pod, name: str, request: Mapping[str, Any], connection: str, pause: float) -> None:
        """Has the pod send a request again and again, `pause` seconds after each answer; the moment is `before`."""
        plan = {"requests": [request], "connection": connection}
        self._ask(pod, f"flow/{name}", "post", {"plan": plan, "pause_seconds": pause, "moment": "before"})

    def pass_on_flow(self, pod: Pod, name: str, moment: str, least: int) -> None:
        """Names the next moment as soon as the present one has had so many requests, or no more are to be expected."""
        self._ask(pod, f"flow/{name}", "patch", {"moment": moment, "least": least})

    def end_flow(self, pod: Pod, name: str, least: int) -> list[dict[str, Any]]:
        """Every answer of the flow, in order; each has the `moments` at which its request began and ended."""
        content = self._ask(pod, f"flow/{name}", "delete", {"moment": "after", "least": least}, _PLAN_SECONDS)
        answers: list[dict[str, Any]] = json.loads(content)["answers"]
        return answers

    def behave(self, pod: Pod, prefix: str, behaviour: Behaviour) -> None:
        """Tells the pod what to do with requests whose token begins with `prefix`."""
        how = behaviour.model_dump(include={"seconds", "status", "resets", "first"}, exclude_none=True)
        self._ask(pod, "behaviour", "put", {"prefix": prefix, **how})

    def behave_as_always(self, pod: Pod, prefix: str) -> None:
        self._ask(pod, f"behaviour?prefix={prefix}", "delete")

    def draws(
        self, pod: Pod, request: Mapping[str, Any], first: int, count: int, connections: int
    ) -> list[dict[str, Any]]:
        """Has the pod send one request `count` times over kept connections; what it saw of each, in their order."""
        plan = {"requests": [request], "timeout_seconds": _DRAW_SECONDS}
        body = {"plan": plan, "first": first, "count": count, "connections": connections}
        answers: list[dict[str, Any]] = json.loads(self._ask(pod, "draws", "post", body, _PLAN_SECONDS))["answers"]
        return answers

    def answers(self, questions: Sequence[Question]) -> list[str | None]:
        """The collector asks them all, side by side; None for anything but an answer with 2xx."""
        if not questions:
            return []
        asks, pod = [each.as_ask() for each in questions], self.collector
        content = self._api.safe_pod_proxy(
            pod.namespace, pod.name, CONTROL_PORT, "ask", {"asks": asks}, seconds=_ASK_SECONDS
        )
        told = json.loads(content)["answers"]
        return [each.answer(one) for each, one in zip(questions, told, strict=True)]

    def answer(self, question: Question) -> str | None:
        """The same of one."""
        return self.answers([question])[0]

    @cached_property
    def collector(self) -> Pod:
        """The pod that asks others for the harness (manifests/sentinel.yaml)."""
        return client_among(self.pods(SYSTEM), "collector", SYSTEM)

    @cached_property
    def outside(self) -> tuple[Pod, ...]:
        """The servers that play the internet and the clients without a sidecar: no scenario changes them."""
        return self.pods(OUTSIDE)

    def journals(self, pods: Sequence[Pod], prefix: str) -> list[list[dict[str, Any]]]:
        """What each workload saw of requests whose token begins with `prefix`.

        Raises ConnectionError where one does not say: silence is not absence.
        """
        found = self.answers([Question(pod.url(CONTROL_PORT, f"journal?prefix={prefix}")) for pod in pods])
        silent = [pod.name for pod, journal in zip(pods, found, strict=True) if journal is None]
        if silent:
            raise ConnectionError(f"no journal from {', '.join(silent)}")
        return [json.loads(journal)["entries"] for journal in found if journal is not None]

    def put_documents(self, pod: Pod, documents: Mapping[str, Any]) -> None:
        """Tells a server of documents what it answers at these paths: {path: {status, body}}."""
        self._ask(pod, "documents", "put", documents)

    def documents(self, pod: Pod) -> dict[str, Any]:
        """What a server of documents answers, and how often each was fetched since: {path: {status, fetches}}."""
        found: dict[str, Any] = json.loads(self._ask(pod, "documents"))
        return found

    def forget(self, pod: Pod, prefix: str) -> None:
        """Takes these entries out of the workload's journal, which thousands of them would fill."""
        self._ask(pod, f"journal?prefix={prefix}", "delete")

    def load(self, pod: Pod, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Has the pod send as fast as it can, for the bench."""
        result: dict[str, Any] = json.loads(self._ask(pod, "load", "post", plan, _PLAN_SECONDS))
        return result

    def _ask(self, pod: Pod, path: str, method: str = "get", body: Any = None, seconds: float = 30) -> bytes:
        return self._api.pod_proxy(
            pod.namespace, pod.name, CONTROL_PORT, path, method=method, body=body, seconds=seconds
        )
