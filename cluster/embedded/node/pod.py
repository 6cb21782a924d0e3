"""One pod from the moment it is bound to this node until it is gone. One thread, straight from top to bottom."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.api import Api, ApiError, Reference
from cluster.embedded import layout
from cluster.embedded.node import network, volumes
from cluster.embedded.node.container import Container, Due, Exited, Probed, Surroundings, grace
from cluster.embedded.node.environment import MissingReference
from cluster.embedded.node.images import Images
from cluster.embedded.node.network import Addresses
from cluster.embedded.node.process import Recipe
from cluster.embedded.node.sandbox import Sandbox, is_filled
from cluster.embedded.node.settings import NodeSettings
from cluster.embedded.node.status import ContainerState, Role, is_done, now, phase, pod_status, role
from cluster.embedded.node.supported import refusals

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Node:
    """What every pod of this node shares."""

    api: Api
    images: Images
    addresses: Addresses
    settings: NodeSettings
    # (pod, reason, message): an Event that `kubectl describe pod` shows.
    warn: Callable[[Object, str, str], None]


@dataclass(frozen=True)
class Updated:
    pod: Object


News = Exited | Probed | Due | Updated


class Deleted(Exception):  # noqa: N818 - the ordinary end of a pod, not a fault
    """The pod is to go; raised wherever the pod's thread waits."""


def restarts(ended: ContainerState, policy: str, *, is_over: bool) -> bool:
    """Whether a container that ended is started again in a pod of this policy that is over or not."""
    if ended.role is Role.SIDECAR:
        return not is_over
    if policy == "Never" or is_done(ended):
        return policy == "Always" and ended.role is Role.MAIN
    return True


def is_changed(before: Object, after: Object) -> bool:
    """Whether somebody changed the pod, and it was not just its status, which this node writes itself."""
    told = ("labels", "annotations")
    return before["spec"] != after["spec"] or any(before["metadata"].get(k) != after["metadata"].get(k) for k in told)


