"""A namespace of a real Kubernetes for these tests: pods are declared by the test modules and created all at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cluster.api import Api, ApiError, Reference
from cluster.embedded.world import World

Object = dict[str, Any]
T = TypeVar("T")

NAMESPACE = "node-tests"
SHELL = "conformance/shell:dev"
WORKLOAD = "conformance/workload:dev"

# Generous for a busy machine; nothing waits this long when it works.
_LIMIT_SECONDS = 12.0

# What the test modules declared while pytest collected them, in that order.
declared: list[Object] = []


def declare(manifest: Object) -> str:
    """Have this object created before the first test that uses the world; returns its name."""
    manifest.setdefault("apiVersion", "v1")
    manifest["metadata"].setdefault("namespace", NAMESPACE)
    declared.append(manifest)
    name: str = manifest["metadata"]["name"]
    return name


def shell(script: str, **fields: Any) -> Object:
    """A container that runs a shell script."""
    return {"name": "main", "image": SHELL, "args": ["-c", script], **fields}


def pod(name: str, *containers: Object, labels: Mapping[str, str] | None = None, **spec: Any) -> str:
    """Declare a pod that runs once, unless its spec says otherwise, and has a second to end."""
    defaults = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": list(containers)}
    metadata = {"name": name, "labels": dict(labels or {})}
    return declare({"kind": "Pod", "metadata": metadata, "spec": {**defaults, **spec}})


def configuration(name: str, **data: str) -> str:
    return declare({"kind": "ConfigMap", "metadata": {"name": name}, "data": data})


@dataclass(frozen=True)
class Lab:
    """The running world and shorthands for what tests ask of it."""

    world: World
    api: Api
    kubectl: Path

    def until(self, what: str, check: Callable[[], T | None], seconds: float = _LIMIT_SECONDS) -> T:
        """Return the first true result of the check."""
        deadline = time.monotonic() + seconds
        while True:
            found = check()
            if found:
                return found
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
            time.sleep(0.05)

    def find(self, kind: str, name: str) -> Object | None:
        return self.api.get(Reference("v1", kind, NAMESPACE, name))

    def pod(self, name: str) -> Object:
        found = self.find("Pod", name)
        assert found is not None, f"there is no pod {name}"
        return found

    def when(self, name: str, what: str, check: Callable[[Object], object]) -> Object:
        """Return the pod once the check of its status is true."""
        seen: Object = {}

        def look() -> Object | None:
            nonlocal seen
            seen = self.pod(name)
            return seen if check(seen["status"]) else None

        try:
            return self.until(f"pod {name}: {what}", look)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {json.dumps(seen['status'])}; {self.events(name)}") from None

    def ended(self, name: str) -> Object:
        return self.when(name, "has ended", lambda status: status.get("phase") in ("Succeeded", "Failed"))

    def ready(self, name: str) -> Object:
        return self.when(name, "is ready", lambda status: conditions(status).get("Ready") == "True")

    def log(self, name: str, container: str = "main", **query: Any) -> str:
        options = "&".join(f"{key}={value}" for key, value in {"container": container, **query}.items())
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log?{options}"
        return self.api.request("get", path).decode()

    def output(self, name: str, container: str = "main") -> str:
        """All a pod has written, once it has ended."""
        self.ended(name)
        return self.log(name, container)

    def until_logged(self, name: str, text: str, container: str = "main", **query: Any) -> str:
        def look() -> str | None:
            try:
                written = self.log(name, container, **query)
            except ApiError:
                return None
            return written if text in written else None

        return self.until(f"{name} writes {text!r}", look)

    def events(self, name: str) -> str:
        """The messages of the pod's events, a line each."""
        events = self.api.items("v1", "Event", NAMESPACE, field_selector=f"involvedObject.name={name}")
        return "\n".join(f"{event['reason']}: {event['message']}" for event in events)

    def until_event(self, name: str, text: str) -> str:
        return self.until(f"event of {name}: {text}", lambda: found if text in (found := self.events(name)) else None)

    def delete(self, name: str, grace_seconds: int | None = None) -> float:
        """Delete the pod and return after how many seconds it was gone."""
        begun = time.monotonic()
        self.api.delete(Reference("v1", "Pod", NAMESPACE, name), grace_seconds)
        self.until(f"{name} is gone", lambda: self.find("Pod", name) is None)
        return time.monotonic() - begun


def conditions(status: Object) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status.get("conditions") or ()}


def container(status: Object, name: str = "main") -> Object:
    """The status of one container, init or not; empty before there is one."""
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return next((each for each in every if each["name"] == name), {"state": {}, "restartCount": 0})
