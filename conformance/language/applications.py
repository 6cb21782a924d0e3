"""Who can be named in a scenario: the clients and workloads of its applications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.errors import Problem
from conformance.judgement.expectation import NOBODY
from conformance.language.invalid import nearest
from conformance.language.source import Source, Step


@dataclass(frozen=True)
class Application:
    """Who can be named in the scenarios of one application."""

    name: str
    clients: frozenset[str]
    """Who may send besides the workloads: outside, internet, service names, probe clients."""
    workloads: frozenset[str]
    servers: frozenset[str] = frozenset()
    """Workloads beside those, whose behaviour can be told: the servers of the outside."""

    def and_also(self, other: Application) -> Application:
        """With another one in the same namespace."""
        return Application(
            self.name,
            self.clients | other.clients,
            self.workloads | other.workloads,
            self.servers | other.servers,
        )


def unknown_names(source: Source, applications: Mapping[str, Application]) -> Iterator[Problem]:
    """Looks at the values as they were read, so that a fault elsewhere in the file does not hide these."""
    name = source.at("app")
    if not isinstance(name, str):
        return
    if name not in applications:
        yield source.problem("app", problem=f"there is no application {name!r}", hint=nearest(name, applications))
        return
    application = applications[name]
    for steps, other in _each(source, "beside"):
        if isinstance(other, str) and other in applications:
            application = application.and_also(applications[other])
        elif isinstance(other, str):
            problem = f"there is no application {other!r}"
            yield source.problem(*steps, problem=problem, hint=nearest(other, applications))
    stages: list[tuple[Step, ...]] = [(), *(place for place, _ in _each(source, "phases"))]
    for stage in stages:
        yield from _in_stage(source, application, stage)


def _each(source: Source, *steps: Step) -> Iterator[tuple[tuple[Step, ...], object]]:
    """The places and values of a list; nothing where there is something else."""
    found = source.at(*steps)
    for index, value in enumerate(found if isinstance(found, list) else ()):
        yield (*steps, index), value


def _in_stage(source: Source, application: Application, stage: tuple[Step, ...]) -> Iterator[Problem]:
    senders = application.clients | application.workloads
    yield from _behaviours(source, application, stage)
    for case, _ in _each(source, *stage, "cases"):
        yield from _unknown(source, senders, f"{application.name} has no client", *case, "from")
        yield from _behaviours(source, application, case)
        for word in ("expect", "document"):
            yield from _expected(source, application, *case, word)
    for flow, _ in _each(source, *stage, "meanwhile"):
        yield from _unknown(source, senders, f"{application.name} has no client", *flow, "from")
        for promise, _ in _each(source, *flow, "expect"):
            yield from _expected(source, application, *promise)


def _expected(source: Source, application: Application, *promise: Step) -> Iterator[Problem]:
    problem = f"{application.name} has no workload"
    yield from _unknown(source, application.workloads | {NOBODY}, problem, *promise, "answered_by")
    known = application.workloads | application.servers
    for word in ("arrivals", "turns"):
        counted = source.at(*promise, word)
        for workload in counted if isinstance(counted, dict) else ():
            if isinstance(workload, str) and workload not in known:
                hint = nearest(workload, application.workloads)
                yield source.problem(*promise, word, workload, problem=f"{problem} {workload!r}", hint=hint)
    for word in ("counts", "shares"):
        for alternative, _ in _each(source, *promise, word):
            yield from _expected(source, application, *alternative)


def _behaviours(source: Source, application: Application, place: tuple[Step, ...]) -> Iterator[Problem]:
    known = application.workloads | application.servers
    for behaviour, _ in _each(source, *place, "behaviours"):
        yield from _unknown(source, known, f"{application.name} has no workload", *behaviour, "workload")


def _unknown(source: Source, known: frozenset[str], problem: str, *steps: Step) -> Iterator[Problem]:
    name = source.at(*steps)
    if isinstance(name, str) and name not in known:
        yield source.problem(*steps, problem=f"{problem} {name!r}", hint=nearest(name, known))