class PodWorker(threading.Thread):
    """Runs one pod. `update`, `vanished` and `log` may be called from any thread.

    `abandoned` is called when it stops running a pod that nobody deleted: something went wrong.
    """

    def __init__(self, node: Node, pod: Object, abandoned: Callable[[], None]) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        super().__init__(daemon=True, name=f"pod-{metadata['name']}")
        self._node = node
        self._pod = pod
        self._abandoned = abandoned
        self._news: queue.Queue[News] = queue.Queue()
        self._deletion = threading.Event()
        self._object_is_gone = False
        self._sandbox: Sandbox | None = None
        self._since = now()
        self._grace = grace(spec, 30.0)
        self._published: dict[str, Any] = {}
        around = Surroundings(
            settings=node.settings,
            recipe=self._recipe,
            logs=layout.LOGS / "pods" / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}",
            grace=self._grace,
            warn=self._warn,
            tell=self._news.put,
        )
        # In the order in which they start.
        self._containers = {
            each["name"]: Container(each, role(each, is_init=is_init), around)
            for is_init, kind in ((True, "initContainers"), (False, "containers"))
            for each in spec.get(kind) or ()
        }

    # --- from other threads ---------------------------------------------------------------------------------------

    def update(self, pod: Object) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            self._pod = pod
            self._deletion.set()
        self._news.put(Updated(pod))

    def vanished(self) -> None:
        """The object is gone from the API server (deleted by force): stop what is left of it."""
        self._object_is_gone = True
        self._deletion.set()
        self._news.put(Updated(self._pod))

    def is_for(self, namespace: str, name: str) -> bool:
        metadata = self._pod["metadata"]
        return bool(metadata["namespace"] == namespace and metadata["name"] == name)

    def log(self, name: str, *, previous: bool = False) -> Path | None:
        """The file with a container's output, None when there is no such run."""
        found = self._containers.get(name)
        return found.log(previous=previous) if found else None

    # --- from beginning to end ------------------------------------------------------------------------------------

    def run(self) -> None:
        try:
            if self._refused():
                self._wait_for_deletion()
            self._set_up()
            self._run_init_containers()
            for each in self._of(Role.MAIN):
                self._start(each)
            while True:
                refresh_at = time.monotonic() + self._node.settings.volume_refresh
                while (left := refresh_at - time.monotonic()) > 0:
                    self._serve(left)
                self._refresh_volumes()
        except Deleted:
            pass
        finally:
            self._tear_down()

    def _refused(self) -> bool:
        refused = refusals(self._pod)
        if not refused:
            return False
        message = (
            f"the embedded node does not implement {', '.join(refused)}: remove it from the pod, "
            "or run this manifest with --cluster kind"
        )
        self._hold_all("CreateContainerConfigError", message)
        return True

    def _hold_all(self, reason: str, message: str) -> None:
        for each in self._containers.values():
            each.hold(reason, message)
        self._warn("FailedCreatePodSandBox", message)
        self._publish()

    def _wait_for_deletion(self) -> None:
        while True:
            self._serve(3600)

    def _set_up(self) -> None:
        """Network and volumes; waits while an object that a volume needs is missing."""
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
        try:
            made = network.create(self._node.addresses, {each["name"]: str(each["value"]) for each in sysctls})
        except subprocess.CalledProcessError as error:
            self._hold_all("CreateContainerConfigError", f"the pod's network cannot be made: {error.stderr.strip()}")
            self._wait_for_deletion()
            return
        source = volumes.Source(self._node.api, metadata["namespace"])
        self._sandbox = Sandbox(layout.PODS / metadata["uid"], made, source)
        self._sandbox.write_etc(self._pod)
        # Volumes and variables may ask for these.
        status = {**(self._pod.get("status") or {}), "podIP": made.address, "hostIP": layout.NODE_ADDRESS}
        self._pod = {**self._pod, "status": status}
        self._publish()
        told = ""
        while True:
            try:
                self._sandbox.fill_volumes(self._pod)
            except MissingReference as missing:
                if str(missing) != told:
                    told = str(missing)
                    self._warn("FailedMount", told)
                self._serve(self._node.settings.retry_missing)
            else:
                return

    def _run_init_containers(self) -> None:
        """Init containers and sidecars in their order; each waits for the one before (KEP-753)."""
        for each in self._of(Role.INIT, Role.SIDECAR):
            self._start(each)
            while not (is_done(each.state) if each.state.role is Role.INIT else each.state.started):
                self._serve(3600)

    def _serve(self, seconds: float) -> None:
        """Takes news until one has been dealt with or the time is over; raises Deleted when the pod is to go."""
        if self._deletion.is_set():
            raise Deleted
        try:
            news = self._news.get(timeout=seconds)
        except queue.Empty:
            return
        if self._deletion.is_set():
            raise Deleted
        match news:
            case Exited():
                self._exited(news)
            case Probed(name):
                self._containers[name].probed(news)
            case Due(name):
                self._containers[name].start()
            case Updated(pod):
                before, self._pod = self._pod, {**pod, "status": self._pod.get("status") or {}}
                if is_changed(before, pod):
                    self._refresh_volumes()
        self._publish()

    def _refresh_volumes(self) -> None:
        """Renews tokens that are due and shows changed objects; what is gone meanwhile stays as it was."""
        if self._sandbox is None or not any(map(is_filled, self._pod["spec"].get("volumes") or ())):
            return
        try:
            self._sandbox.fill_volumes(self._pod)
        except (MissingReference, ApiError) as problem:
            self._warn("FailedMount", f"volumes keep their former content: {problem}")

    def _tear_down(self) -> None:
        """Applications first, sidecars after them in reverse order, then everything that was made for the pod."""
        metadata = self._pod["metadata"]
        asked = metadata.get("deletionGracePeriodSeconds")
        seconds = float(30 if asked is None else asked)
        deadline = time.monotonic() + seconds
        stops = [
            threading.Thread(target=each.stop, args=(seconds,), daemon=True) for each in self._of(Role.INIT, Role.MAIN)
        ]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join()
        self._stop_sidecars(max(0.0, deadline - time.monotonic()))
        for each in self._containers.values():
            each.stop_probes()
        if self._sandbox:
            self._sandbox.remove()
        if not self._deletion.is_set():
            self._abandoned()
        # By name: what has it after a deletion by force may be the next pod.
        elif not self._object_is_gone:
            self._node.api.delete(Reference("v1", "Pod", metadata["namespace"], metadata["name"]), grace_seconds=0)

    # --- its containers -------------------------------------------------------------------------------------------

    def _of(self, *roles: Role) -> list[Container]:
        return [each for each in self._containers.values() if each.state.role in roles]

    def _recipe(self, spec: Object) -> Recipe:
        assert self._sandbox is not None
        return self._sandbox.recipe(spec, self._pod, self._node.images.find(spec["image"]))

    def _start(self, one: Container) -> None:
        one.start()
        self._publish()

    def _exited(self, news: Exited) -> None:
        one = self._containers[news.name]
        if not one.exited(news):
            return
        if restarts(one.state, self._policy, is_over=self._is_over()):
            one.restart()
        elif one.state.role is not Role.SIDECAR and self._is_over():
            threading.Thread(target=self._stop_sidecars, args=(self._grace,), daemon=True).start()

    @property
    def _policy(self) -> str:
        return str(self._pod["spec"].get("restartPolicy", "Always"))

    def _is_over(self) -> bool:
        return phase(self._states(), self._policy) in ("Succeeded", "Failed")

    def _stop_sidecars(self, seconds: float) -> None:
        """One after the other, the last one first."""
        deadline = time.monotonic() + seconds
        for each in reversed(self._of(Role.SIDECAR)):
            each.stop(max(0.0, deadline - time.monotonic()))

    # --- what is told of it ---------------------------------------------------------------------------------------

    def _states(self) -> list[ContainerState]:
        return [each.state for each in self._containers.values()]

    def _warn(self, reason: str, message: str) -> None:
        self._node.warn(self._pod, reason, message)

    def _publish(self) -> None:
        """Tells the API server when something changed."""
        address = self._sandbox.network.address if self._sandbox else None
        status = pod_status(self._pod, self._states(), address=address, host=layout.NODE_ADDRESS, started=self._since)
        if status == self._published:
            return
        try:
            self._node.api.patch_status(Reference.of({"apiVersion": "v1", "kind": "Pod", **self._pod}), status)
        except ApiError as error:
            if error.status != 404:
                raise
        self._published = status
        self._pod = {**self._pod, "status": {**(self._pod.get("status") or {}), **status}}
