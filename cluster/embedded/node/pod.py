"""One pod from the moment it is bound to this node until it is gone. One thread, straight from top to bottom."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cluster.api import Api, ApiError, Reference
from cluster.embedded import layout
from cluster.embedded.node import kubelet_api, network, volumes
from cluster.embedded.node.environment import MissingReference, command_line, environment, expand
from cluster.embedded.node.images import Images, UnknownImage
from cluster.embedded.node.network import Addresses, PodNetwork
from cluster.embedded.node.probes import Prober, attempt
from cluster.embedded.node.process import Bind, ConfigurationProblem, Process, Recipe, identity
from cluster.embedded.node.status import (
    ContainerState,
    Role,
    Running,
    Terminated,
    Waiting,
    is_done,
    now,
    phase,
    pod_status,
    role,
)
from cluster.embedded.node.supported import refusals

Object = Mapping[str, Any]


@dataclass(frozen=True)
class NodeSettings:
    """Paces of the node, in seconds; tests shorten them."""

    volume_refresh: float = 10.0
    # A crashed container is restarted at once the first time, then after 10 s doubling to 5 minutes, like a kubelet.
    first_back_off: float = 10.0
    longest_back_off: float = 300.0
    # A container that ran this long starts with a clean record.
    forgiven_after: float = 600.0
    # How soon what was missing (a ConfigMap, a Secret) is looked for again.
    retry_missing: float = 0.2


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
class Exited:
    name: str
    process: Process
    exit_code: int


@dataclass(frozen=True)
class Probed:
    name: str
    process: Process
    kind: str
    ok: bool
    why: str


@dataclass(frozen=True)
class Updated:
    pod: Object


@dataclass(frozen=True)
class Due:
    """A container's back-off is over."""

    name: str


News = Exited | Probed | Updated | Due


class Deleted(Exception):  # noqa: N818 - the ordinary end of a pod, not a fault
    """The pod is to go; raised wherever the pod's thread waits."""


