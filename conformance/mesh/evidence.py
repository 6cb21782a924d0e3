"""What is taken from the mesh when a scenario is not green, before it is cleaned up: files for a person to look at.

Nothing here may change a verdict: a piece that cannot be had is written down in the folder as such, and a folder that
cannot be written is a sentence in place of its name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from cluster.api import Api, Object
from conformance.judgement.findings import Finding
from conformance.judgement.history import Exchange
from conformance.judgement.verdict import composed
from conformance.judgement.whole import Recorded
from conformance.language.load import Loaded
from conformance.language.models import Stage
from conformance.mesh.applications import OUTSIDE
from conformance.mesh.istiod import Istiod, after, moment
from conformance.mesh.proxies import GATEWAYS, Proxies
from conformance.mesh.territory import INGRESS, ROOT, territory
from conformance.mesh.workloads import Pod, Workloads

MOST_BYTES_OF_PIECE = 4 * 2**20
"""A sidecar's config dump has 0.35 MB with bookinfo; one of a mesh with ten times the services still fits."""
MOST_BYTES = 24 * 2**20
"""Of one scenario: a catalogue of 82 that all fail stays below 2 GB, what a CI machine has to spare."""
MOST_PROXIES = 12
"""More than bookinfo, its clients and both gateways have."""
MOST_EVENTS = 300
"""Of a namespace; starting bookinfo makes 90."""
MOST_SECONDS = 20
"""No piece is begun later: a mesh that does not answer must not hold up the run for each of them."""

_EXCHANGES = TypeAdapter(tuple[Exchange, ...])

Judged = Callable[[frozenset[str], Recorded], Sequence[Finding]]
"""The findings of some cases, facts and objects, given what was recorded of them."""
Trace = Callable[[Stage], str]
"""What the router says of a stage's requests, and why."""


@dataclass(frozen=True)
class Staged:
    """One stage of a scenario, at its end and before anything of it is taken away."""

    number: int
    stage: Stage
    applied: Sequence[Object]
    """As the API server returned them."""
    recorded: Recorded
    problem: str | None
    """Why it was not performed to its end; None if it was."""


