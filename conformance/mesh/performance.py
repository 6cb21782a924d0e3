"""Performing a scenario on a mesh: apply, gate, measure, take away. What came of it is data for the judge."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from cluster.api import Api, ApiError, Object, Reference, in_namespace
from conformance.errors import BadInput
from conformance.judgement.history import Exchange
from conformance.language.load import Loaded
from conformance.language.models import Scenario, Stage
from conformance.mesh.applications import OUTSIDE, deploy
from conformance.mesh.draws import draw
from conformance.mesh.exchanges import measure
from conformance.mesh.gate import Gate, NotConverged
from conformance.mesh.istiod import Istiod
from conformance.mesh.workloads import Workloads

INGRESS = "ingress"
"""What every scenario that configures a gateway shares with the others."""


_LABEL = "conformance/scenario"

SCENARIO_KINDS = {
    "networking.istio.io/v1": (
        "DestinationRule",
        "Gateway",
        "ServiceEntry",
        "Sidecar",
        "VirtualService",
        "WorkloadEntry",
    ),
    "networking.istio.io/v1alpha3": ("EnvoyFilter",),
    "security.istio.io/v1": ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
    "v1": ("Secret", "ConfigMap"),
}
"""What scenarios bring and a killed one may leave behind."""


def as_scenario_object(manifest: Object) -> Object:
    """The object with the label by which it is found again if its run is killed."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), _LABEL: "true"}}}


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


def territory(scenario: Scenario) -> frozenset[str]:
    """What a scenario changes and others could notice: its namespaces, and the gateways if it configures them."""
    places = {scenario.namespace}
    for each in (item for stage in scenario.stages for item in stage.config):
        places.add(each["metadata"].get("namespace") or scenario.namespace)
        gateways = (each.get("spec") or {}).get("gateways") or ()
        if each["kind"] == "Gateway" or any(name != "mesh" for name in gateways):
            places.add(INGRESS)
    return frozenset(places)


class Mesh:
    """A running mesh as one worker uses it. `locks` is a folder that all workers of the cluster share."""

    def __init__(self, kubeconfig: Path, locks: Path) -> None:
        self.api = Api(kubeconfig)
        self.workloads = Workloads(self.api)
        self.istiod = Istiod(self.api, self.workloads)
        self._gate = Gate(self.api, self.workloads, self.istiod)
        self._locks = locks
        self._swept: set[str] = set()

    def close(self) -> None:
        self._gate.close()
        self.api.close()

    def perform(self, loaded: Loaded) -> Performance:
        """Runs one scenario; raises BadInput when the API server refuses its configuration."""
        scenario, clock = loaded.scenario, Clock()
        with ExitStack() as held:
            with clock.phase("wait"):
                # In one order everywhere, so that two workers never wait for each other.
                for place in sorted(territory(scenario)):
                    held.enter_context(FileLock(self._locks / f"{place}.lock"))
            for place in territory(scenario) - self._swept - {INGRESS}:
                self._sweep(place)
            with clock.phase("deploy"):
                deploy(self.api, scenario.app, scenario.namespace)
            return self._perform(loaded, clock)

    def _sweep(self, namespace: str) -> None:
        """Takes away what a killed run left in a namespace of a kept cluster; once, the lock keeps it clean after."""
        for api_version, kinds in SCENARIO_KINDS.items():
            for kind in kinds:
                for each in self.api.items(api_version, kind, namespace, label_selector=_LABEL):
                    self.api.delete(Reference(api_version, kind, namespace, each["metadata"]["name"]))
        self._swept.add(namespace)

    def _perform(self, loaded: Loaded, clock: Clock) -> Performance:
        scenario = loaded.scenario
        exchanges: list[Exchange] = []
        present: list[Object] = []
        try:
            with clock.phase("gate"):
                # Before anything is applied: a Sidecar hides the endpoints that this looks for.
                self._gate.pass_deployed(scenario.namespace, self.workloads.pods(scenario.namespace))
            for stage in scenario.stages:
                wanted = [as_scenario_object(each) for each in in_namespace(stage.config, scenario.namespace)]
                names = {Reference.of(each) for each in wanted}
                with clock.phase("clean up"):
                    self._take_away([each for each in present if Reference.of(each) not in names])
                present = wanted
                exchanges += self._staged(loaded, stage, wanted, clock)
            return Performance(tuple(exchanges), clock.phases)
        except NotConverged as blocked:
            return Performance((), clock.phases, str(blocked))
        finally:
            with clock.phase("clean up"):
                self._take_away(present)

    def _staged(self, loaded: Loaded, stage: Stage, objects: Sequence[Object], clock: Clock) -> list[Exchange]:
        """Apply, gate, measure: one state of the configuration."""
        namespace = loaded.scenario.namespace
        rejections = self.istiod.rejections()
        with clock.phase("apply"):
            applied = self._apply(loaded, stage, objects)
        pods = self.workloads.pods(namespace)
        with clock.phase("gate"):
            self._gate.pass_applied(applied, pods, rejections)
        with clock.phase("measure"):
            # A request may end at the servers that play the internet, or at the bookinfo that every mesh has.
            elsewhere = {OUTSIDE, "default"} - {namespace}
            witnesses = [*pods, *(pod for place in sorted(elsewhere) for pod in self.workloads.pods(place))]
            run = uuid.uuid4().hex[:12]
            single = [case for case in stage.cases if not case.expect.is_distribution]
            exchanges = measure(self.workloads, single, namespace, witnesses, run)
            for number, case in enumerate(each for each in stage.cases if each.expect.is_distribution):
                client = self.workloads.client(case.client, namespace)
                exchanges += draw(self.workloads, case, client, witnesses, f"{run}-{number}d")
            return exchanges

    def _apply(self, loaded: Loaded, stage: Stage, objects: Sequence[Object]) -> list[Object]:
        """All or nothing: every object is tried by the API server first."""
        for dry_run in (True, False):
            applied = []
            for index, manifest in enumerate(objects):
                try:
                    applied.append(self.api.apply(manifest, dry_run=dry_run))
                except ApiError as refused:
                    raise BadInput(
                        path=str(loaded.source.path),
                        line=loaded.line(*stage.steps, "config", index),
                        problem=f"the cluster refuses {Reference.of(manifest)}: {refused.message}",
                        hint="correct the object; `kubectl apply --dry-run=server -f` shows the same message",
                    ) from refused
        return applied

    def _take_away(self, objects: Sequence[Object]) -> None:
        references = [Reference.of(each) for each in objects]
        for reference in references:
            self.api.delete(reference)
        self._gate.pass_deletion([each for each in references if each.kind != "Namespace"])