class PodWorker(threading.Thread):
    """Runs one pod. `update` and `delete` may be called from any thread."""

    def __init__(self, node: Node, pod: Object, gone: Callable[[], None]) -> None:
        super().__init__(daemon=True, name=f"pod-{pod['metadata']['name']}")
        self._node = node
        self._pod = pod
        self._gone = gone
        self._news: queue.Queue[News] = queue.Queue()
        self._deletion = threading.Event()
        self._object_is_gone = False
        self._source = volumes.Source(node.api, pod["metadata"]["namespace"])
        self._network: PodNetwork | None = None
        self._folder = layout.PODS / pod["metadata"]["uid"]
        self._since = now()
        spec = pod["spec"]
        self._specs: dict[str, Object] = {}
        self._states: dict[str, ContainerState] = {}
        for is_init, kind in ((True, "initContainers"), (False, "containers")):
            for container in spec.get(kind) or ():
                name = container["name"]
                self._specs[name] = container
                self._states[name] = ContainerState(name, container["image"], role(container, is_init=is_init))
        self._processes: dict[str, Process] = {}
        self._probers: dict[str, list[Prober]] = {}
        self._crashes: dict[str, int] = {}
        self._published: dict[str, Any] = {}

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

    def log(self, container: str, *, previous: bool = False) -> Path | None:
        """The file with a container's output, None when there is no such run."""
        if container not in self._states:
            return None
        state = self._states[container]
        # In a back-off the run that ended last is both the present and the previous one, as for a kubelet.
        waits = isinstance(state.state, Waiting)
        if waits and not state.last:
            return None
        path = self._log_path(container, state.restarts - (1 if previous and not waits else 0))
        return path if path.exists() else None

    # --- the life of the pod --------------------------------------------------------------------------------------

    def run(self) -> None:
        try:
            if self._refused():
                self._wait_for_deletion()
            self._set_up()
            self._run_init_containers()
            for name in self._of(Role.MAIN):
                self._start(name)
            while True:
                self._serve(self._node.settings.volume_refresh)
                if self._has_volumes_to_refresh():
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
        self._wait_all("CreateContainerConfigError", message)
        return True

    def _wait_all(self, reason: str, message: str) -> None:
        for name in self._states:
            self._set(name, Waiting(reason, message))
        self._node.warn(self._pod, "FailedCreatePodSandBox", message)
        self._publish()

    def _wait_for_deletion(self) -> None:
        while True:
            self._serve(3600)

    def _set_up(self) -> None:
        """Network and volumes; waits while an object that a volume needs is missing."""
        sysctls = (self._pod["spec"].get("securityContext") or {}).get("sysctls") or ()
        try:
            self._network = network.create(self._node.addresses, {each["name"]: str(each["value"]) for each in sysctls})
        except subprocess.CalledProcessError as error:
            self._wait_all("CreateContainerConfigError", f"the pod's network cannot be made: {error.stderr.strip()}")
            self._wait_for_deletion()
            return
        self._write_etc()
        status = {**(self._pod.get("status") or {}), "podIP": self._network.address, "hostIP": layout.NODE_ADDRESS}
        self._pod = {**self._pod, "status": status}
        self._publish()
        told = ""
        while True:
            try:
                self._make_volumes()
            except MissingReference as missing:
                if str(missing) != told:
                    told = str(missing)
                    self._node.warn(self._pod, "FailedMount", told)
                self._serve(self._node.settings.retry_missing)
            else:
                return

    def _run_init_containers(self) -> None:
        """Init containers and sidecars in their order; each waits for the one before (KEP-753)."""
        for name in (*self._states,):
            state = self._states[name]
            if state.role is Role.MAIN:
                continue
            self._start(name)
            while not (is_done(self._states[name]) if state.role is Role.INIT else self._states[name].started):
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
            case Probed():
                self._probed(news)
            case Due(name):
                self._start(name)
            case Updated(pod):
                self._pod = {**pod, "status": self._pod.get("status") or {}}
                if self._network:
                    self._refresh_volumes()
        self._publish()

    # --- containers -----------------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        """Starts a container, or says why not and tries again later."""
        container = self._specs[name]
        state = self._states[name]
        restarts = state.restarts + (1 if state.last or isinstance(state.state, Terminated) else 0)
        try:
            process = Process(self._recipe(name), self._log_path(name, restarts))
        except UnknownImage as unknown:
            self._fail(name, "ErrImagePull", str(unknown), again=False)
            return
        except (ConfigurationProblem, MissingReference) as problem:
            self._fail(name, "CreateContainerConfigError", str(problem), again=True)
            return
        self._processes[name] = process
        self._set(name, Running(now()))
        self._states[name] = replace(self._states[name], restarts=restarts)
        threading.Thread(target=self._await_exit, args=(name, process), daemon=True).start()
        if "postStart" in (container.get("lifecycle") or {}):
            why = attempt(container["lifecycle"]["postStart"], container, process, 30)
            if why:
                self._node.warn(self._pod, "FailedPostStartHook", why)
                process.signal(signal.SIGKILL)
        if "startupProbe" in container:
            self._probe(name, process, "startupProbe")
        else:
            self._begin(name, process)
        self._publish()

    def _fail(self, name: str, reason: str, message: str, *, again: bool) -> None:
        if self._states[name].state != Waiting(reason, message):
            self._set(name, Waiting(reason, message))
            self._node.warn(self._pod, "Failed", f"{name}: {message}")
            self._publish()
        if again:
            self._later(name, 1.0)

    def _begin(self, name: str, process: Process) -> None:
        """The container counts as started: its other probes begin."""
        container = self._specs[name]
        self._states[name] = replace(self._states[name], started=True, ready="readinessProbe" not in container)
        for kind in ("readinessProbe", "livenessProbe"):
            if kind in container:
                self._probe(name, process, kind)

    def _probe(self, name: str, process: Process, kind: str) -> None:
        container = self._specs[name]

        def changed(why: str | None) -> None:
            self._news.put(Probed(name, process, kind, ok=why is None, why=why or ""))

        prober = Prober(container[kind], container, process, eager=kind != "livenessProbe", changed=changed)
        self._probers.setdefault(name, []).append(prober)
        prober.start()

    def _await_exit(self, name: str, process: Process) -> None:
        code = process.wait()
        process.log.with_suffix(kubelet_api.ENDED).touch()
        self._news.put(Exited(name, process, code))

    def _probed(self, news: Probed) -> None:
        if self._processes.get(news.name) is not news.process:
            return
        if news.kind == "readinessProbe":
            self._states[news.name] = replace(self._states[news.name], ready=news.ok)
            if not news.ok:
                self._node.warn(self._pod, "Unhealthy", f"{news.name}: readiness probe failed: {news.why}")
        elif not news.ok:
            self._node.warn(self._pod, "Unhealthy", f"{news.name}: {news.kind} failed, restarting: {news.why}")
            grace = self._grace(self._specs[news.name][news.kind])
            threading.Thread(target=self._stop, args=(news.name, grace), daemon=True).start()
        elif news.kind == "startupProbe":
            for prober in self._probers.pop(news.name, ()):
                prober.stop()
            self._begin(news.name, news.process)

    def _exited(self, news: Exited) -> None:
        name = news.name
        if self._processes.get(name) is not news.process:
            return
        del self._processes[name]
        for prober in self._probers.pop(name, ()):
            prober.stop()
        state = self._states[name]
        assert isinstance(state.state, Running)
        ran = (now() - state.state.since).total_seconds()
        self._set(name, Terminated(news.exit_code, state.state.since, now()))
        if not self._restarts(self._states[name]):
            if state.role is not Role.SIDECAR and self._is_over():
                threading.Thread(target=self._stop_sidecars, args=(self._grace(),), daemon=True).start()
            return
        settings = self._node.settings
        crashes = 0 if ran > settings.forgiven_after else self._crashes.get(name, 0)
        self._crashes[name] = crashes + 1
        wait = 0.0 if crashes == 0 else min(settings.first_back_off * 2 ** (crashes - 1), settings.longest_back_off)
        if wait:
            self._set(name, Waiting("CrashLoopBackOff", f"back-off {wait:g} s restarting failed container {name}"))
        self._later(name, wait)

    def _restarts(self, container: ContainerState) -> bool:
        if container.role is Role.SIDECAR:
            return not self._is_over()
        policy = self._pod["spec"].get("restartPolicy", "Always")
        if policy == "Never" or is_done(container):
            return policy == "Always" and container.role is Role.MAIN
        return True

    def _is_over(self) -> bool:
        policy = self._pod["spec"].get("restartPolicy", "Always")
        return phase([*self._states.values()], policy) in ("Succeeded", "Failed")

    def _grace(self, probe: Object | None = None) -> float:
        """How long a container may take to end: the probe that failed has the say over its pod."""
        for asked in (probe or {}, self._pod["spec"]):
            if asked.get("terminationGracePeriodSeconds") is not None:
                return float(asked["terminationGracePeriodSeconds"])
        return 30.0

    def _later(self, name: str, seconds: float) -> None:
        if not seconds:
            self._news.put(Due(name))
            return
        timer = threading.Timer(seconds, self._news.put, (Due(name),))
        timer.daemon = True
        timer.start()

    def _recipe(self, name: str) -> Recipe:
        assert self._network is not None
        container = self._specs[name]
        image = self._node.images.find(container["image"])
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        builtin = {
            **image.environment,
            "HOSTNAME": metadata["name"],
            "KUBERNETES_SERVICE_HOST": layout.API_SERVICE_ADDRESS,
            "KUBERNETES_SERVICE_PORT": "443",
        }
        variables = environment(container, self._pod, self._source.text, builtin)
        security = container.get("securityContext") or {}
        return Recipe(
            name=name,
            command=command_line(container, image.entrypoint, variables),
            variables=variables,
            identity=identity(container, self._pod, image),
            image=image,
            binds=tuple(self._bind(mount, variables) for mount in container.get("volumeMounts") or ()),
            network=self._network,
            hostname=spec.get("hostname") or metadata["name"],
            working_directory=container.get("workingDir") or image.working_directory,
            read_only_root=bool(security.get("readOnlyRootFilesystem")),
            etc=self._folder / "etc",
        )

    def _bind(self, mount: Object, variables: Mapping[str, str]) -> Bind:
        source = self._folder / "volumes" / mount["name"]
        if mount.get("subPath"):
            source = source / expand(mount["subPath"], variables)
            if not source.resolve().is_relative_to(self._folder.resolve()):
                raise ConfigurationProblem(f"subPath {mount['subPath']} leaves its volume")
            if not source.exists():
                source.mkdir(parents=True)
        # What the API server fills is read-only inside, whatever the mount says.
        volume = next(each for each in self._pod["spec"]["volumes"] if each["name"] == mount["name"])
        is_filled = "emptyDir" not in volume
        return Bind(source, mount["mountPath"], is_filled or bool(mount.get("readOnly")))

    # --- files ----------------------------------------------------------------------------------------------------

    def _write_etc(self) -> None:
        assert self._network is not None
        metadata = self._pod["metadata"]
        etc = self._folder / "etc"
        etc.mkdir(parents=True)
        search = " ".join(
            (
                f"{metadata['namespace']}.svc.{layout.CLUSTER_DOMAIN}",
                f"svc.{layout.CLUSTER_DOMAIN}",
                layout.CLUSTER_DOMAIN,
            )
        )
        resolver = f"search {search}\nnameserver {layout.NODE_ADDRESS}\noptions ndots:5\n"
        (etc / "resolv.conf").write_text(resolver)
        name = metadata["name"]
        (etc / "hosts").write_text(f"127.0.0.1\tlocalhost\n::1\tlocalhost\n{self._network.address}\t{name}\n")
        (etc / "hostname").write_text(f"{name}\n")
        (etc / "passwd").write_text(
            "root:x:0:0::/:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"
        )
        (etc / "group").write_text("root:x:0:\nistio-proxy:x:1337:\napp:x:1000:\n")

    def _make_volumes(self) -> None:
        group = (self._pod["spec"].get("securityContext") or {}).get("fsGroup")
        for volume in self._pod["spec"].get("volumes") or ():
            folder = self._folder / "volumes" / volume["name"]
            files = volumes.contents(volume, self._pod, self._source)
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            if files is None and is_new:
                if group is not None:
                    os.chown(folder, -1, group)
                # With the group inherited by what is made inside.
                folder.chmod(0o777 if group is None else 0o2777)
            elif files is not None:
                volumes.write(folder, files, group)

    def _has_volumes_to_refresh(self) -> bool:
        return any("emptyDir" not in volume for volume in self._pod["spec"].get("volumes") or ())

    def _refresh_volumes(self) -> None:
        """Renews tokens that are due and shows changed objects; what is gone meanwhile stays as it was."""
        try:
            self._make_volumes()
        except (MissingReference, ApiError) as problem:
            self._node.warn(self._pod, "FailedMount", f"volumes keep their former content: {problem}")

    def _log_path(self, container: str, run: int) -> Path:
        metadata = self._pod["metadata"]
        folder = f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
        return layout.LOGS / "pods" / folder / container / f"{run}.log"

    # --- status ---------------------------------------------------------------------------------------------------

    def _of(self, wanted: Role) -> list[str]:
        return [name for name, state in self._states.items() if state.role is wanted]

    def _set(self, name: str, state: Waiting | Running | Terminated) -> None:
        self._states[name] = self._states[name].with_state(state)

    def _publish(self) -> None:
        """Tells the API server when something changed."""
        address = self._network.address if self._network else None
        status = pod_status(
            self._pod, [*self._states.values()], address=address, host=layout.NODE_ADDRESS, started=self._since
        )
        if status == self._published:
            return
        try:
            self._node.api.patch_status(Reference.of({"apiVersion": "v1", "kind": "Pod", **self._pod}), status)
        except ApiError as error:
            if error.status != 404:
                raise
        self._published = status
        self._pod = {**self._pod, "status": {**(self._pod.get("status") or {}), **status}}

    # --- the end --------------------------------------------------------------------------------------------------

    def _tear_down(self) -> None:
        """Applications first, sidecars after them in reverse order, then everything that was made for the pod."""
        metadata = self._pod["metadata"]
        grace = metadata.get("deletionGracePeriodSeconds")
        seconds = float(30 if grace is None else grace)
        deadline = time.monotonic() + seconds
        mains = [
            threading.Thread(target=self._stop, args=(name, seconds), daemon=True)
            for name in self._processes
            if self._states[name].role is not Role.SIDECAR
        ]
        for thread in mains:
            thread.start()
        for thread in mains:
            thread.join()
        self._stop_sidecars(max(0.0, deadline - time.monotonic()))
        for probers in self._probers.values():
            for prober in probers:
                prober.stop()
        if self._network:
            network.remove(self._network)
        shutil.rmtree(self._folder, ignore_errors=True)
        # By name: what has it after a deletion by force may be the next pod.
        if self._deletion.is_set() and not self._object_is_gone:
            self._node.api.delete(Reference("v1", "Pod", metadata["namespace"], metadata["name"]), grace_seconds=0)
        self._gone()

    def _stop_sidecars(self, seconds: float) -> None:
        """One after the other, the last one first."""
        deadline = time.monotonic() + seconds
        for name in reversed([name for name, state in self._states.items() if state.role is Role.SIDECAR]):
            self._stop(name, max(0.0, deadline - time.monotonic()))

    def _stop(self, name: str, seconds: float) -> None:
        """The preStop hook, SIGTERM, and SIGKILL when the grace period is over."""
        process = self._processes.get(name)
        if process is None:
            return
        deadline = time.monotonic() + seconds
        container = self._specs[name]
        hook = (container.get("lifecycle") or {}).get("preStop")
        if hook and seconds:
            why = attempt(hook, container, process, seconds)
            if why:
                self._node.warn(self._pod, "FailedPreStopHook", f"{name}: {why}")
        process.signal(signal.SIGTERM)
        killer = threading.Timer(max(0.0, deadline - time.monotonic()), process.signal, (signal.SIGKILL,))
        killer.daemon = True
        killer.start()
        process.wait()
        killer.cancel()
