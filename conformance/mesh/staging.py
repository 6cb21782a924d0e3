"""One scenario through its stages: apply, gate, measure, take away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from cluster.api import Api, ApiError, Object, Reference, in_namespace
from conformance.errors import BadInput
from conformance.judgement.admission import Attempt
from conformance.judgement.history import Exchange
from conformance.judgement.profile import Profile
from conformance.judgement.standings import Standing
from conformance.judgement.whole import Recorded
from conformance.language.load import Loaded
from conformance.language.models import Stage
from conformance.mesh.admission import attempts
from conformance.mesh.applications import INTERNET
from conformance.mesh.clock import Clock
from conformance.mesh.credentials import Credentials
from conformance.mesh.evidence import Evidence, Staged
from conformance.mesh.exchanges import Measuring
from conformance.mesh.flows import Flows
from conformance.mesh.gate import Gate, NotConverged
from conformance.mesh.istiod import Istiod
from conformance.mesh.key_server import KeyServer
from conformance.mesh.labels import as_scenario_object
from conformance.mesh.standings import Began, observe, what_runs
from conformance.mesh.workloads import Pod, Workloads, client_among

_HOMES = ("Deployment", "Namespace")
"""Kinds whose objects have others in them, and are gone only when those are."""
_LAST = ("Secret", *_HOMES)
"""Taken away after all others: what names a Secret goes before it, what acts on traffic before what it acts on."""


@dataclass(frozen=True)
class Reach:
    """What a worker has of a mesh: its API server, its pods, istiod, and the worker's own gate."""

    api: Api
    workloads: Workloads
    istiod: Istiod
    gate: Gate
    key_server: KeyServer
    profile: Profile

    def take_away(self, objects: Sequence[Object]) -> None:
        """In the order of the file but for _LAST; no pod is left, since the next gate would wait for its proxy."""
        if not objects:
            return
        references = [Reference.of(each) for each in sorted(objects, key=lambda each: each["kind"] in _LAST)]
        for each in objects:
            if each["kind"] == "Deployment":
                self.api.delete(Reference.of(each), propagation="Foreground")
                self._end_pods(each)
        for reference in references:
            self.api.delete(reference)
        self.gate.pass_deletion([each for each in references if each.kind not in _HOMES])
        self.gate.pass_gone([each for each in references if each.kind in _HOMES])
        if any(each.kind == "Secret" for each in references):
            self.gate.pass_secrets()

    def _end_pods(self, deployment: Object) -> None:
        """At once: their proxies would wait five seconds for connections to drain."""
        namespace = deployment["metadata"]["namespace"]
        labels = ",".join(f"{name}={value}" for name, value in deployment["spec"]["selector"]["matchLabels"].items())
        for pod in self.api.items("v1", "Pod", namespace, label_selector=labels):
            self.api.delete(Reference("v1", "Pod", namespace, pod["metadata"]["name"]), grace_seconds=0)


@dataclass(frozen=True)
class Performance:
    """What came of a scenario: its exchanges, or why there are none. `blocked` is a sentence."""

    exchanges: tuple[Exchange, ...]
    phases: dict[str, float]
    blocked: str | None = None
    fingerprints: dict[str, str] = field(default_factory=dict)
    """Of the scenario's certificates, by name (SHA-256, hex)."""
    standings: tuple[Standing, ...] = ()
    attempts: tuple[Attempt, ...] = ()


@dataclass
class _Tape:
    """Of one stage, while it grows."""

    exchanges: list[Exchange] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def content(self) -> Recorded:
        return Recorded(self.exchanges, self.standings, self.attempts)


