"""One run: its folder, its cluster, its record. The controller has a `Run`, every worker a `WorkerSite`."""

from __future__ import annotations

import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster import provide
from cluster.api import Api
from cluster.istio import UPSTREAM_ENVOY
from cluster.model import Cluster, ClusterError, Running
from conformance.errors import BadInput
from conformance.expectations.register import register
from conformance.judgement.findings import Finding
from conformance.judgement.profile import PROFILES, ProfileName
from conformance.judgement.verdict import Verdict, composed
from conformance.judgement.whole import Promises, Recorded, findings_of
from conformance.language.load import Loaded
from conformance.mesh import leftovers
from conformance.mesh.applications import deploy, lay_foundation
from conformance.mesh.evidence import Evidence
from conformance.mesh.performance import Mesh
from conformance.mesh.staging import Performance
from conformance.predictions.voice import Router
from conformance.report.record import Footer, Header, RecordWriter, ScenarioRecord
from conformance.router.versions import Version
from conformance.tokens.wallet import Wallet

KEPT_NAME = "default"
"""The name of the kept cluster that runs and the `cluster` commands share."""

CONFIGURATION = "configuration"
"""The check of a finding that says a scenario was blocked before anything was sent."""

Say = Callable[[str], None]


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    return composed(finding.verdict for finding in findings)


class WorkerSite:
    """Where a worker performs scenarios."""

    def __init__(
        self, cluster: Cluster, locks: Path, folder: Path | None = None, profile: ProfileName = "full"
    ) -> None:
        """`folder` is the run's, for evidence; without one none is taken."""
        self.cluster = cluster
        self.locks = locks
        self.folder = folder
        self.profile = PROFILES[profile]
        self._mesh: Mesh | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster.to_json(),
            "locks": str(self.locks),
            "folder": self.folder and str(self.folder),
            "profile": self.profile.name,
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> WorkerSite:
        folder = document["folder"] and Path(document["folder"])
        return WorkerSite(Cluster.from_json(document["cluster"]), Path(document["locks"]), folder, document["profile"])

    @property
    def mesh(self) -> Mesh:
        """Connected on first use, in the worker's own process."""
        if self._mesh is None:
            self._mesh = Mesh(self.cluster.kubeconfig, self.locks, self.profile)
        return self._mesh

    def close(self) -> None:
        """Takes away what the worker itself put into the mesh."""
        if self._mesh is not None:
            self._mesh.close()

    def perform(self, loaded: Loaded) -> ScenarioRecord:
        """One scenario from its configuration to its verdict; raises BadInput for a configuration that is refused."""
        begun = time.monotonic()
        scenario = loaded.scenario
        # What the mesh says of itself: the router models the Istio and the proxies that really run.
        version = Version.of(self.cluster.parts["pilot-discovery"].version)
        has_istio_proxy = UPSTREAM_ENVOY not in self.cluster.deviations
        router = Router(loaded, Wallet(scenario), version, has_istio_proxy, self.profile)
        facts = tuple(fact.expected() for stage in scenario.stages for fact in stage.cluster)
        promised = Promises(router.cases(), facts, router.rejections(), register().known(loaded, version))
        evidence = self._evidence(router, promised)
        performed = self.mesh.perform(loaded, router.wallet, evidence)
        judging = time.monotonic()
        findings = _findings(scenario.id, promised, performed)
        phases = {**performed.phases, "judge": round(time.monotonic() - judging, 4)}
        return ScenarioRecord(
            id=scenario.id,
            verdict=verdict_of(findings),
            seconds=round(time.monotonic() - begun, 3),
            phases=phases,
            cases=tuple(promised.cases),
            exchanges=performed.exchanges,
            findings=findings,
            known=promised.known,
            evidence=evidence.name if evidence else "",
            certificates=performed.fingerprints,
            facts=facts,
            standings=performed.standings,
            rejections=tuple(promised.rejections),
            attempts=performed.attempts,
        )

    def _evidence(self, router: Router, promised: Promises) -> Evidence | None:
        if self.folder is None:
            return None
        scenario = router.loaded.scenario.id

        def judged(names: frozenset[str], recorded: Recorded) -> tuple[Finding, ...]:
            """What a stage comes to by itself."""
            return findings_of(scenario, promised.among(names), recorded)

        return Evidence(
            api=self.mesh.api,
            workloads=self.mesh.workloads,
            istiod=self.mesh.istiod,
            loaded=router.loaded,
            run=self.folder,
            judged=judged,
            trace=router.traced,
        )


def _findings(scenario: str, promised: Promises, performed: Performance) -> tuple[Finding, ...]:
    if performed.blocked is None:
        recorded = Recorded(performed.exchanges, performed.standings, performed.attempts)
        return findings_of(scenario, promised, recorded)
    wanted = "every involved proxy runs the configuration as applied"
    return (Finding(Verdict.BLOCKED, scenario, "", CONFIGURATION, wanted, performed.blocked, None),)


