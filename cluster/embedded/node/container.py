"""One container of a pod: started, probed, restarted with back-off, stopped.

What happens to it by itself (it ends, a probe's result changes, its back-off is over) it tells its pod as news; the
pod hands them back in its own thread and decides what follows from an end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cluster.embedded.node import logs
from cluster.embedded.node.environment import MissingReference
from cluster.embedded.node.images import UnknownImage
from cluster.embedded.node.probes import Prober, attempt
from cluster.embedded.node.process import ConfigurationProblem, End, Process, Recipe
from cluster.embedded.node.settings import NodeSettings
from cluster.embedded.node.status import ContainerState, Role, Running, State, Terminated, Waiting, now

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Exited:
    name: str
    process: Process
    end: End


@dataclass(frozen=True)
class Probed:
    name: str
    process: Process
    kind: str
    ok: bool
    why: str


@dataclass(frozen=True)
class Due:
    """A container's back-off is over."""

    name: str


News = Exited | Probed | Due


@dataclass(frozen=True)
class Surroundings:
    """What a container needs of its pod."""

    settings: NodeSettings
    # Its recipe as of now; raises UnknownImage, ConfigurationProblem or MissingReference.
    recipe: Callable[[Object], Recipe]
    # The folder of the pod's logs.
    logs: Path
    # How long a container may take to end, in seconds.
    grace: float
    # (reason, message): an Event of the pod.
    warn: Callable[[str, str], None]
    tell: Callable[[News], None]


def back_off(crashes: int, settings: NodeSettings) -> float:
    """Seconds until a container that had crashed this often before is started again."""
    if crashes == 0:
        return 0.0
    return min(settings.first_back_off * 2.0 ** (crashes - 1), settings.longest_back_off)


def grace(asked: Object, otherwise: float) -> float:
    """How long a container may take to end, by a probe or by the spec of its pod."""
    seconds = asked.get("terminationGracePeriodSeconds")
    return otherwise if seconds is None else float(seconds)