@dataclass
class Staging:
    """A scenario on its way; what is observed gathers here, and what is applied is known so that it can go again."""

    reach: Reach
    loaded: Loaded
    credentials: Credentials
    clock: Clock
    evidence: Evidence | None
    _recorded: list[_Tape] = field(default_factory=list)
    _present: list[Object] = field(default_factory=list)
    _found: dict[str, tuple[Pod, ...]] = field(default_factory=dict)
    """The pods of a namespace."""

    @property
    def _namespace(self) -> str:
        return self.loaded.scenario.namespace

    def perform(self) -> Performance:
        """All stages; leaves nothing of the scenario in the mesh, whatever happens."""
        stages = [self.credentials.wallet.completed(stage) for stage in self.loaded.scenario.stages]
        try:
            with self.clock.phase("gate"):
                # Before anything is applied: a Sidecar hides the endpoints that this looks for.
                self.reach.gate.pass_deployed(self._namespace, self._pods(self._namespace))
            began = what_runs(self.reach.api, [fact for stage in stages for fact in stage.cluster])
            for number, stage in enumerate(stages, start=1):
                self._enter(number, stage, began)
        except NotConverged as blocked:
            return Performance((), self.clock.phases, str(blocked))
        finally:
            with self.clock.phase("clean up"):
                self.reach.take_away(self._present)
        return Performance(
            exchanges=tuple(one for each in self._recorded for one in each.exchanges),
            phases=self.clock.phases,
            fingerprints=self.credentials.certificates.fingerprints,
            standings=tuple(one for each in self._recorded for one in each.standings),
            attempts=tuple(one for each in self._recorded for one in each.attempts),
        )

    def _enter(self, number: int, stage: Stage, began: Began) -> None:
        """What the stage before brought and this one does not is taken away, then this one holds and is measured."""
        secrets = [self.credentials.certificates.secret(each, self._namespace) for each in stage.secrets]
        config = in_namespace(stage.config, self._namespace)
        wanted = [as_scenario_object(each) for each in (*secrets, *config)]
        names = {Reference.of(each) for each in wanted}
        run = uuid.uuid4().hex[:12]
        flows = Flows(self.reach.workloads, stage.meanwhile, self._namespace, f"{run}f", self.credentials)
        with _shown(self.evidence, number, stage, wanted) as recorded, flows:
            with self.clock.phase("flows"):
                flows.change()
            with self.clock.phase("clean up"):
                self.reach.take_away([each for each in self._present if Reference.of(each) not in names])
            may_hide = any(each["kind"] == "Sidecar" for each in self._present if Reference.of(each) in names)
            self._present = wanted
            with self.clock.phase("apply"):
                recorded.attempts.extend(attempts(self.reach.api, stage.rejected, self._namespace))
            witnesses = self._converge(stage, wanted, flows, may_hide=may_hide)
            with self.clock.phase("measure"):
                recorded.exchanges.extend(self._measuring(witnesses).measure(stage, run))
                recorded.exchanges.extend(flows.end(witnesses))
            recorded.standings.extend(observe(self.reach.api, stage.cluster, began))
        self._recorded.append(recorded)

    def _measuring(self, witnesses: Sequence[Pod]) -> Measuring:
        reach = self.reach
        return Measuring(reach.workloads, self.credentials, reach.profile, self._namespace, witnesses)

    def _converge(self, stage: Stage, objects: Sequence[Object], flows: Flows, *, may_hide: bool) -> list[Pod]:
        """Applies a stage's objects and waits until the mesh runs them; the pods that may see its requests."""
        gate, before = self.reach.gate, self.reach.istiod.mark()
        spaces = {self._namespace, *(each["metadata"]["namespace"] for each in objects if each["kind"] == "Deployment")}

        def pods() -> list[Pod]:
            return [pod for space in sorted(spaces) for pod in self._pods(space)]

        brought = [each for each in objects if "istio.io/" not in each["apiVersion"]]
        with self.clock.phase("apply"):
            self._try(stage, objects)
            if stage.key_server:
                self.reach.key_server.offer(stage, self.credentials.wallet)
            plain = self._apply(stage, objects, brought)
        with self.clock.phase("gate"):
            secrets = [each for each in plain if each["kind"] == "Secret"]
            if secrets:
                gate.pass_secrets(secrets, pods())
            gate.pass_brought(plain, pods, may_hide=may_hide)
        with self.clock.phase("apply"):
            applied = self._apply(stage, objects, [each for each in objects if each not in brought])
        with self.clock.phase("gate"):
            own = pods()
            gate.pass_applied(applied, own, before)
            witnesses = [*own, *self._others(spaces)]
            clients = {each.client for each in stage.senders}
            senders = [client_among(witnesses, name, self._namespace) for name in sorted(clients)]
            gate.pass_warm(applied, senders, spaces, at_gateways=INTERNET in clients)
            gate.pass_certificates([*secrets, *applied], senders, at_gateways=INTERNET in clients)
            if stage.key_server:
                gate.pass_asked(lambda: self.reach.key_server.unasked(stage), own, before)
            flows.settle()
        return witnesses

    def _pods(self, namespace: str) -> tuple[Pod, ...]:
        """Looked for once, unless the scenario brings some of its own: the namespace is held, so they are the same."""
        if namespace not in self._found or self._brings_pods:
            self._found[namespace] = self.reach.workloads.pods(namespace)
        return self._found[namespace]

    @cached_property
    def _brings_pods(self) -> bool:
        return any(each["kind"] in _HOMES for stage in self.loaded.scenario.stages for each in stage.config)

    def _others(self, spaces: set[str]) -> list[Pod]:
        """Where else a request may end: at the servers that play the internet, or at the bookinfo of every mesh."""
        bookinfo = self.reach.workloads.pods("default") if "default" not in spaces else ()
        # One that is only just starting is another scenario's, and has seen nothing.
        return [pod for pod in (*bookinfo, *self.reach.workloads.outside) if pod.is_ready]

    def _try(self, stage: Stage, objects: Sequence[Object]) -> None:
        """All or nothing: every object is tried by the API server first; in a Namespace that is brought, after that."""
        if len(objects) == 1:
            # Alone it is applied or refused as a whole.
            return
        spaces = [each for each in objects if each["kind"] == "Namespace"]
        self._apply(stage, objects, spaces)
        self._apply(stage, objects, [each for each in objects if each not in spaces], dry_run=True)

    def _apply(
        self, stage: Stage, objects: Sequence[Object], some: Sequence[Object], *, dry_run: bool = False
    ) -> list[Object]:
        """Some of a stage's objects, one after the other."""
        applied = []
        for manifest in some:
            try:
                applied.append(self.reach.api.apply(manifest, dry_run=dry_run))
            except ApiError as refused:
                raise BadInput(
                    path=str(self.loaded.source.path),
                    line=self.loaded.line(*stage.steps, *_place(stage, objects.index(manifest))),
                    problem=f"the cluster refuses {Reference.of(manifest)}: {refused.message}",
                    hint="correct the object; `kubectl apply --dry-run=server -f` shows the same message",
                ) from refused
        return applied


def _place(stage: Stage, index: int) -> tuple[str, int]:
    """Where in the file an object of a stage stands: Secrets come first."""
    count = len(stage.secrets)
    return ("secrets", index) if index < count else ("config", index - count)


@contextmanager
def _shown(evidence: Evidence | None, number: int, stage: Stage, objects: Sequence[Object]) -> Iterator[_Tape]:
    """What is recorded of a stage, shown to the evidence before anything of the stage is taken away."""
    recorded = _Tape()
    try:
        yield recorded
    except BadInput:
        raise
    except Exception as error:
        if evidence:
            evidence.look(Staged(number, stage, objects, recorded.content, f"{type(error).__name__}: {error}"))
        raise
    if evidence:
        evidence.look(Staged(number, stage, objects, recorded.content, None))