@dataclass
class Evidence:
    """Of one scenario. `name` is the folder below the run's; empty while all is green."""

    api: Api
    workloads: Workloads
    istiod: Istiod
    loaded: Loaded
    run: Path
    judged: Judged
    trace: Trace
    name: str = ""
    _begun: str = field(default_factory=lambda: moment(time.time()))

    def look(self, staged: Staged) -> None:
        """Takes everything of a stage that is not green."""
        stage = staged.stage
        names = {each.name for each in stage.senders} | {each.name for each in stage.cluster}
        names |= {each.name for each in stage.rejected}
        findings = [] if staged.problem else self.judged(frozenset(names), staged.recorded)
        if not staged.problem and composed(finding.verdict for finding in findings).is_green:
            return
        name = f"evidence/{self.loaded.scenario.id.replace('/', '.')}"
        folder = _Folder(self.run / name)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.name = f"none, for {name} cannot be written: {error.strerror}"
            return
        self.name = name
        prefix = f"phase-{staged.number}/" if self.loaded.scenario.phases else ""
        for piece, content in self._pieces(staged, findings):
            folder.take(f"{prefix}{piece}", content)
        folder.close(f"{prefix}contents.txt")

    def _pieces(self, staged: Staged, findings: Sequence[Finding]) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """What is surely at hand first."""
        yield "findings.txt", lambda: self._told(staged, findings)
        yield "objects.yaml", lambda: _yaml([_plain(each) for each in staged.applied])
        yield "exchanges.json", lambda: _EXCHANGES.dump_json(tuple(staged.recorded.exchanges), indent=2)
        yield "router.txt", lambda: self.trace(staged.stage).encode()
        yield "istiod.log", lambda: after(self.istiod.log(), self._begun)
        spaces = sorted(territory(self.loaded.scenario).places - {INGRESS})
        yield "events.yaml", lambda: self._events([each for each in spaces if " " not in each])
        try:
            pods = self._involved(staged)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is written down, and the rest is taken
            failed = error

            def raise_again() -> bytes:
                raise failed

            yield "proxies", raise_again
            return
        for pod in pods:
            yield f"journals/{pod.namespace}.{pod.name}.json", lambda pod=pod: self._journal(pod, staged)  # type: ignore[misc]
        for pod in [pod for pod in pods if pod.has_proxy][:MOST_PROXIES]:
            yield f"proxies/{pod.namespace}.{pod.name}.json", lambda pod=pod: self._configuration(pod)  # type: ignore[misc]

    def _told(self, staged: Staged, findings: Sequence[Finding]) -> bytes:
        lines = [self.loaded.where(*staged.stage.steps), self.loaded.scenario.title]
        lines += [staged.problem] if staged.problem else []
        lines += [finding.message() for finding in findings if not finding.verdict.is_green]
        return "\n".join(lines).encode()

    def _events(self, namespaces: Sequence[str]) -> bytes:
        events = chain.from_iterable(self.api.items("v1", "Event", each) for each in namespaces)
        told = [
            {
                "at": each.get("lastTimestamp") or each.get("eventTime") or each["metadata"].get("creationTimestamp"),
                "about": "{kind} {namespace}/{name}".format_map({"namespace": "", **each["involvedObject"]}),
                "reason": each.get("reason"),
                "message": each.get("message"),
            }
            for each in events
        ]
        return _yaml(sorted(told, key=lambda each: str(each["at"]))[-MOST_EVENTS:])

    def _involved(self, staged: Staged) -> list[Pod]:
        """The clients, who answered, who should have, and the gateways; all of the namespace if nothing was sent."""
        scenario = self.loaded.scenario
        here = self.workloads.pods(scenario.namespace)
        gateways = [pod for pod in self.workloads.pods(ROOT) if pod.app in GATEWAYS]
        if staged.problem:
            return [*gateways, *here]
        names = {seen.workload for exchange in staged.recorded.exchanges for seen in exchange.seen}
        names |= {case.client for case in staged.stage.cases}
        names |= {case.expect.answered_by for case in staged.stage.cases if case.expect.answered_by}
        pods = [pod for pod in (*here, *self.workloads.pods(OUTSIDE)) if names & {pod.workload, pod.app}]
        return [*(gateways if INGRESS in territory(scenario).places else ()), *pods]

    def _journal(self, pod: Pod, staged: Staged) -> bytes:
        """Of this stage's requests, also where they are not expected; of all requests if none was sent."""
        if pod.app in GATEWAYS:
            raise LookupError("a gateway has no journal")
        prefixes = sorted({exchange.token.rpartition("-")[0] for exchange in staged.recorded.exchanges}) or [""]
        return _json([entry for prefix in prefixes for entry in self.workloads.journals([pod], prefix)[0]])

    def _configuration(self, pod: Pod) -> bytes:
        """What the proxy runs."""
        (dump,) = Proxies(self.workloads).config_dumps([pod])
        if dump is None:
            raise ConnectionError("the proxy does not say what it runs")
        return dump.encode()


@dataclass
class _Folder:
    """Writes pieces while there is room and time, and keeps account of them."""

    path: Path
    _account: list[str] = field(default_factory=list)
    _written: int = 0
    _begun: float = field(default_factory=time.monotonic)

    def take(self, name: str, content: Callable[[], bytes]) -> None:
        if time.monotonic() - self._begun > MOST_SECONDS:
            self._account.append(f"{name}: not taken, {MOST_SECONDS} s had passed")
            return
        try:
            whole = content()
            room = max(min(MOST_BYTES_OF_PIECE, MOST_BYTES - self._written), 0)
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole[:room])
        except Exception as error:  # noqa: BLE001 - a piece of evidence never decides anything, and is not worth a run
            self._account.append(f"{name}: not taken: {type(error).__name__}: {error}")
            return
        self._written += min(len(whole), room)
        cut = f", cut: it had {len(whole)}" if len(whole) > room else ""
        self._account.append(f"{name}: {min(len(whole), room)} bytes{cut}")

    def close(self, name: str) -> None:
        """Writes the account down, as far as that is possible."""
        try:
            (self.path / name).write_text("\n".join((f"taken {datetime.now(UTC).isoformat()}", *self._account, "")))
        except OSError:
            return


def _plain(manifest: Object) -> Object:
    """Without the API server's account of who wrote which field."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _yaml(values: Sequence[Any]) -> bytes:
    text: str = yaml.safe_dump_all(values, sort_keys=False, allow_unicode=True)
    return text.encode()