class Container:
    """Its pod's thread runs it; `stop` and `log` may be called from any."""

    def __init__(self, spec: Object, role: Role, surroundings: Surroundings) -> None:
        self.name: str = spec["name"]
        self.state = ContainerState(self.name, spec["image"], role)
        self._spec = spec
        self._around = surroundings
        self._process: Process | None = None
        self._probers: list[Prober] = []
        self._crashes = 0

    def log(self, *, previous: bool = False) -> Path | None:
        """The file with its output, None when there is no such run."""
        state = self.state
        # In a back-off the run that ended last is both the present and the previous one, as for a kubelet.
        waits = isinstance(state.state, Waiting)
        if waits and not state.last:
            return None
        path = self._log_path(state.restarts - (1 if previous and not waits else 0))
        return path if path.exists() else None

    def _log_path(self, run: int) -> Path:
        return self._around.logs / self.name / f"{run}.log"

    # --- start ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts it, or says why not and tries again later."""
        restarts = self.state.restarts + (1 if self.state.last or isinstance(self.state.state, Terminated) else 0)
        try:
            process = Process(self._around.recipe(self._spec), self._log_path(restarts))
        except UnknownImage as unknown:
            self._fail("ErrImagePull", str(unknown))
            return
        except (ConfigurationProblem, MissingReference) as problem:
            self._fail("CreateContainerConfigError", str(problem))
            self._later(1.0)
            return
        self._process = process
        self.state = replace(self.state.with_state(Running(now())), restarts=restarts)
        threading.Thread(target=self._await_exit, args=(process,), daemon=True).start()
        hook = (self._spec.get("lifecycle") or {}).get("postStart")
        if hook:
            why = attempt(hook, self._spec, process, 30)
            if why:
                self._around.warn("FailedPostStartHook", why)
                process.signal(signal.SIGKILL)
        if "startupProbe" in self._spec:
            self._probe(process, "startupProbe")
        else:
            self._has_started(process)

    def hold(self, reason: str, message: str) -> None:
        """Has it wait, for this reason."""
        self._change(Waiting(reason, message))

    def _fail(self, reason: str, message: str) -> None:
        if self.state.state != Waiting(reason, message):
            self.hold(reason, message)
            self._around.warn("Failed", f"{self.name}: {message}")

    def _later(self, seconds: float) -> None:
        if not seconds:
            self._around.tell(Due(self.name))
            return
        timer = threading.Timer(seconds, self._around.tell, (Due(self.name),))
        timer.daemon = True
        timer.start()

    def _await_exit(self, process: Process) -> None:
        end = process.wait()
        logs.end(process.log)
        self._around.tell(Exited(self.name, process, end))

    def _change(self, state: State) -> None:
        self.state = self.state.with_state(state)

    # --- probes ---------------------------------------------------------------------------------------------------

    def _has_started(self, process: Process) -> None:
        """It counts as started: its other probes begin."""
        self.state = replace(self.state, started=True, ready="readinessProbe" not in self._spec)
        for kind in ("readinessProbe", "livenessProbe"):
            if kind in self._spec:
                self._probe(process, kind)

    def _probe(self, process: Process, kind: str) -> None:
        def changed(why: str | None) -> None:
            self._around.tell(Probed(self.name, process, kind, ok=why is None, why=why or ""))

        prober = Prober(self._spec[kind], self._spec, process, eager=kind != "livenessProbe", changed=changed)
        self._probers.append(prober)
        prober.start()

    def probed(self, news: Probed) -> None:
        if self._process is not news.process:
            return
        if news.kind == "readinessProbe":
            self.state = replace(self.state, ready=news.ok)
            if not news.ok:
                self._around.warn("Unhealthy", f"{self.name}: readiness probe failed: {news.why}")
        elif not news.ok:
            self._around.warn("Unhealthy", f"{self.name}: {news.kind} failed, restarting: {news.why}")
            # The probe that failed has the say over its pod.
            seconds = grace(self._spec[news.kind], self._around.grace)
            threading.Thread(target=self.stop, args=(seconds,), daemon=True).start()
        elif news.kind == "startupProbe":
            self.stop_probes()
            self._has_started(news.process)

    def stop_probes(self) -> None:
        for prober in self._probers:
            prober.stop()
        self._probers.clear()

    # --- end ------------------------------------------------------------------------------------------------------

    def exited(self, news: Exited) -> bool:
        """Takes note of its end; False when that was the end of an earlier run."""
        if self._process is not news.process:
            return False
        self._process = None
        self.stop_probes()
        assert isinstance(self.state.state, Running)
        self._change(Terminated(news.end.exit_code, self.state.state.since, now(), news.end.start_error))
        return True

    def restart(self) -> None:
        """Has it started again when its back-off is over."""
        ended = self.state.state
        assert isinstance(ended, Terminated)
        ran = (ended.until - ended.since).total_seconds()
        crashes = 0 if ran > self._around.settings.forgiven_after else self._crashes
        self._crashes = crashes + 1
        seconds = back_off(crashes, self._around.settings)
        if seconds:
            self.hold("CrashLoopBackOff", f"back-off {seconds:g} s restarting failed container {self.name}")
        self._later(seconds)

    def stop(self, seconds: float) -> None:
        """The preStop hook, SIGTERM, and SIGKILL when the grace period is over."""
        process = self._process
        if process is None:
            return
        deadline = time.monotonic() + seconds
        hook = (self._spec.get("lifecycle") or {}).get("preStop")
        if hook and seconds:
            why = attempt(hook, self._spec, process, seconds)
            if why:
                self._around.warn("FailedPreStopHook", f"{self.name}: {why}")
        process.signal(signal.SIGTERM)
        killer = threading.Timer(max(0.0, deadline - time.monotonic()), process.signal, (signal.SIGKILL,))
        killer.daemon = True
        killer.start()
        process.wait()
        killer.cancel()
