"""Performing a scenario on a mesh: apply, gate, measure, take away. What came of it is data for the judge."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cluster.api import Api, ApiError, Object, Reference, in_namespace
from conformance.errors import BadInput
from conformance.judgement.history import Exchange
from conformance.judgement.profile import FULL, Profile
from conformance.language.load import Loaded
from conformance.language.models import Stage
from conformance.mesh.applications import OUTSIDE, deploy
from conformance.mesh.draws import draw
from conformance.mesh.evidence import Evidence, Staged
from conformance.mesh.exchanges import measure
from conformance.mesh.gate import Gate, NotConverged
from conformance.mesh.istiod import Istiod
from conformance.mesh.labels import LABEL, SCENARIO_KINDS, as_scenario_object
from conformance.mesh.territory import Territory, held, territory
from conformance.mesh.workloads import Pod, Workloads


@dataclass
class Clock:
    """Seconds spent in each phase of a scenario."""

    phases: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(self.phases.get(name, 0.0) + time.monotonic() - begun, 4)


@dataclass(frozen=True)
class Performance:
    """What came of a scenario: its exchanges, or why there are none. `blocked` is a sentence."""

    exchanges: tuple[Exchange, ...]
    phases: dict[str, float]
    blocked: str | None = None


class Mesh:
    """A running mesh as one worker uses it. `locks` is a folder that all workers of the cluster share."""

    def __init__(self, kubeconfig: Path, locks: Path, profile: Profile = FULL) -> None:
        self.api = Api(kubeconfig)
        self.workloads = Workloads(self.api)
        self.istiod = Istiod(self.api, self.workloads)
        self._gate = Gate(self.api, self.workloads, self.istiod)
        self._locks = locks
        self._profile = profile
        self._swept = False

    def close(self) -> None:
        self._gate.close()
        self.api.close()

    def perform(self, loaded: Loaded, evidence: Evidence | None = None) -> Performance:
        """Runs one scenario; raises BadInput when the API server refuses its configuration."""
        scenario, clock = loaded.scenario, Clock()
        self._sweep()
        with ExitStack() as stack:
            with clock.phase("wait"):
                stack.enter_context(held(territory(scenario), self._locks))
            with clock.phase("deploy"):
                for application in scenario.applications:
                    deploy(self.api, application, scenario.namespace)
            return self._perform(loaded, clock, evidence)

    def _sweep(self) -> None:
        """Takes away, once, what a killed run left on a kept cluster; nobody else is at work meanwhile."""
        if self._swept:
            return
        with held(Territory(frozenset(), is_whole_mesh=True), self._locks):
            left = [
                {**each, "apiVersion": api_version, "kind": kind}
                for api_version, kinds in (*SCENARIO_KINDS.items(), ("v1", ("Namespace",)))
                for kind in kinds
                for each in self.api.items(api_version, kind, label_selector=LABEL)
            ]
            self._take_away(left)
        self._swept = True

    def _perform(self, loaded: Loaded, clock: Clock, evidence: Evidence | None) -> Performance:
        scenario = loaded.scenario
        exchanges: list[Exchange] = []
        present: list[Object] = []
        try:
            with clock.phase("gate"):
                # Before anything is applied: a Sidecar hides the endpoints that this looks for.
                self._gate.pass_deployed(scenario.namespace, self.workloads.pods(scenario.namespace))
            for number, stage in enumerate(scenario.stages, start=1):
                wanted = [as_scenario_object(each) for each in in_namespace(stage.config, scenario.namespace)]
                names = {Reference.of(each) for each in wanted}
                with clock.phase("clean up"):
                    self._take_away([each for each in present if Reference.of(each) not in names])
                hiding = any(each["kind"] == "Sidecar" for each in present if Reference.of(each) in names)
                present = wanted
                with _shown(evidence, number, stage, wanted) as recorded:
                    recorded.extend(self._staged(loaded, stage, wanted, clock, may_hide=hiding))
                exchanges += recorded
            return Performance(tuple(exchanges), clock.phases)
        except NotConverged as blocked:
            return Performance((), clock.phases, str(blocked))
        finally:
            with clock.phase("clean up"):
                self._take_away(present)

    def _staged(
        self, loaded: Loaded, stage: Stage, objects: Sequence[Object], clock: Clock, *, may_hide: bool
    ) -> list[Exchange]:
        """Apply, gate, measure: one state of the configuration."""
        namespace = loaded.scenario.namespace
        before = self.istiod.mark()
        spaces = {namespace, *(each["metadata"]["namespace"] for each in objects if each["kind"] == "Deployment")}

        def pods() -> list[Pod]:
            return [pod for space in sorted(spaces) for pod in self.workloads.pods(space)]

        with clock.phase("apply"):
            self._try(loaded, stage, objects)
            brought = [each for each in objects if "istio.io/" not in each["apiVersion"]]
            self._apply(loaded, stage, objects, brought)
        with clock.phase("gate"):
            self._gate.pass_brought(brought, pods, may_hide=may_hide)
        with clock.phase("apply"):
            applied = self._apply(loaded, stage, objects, [each for each in objects if each not in brought])
        with clock.phase("gate"):
            self._gate.pass_applied(applied, pods(), before)
        with clock.phase("measure"):
            # A request may end at the servers that play the internet, or at the bookinfo that every mesh has.
            elsewhere = {OUTSIDE, "default"} - spaces
            witnesses = [*pods(), *(pod for place in sorted(elsewhere) for pod in self.workloads.pods(place))]
            run = uuid.uuid4().hex[:12]
            single = [case for case in stage.cases if not case.expect.is_distribution]
            exchanges = measure(self.workloads, single, namespace, witnesses, run)
            for number, case in enumerate(each for each in stage.cases if each.expect.is_distribution):
                client = self.workloads.client(case.client, namespace)
                exchanges += draw(
                    self.workloads, case, client, witnesses, f"{run}-{number}d", effect=self._profile.effect
                )
            return exchanges

    def _try(self, loaded: Loaded, stage: Stage, objects: Sequence[Object]) -> None:
        """All or nothing: every object is tried by the API server first; in a Namespace that is brought, after that."""
        spaces = [each for each in objects if each["kind"] == "Namespace"]
        self._apply(loaded, stage, objects, spaces)
        self._apply(loaded, stage, objects, [each for each in objects if each not in spaces], dry_run=True)

    def _apply(
        self, loaded: Loaded, stage: Stage, objects: Sequence[Object], some: Sequence[Object], *, dry_run: bool = False
    ) -> list[Object]:
        """Some of a stage's objects, one after the other."""
        applied = []
        for manifest in some:
            try:
                applied.append(self.api.apply(manifest, dry_run=dry_run))
            except ApiError as refused:
                raise BadInput(
                    path=str(loaded.source.path),
                    line=loaded.line(*stage.steps, "config", objects.index(manifest)),
                    problem=f"the cluster refuses {Reference.of(manifest)}: {refused.message}",
                    hint="correct the object; `kubectl apply --dry-run=server -f` shows the same message",
                ) from refused
        return applied

    def _take_away(self, objects: Sequence[Object]) -> None:
        """What acts on traffic first; of pods none is left, since the next scenario's gate would wait for its proxy."""
        references = [Reference.of(each) for each in sorted(objects, key=lambda each: each["kind"] in _HOMES)]
        for each in objects:
            if each["kind"] == "Deployment":
                self.api.delete(Reference.of(each), propagation="Foreground")
                self._end_pods(each)
        for reference in references:
            self.api.delete(reference)
        self._gate.pass_deletion([each for each in references if each.kind not in _HOMES])
        self._gate.pass_gone([each for each in references if each.kind in _HOMES])

    def _end_pods(self, deployment: Object) -> None:
        """At once: their proxies would wait five seconds for connections to drain."""
        namespace = deployment["metadata"]["namespace"]
        labels = ",".join(f"{name}={value}" for name, value in deployment["spec"]["selector"]["matchLabels"].items())
        for pod in self.api.items("v1", "Pod", namespace, label_selector=labels):
            self.api.delete(Reference("v1", "Pod", namespace, pod["metadata"]["name"]), grace_seconds=0)


_HOMES = ("Deployment", "Namespace")
"""Kinds whose objects have others in them, and are gone only when those are."""


@contextmanager
def _shown(evidence: Evidence | None, number: int, stage: Stage, objects: Sequence[Object]) -> Iterator[list[Exchange]]:
    """The exchanges of a stage, shown to the evidence before anything of the stage is taken away."""
    exchanges: list[Exchange] = []
    try:
        yield exchanges
    except BadInput:
        raise
    except Exception as error:
        if evidence:
            evidence.look(Staged(number, stage, objects, exchanges, f"{type(error).__name__}: {error}"))
        raise
    if evidence:
        evidence.look(Staged(number, stage, objects, exchanges, None))