@dataclass
class Run:
    """A run as the controller sees it, from its plan to its record."""

    folder: Path
    id: str
    wanted: provide.Wanted
    keep: str
    seed: int
    profile: ProfileName = "full"
    kept_name: str = KEPT_NAME
    """Of the kept cluster to use if it is there."""
    footer: Footer | None = None
    results: list[ScenarioRecord] = field(default_factory=list)
    _site: WorkerSite | None = None
    _running: Running | None = None
    _writer: RecordWriter | None = None
    _cluster: Cluster | None = None
    _failed: bool = False

    @staticmethod
    def planned(
        *,
        folder: Path,
        wanted: provide.Wanted,
        keep: str,
        seed: int | None,
        profile: ProfileName = "full",
        kept_name: str = KEPT_NAME,
    ) -> Run:
        """Nothing is started or written yet."""
        identity = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        return Run(
            folder=folder / "runs" / identity,
            id=identity,
            wanted=wanted,
            keep=keep,
            seed=secrets.randbelow(2**31) if seed is None else seed,
            profile=profile,
            kept_name=kept_name,
        )

    def start(self, say: Say) -> WorkerSite:
        """The cluster with the first application on it; the same site for every call. Raises ClusterError."""
        if self._site is None:
            self.folder.mkdir(parents=True)
            try:
                self._site = self._start(say)
            except BaseException:
                # What programs said until then stays.
                with suppress(OSError):
                    self.folder.rmdir()
                raise
            assert self._cluster is not None
            self._writer = RecordWriter(self.folder / "record.ndjson", self._header(self._cluster))
        return self._site

    def _start(self, say: Say) -> WorkerSite:
        found = provide.find(self.kept_name, self.wanted, say)
        if found:
            say(f"using the kept cluster (conformance cluster down ends it), kubeconfig {found.cluster.kubeconfig}")
            self._cluster = found.cluster
            leftovers.expect(found.locks)
            return WorkerSite(found.cluster, found.locks, self.folder, self.profile)
        running = provide.start(self.wanted, self.folder / "cluster.log", say)
        self._running = running
        self._cluster = running.cluster
        for deviation in running.cluster.deviations:
            say(f"note: {deviation}")
        prepare(running.cluster, say)
        locks = self.folder / "locks"
        locks.mkdir()
        return WorkerSite(running.cluster, locks, self.folder, self.profile)

    def _header(self, cluster: Cluster) -> Header:
        return Header(
            run=self.id,
            started=datetime.now(UTC).isoformat(),
            seed=self.seed,
            versions={name: part.version for name, part in cluster.parts.items()},
            sources={name: part.source for name, part in cluster.parts.items()},
            profile=self.profile,
        )

    def add(self, record: ScenarioRecord) -> None:
        self.results.append(record)
        if self._writer:
            self._writer.add(record)

    def lost_worker(self) -> None:
        """One died; what it had brought is still in the mesh."""
        if self._site is not None:
            leftovers.expect(self._site.locks)

    def finish(self, *, failed: bool) -> None:
        """Completes the record."""
        self._failed = failed
        if self._writer and self.footer is None:
            self.footer = self._writer.finish(datetime.now(UTC).isoformat())

    def end(self) -> None:
        """Ends the cluster, or keeps it as asked; after a failure the programs' logs are saved first."""
        if self._running is None:
            return
        shutil.rmtree(self.folder / "locks", ignore_errors=True)
        if self._failed:
            self._running.save_logs(self.folder / "logs")
        if not (self.kept and self._is_kept(self._running)):
            self._running.end()
        self._running = None

    def _is_kept(self, running: Running) -> bool:
        """It is not where another run's is already."""
        try:
            provide.keep(self.kept_name, running)
        except ClusterError as taken:
            print(taken, file=sys.stderr)
            return False
        return True

    @property
    def kept(self) -> bool:
        return self.keep == "always" or (self.keep == "on-failure" and self._failed)


def prepare(cluster: Cluster, say: Say) -> None:
    """The outside world and bookinfo in `default`, the state that most scenarios start from."""
    begun = time.monotonic()
    api = Api(cluster.kubeconfig)
    lay_foundation(api)
    deploy(api, "bookinfo", "default")
    api.close()
    say(f"bookinfo, its clients and the outside world are ready  [{time.monotonic() - begun:.1f} s]")


def named_programs(words: Sequence[str]) -> dict[str, Path]:
    """NAME=PATH words as a mapping; raises BadInput for anything else."""
    return dict(_named_path(each) for each in words)


def _named_path(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise BadInput(path="--program", line=None, problem=f"{text!r} names no program", hint="write NAME=PATH")
    return name, Path(path)
