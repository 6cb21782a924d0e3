"""Facts of the cluster: which objects stand there, of what they consist, and whether anything was started again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.judgement.checks import Opinion
from conformance.judgement.findings import Finding
from conformance.judgement.verdict import Verdict

STANDS, CONTAINERS, PORTS, UNCHANGED, OBSERVED = "stands", "containers", "ports", "unchanged", "observed"
STANDING_CHECKS = (OBSERVED, STANDS, CONTAINERS, PORTS, UNCHANGED)
"""The names of the findings made here."""


@dataclass(frozen=True, kw_only=True)
class ExpectedStanding:
    """What is promised of an object; () promises nothing."""

    exists: bool = True
    containers: tuple[str, ...] = ()
    """By name, sorted: all that run in each of its pods."""
    ports: tuple[tuple[str, int], ...] = ()
    is_unchanged: bool = False


@dataclass(frozen=True)
class FactExpectation:
    """A named fact: its name ties it to what was observed."""

    name: str
    kind: str
    namespace: str
    object: str
    expected: ExpectedStanding


@dataclass(frozen=True, order=True)
class Running:
    """A container of a pod, and how often it was started again."""

    pod: str
    """The pod's uid: a pod of the same name is another one."""
    container: str
    restarts: int
    started: str
    """When it was started last, as Kubernetes writes it; empty while it does not run."""


@dataclass(frozen=True)
class Standing:
    """An object as it was observed while a stage's requests were sent, and its containers when the scenario began."""

    fact: str
    exists: bool
    ready_pods: int
    pods: int
    running: tuple[Running, ...]
    began: tuple[Running, ...]
    ports: tuple[tuple[str, int], ...]


def judge_standings(
    scenario: str, facts: Sequence[FactExpectation], standings: Sequence[Standing]
) -> tuple[Finding, ...]:
    """The findings of every fact, in their order; one that was not observed, or twice, proves nothing."""
    observed = Counter(each.fact for each in standings)
    by_fact = {each.fact: each for each in standings}
    findings = []
    for fact in facts:
        if observed[fact.name] != 1:
            verdict = Verdict.HARNESS_ERROR if observed[fact.name] else Verdict.BLOCKED
            opinion = Opinion(verdict, "one observation", f"{observed[fact.name]} observations")
            findings.append(_finding(scenario, fact, OBSERVED, opinion))
            continue
        for check, opinion in _opinions(fact, by_fact[fact.name]):
            findings.append(_finding(scenario, fact, check, opinion))
    return tuple(findings)


def _opinions(fact: FactExpectation, standing: Standing) -> Iterator[tuple[str, Opinion]]:
    yield STANDS, _stands(fact, standing)
    if fact.expected.containers:
        yield CONTAINERS, _containers(fact.expected.containers, standing)
    if fact.expected.ports:
        yield PORTS, _ports(fact.expected.ports, standing)
    if fact.expected.is_unchanged:
        yield UNCHANGED, _unchanged(standing)


def _stands(fact: FactExpectation, standing: Standing) -> Opinion:
    place = f"{fact.kind} {fact.namespace}/{fact.object}"
    if not fact.expected.exists:
        return _opinion(f"no {place}", "there is one" if standing.exists else "none", agrees=not standing.exists)
    if not standing.exists:
        return _opinion(f"a {place}", "none", agrees=False)
    if fact.kind != "Deployment":
        return _opinion(f"a {place}", "just that", agrees=True)
    pods = f"{standing.ready_pods} of {standing.pods} pods are ready"
    return _opinion(f"a {place} whose pods are ready", pods, agrees=0 < standing.ready_pods == standing.pods)


def _containers(wanted: tuple[str, ...], standing: Standing) -> Opinion:
    by_pod: dict[str, list[str]] = {}
    for each in standing.running:
        by_pod.setdefault(each.pod, []).append(each.container)
    found = {", ".join(sorted(names)) for names in by_pod.values()}
    words = f"{len(wanted)} in each pod: {', '.join(wanted)}"
    return _opinion(words, " / ".join(sorted(found)) or "no pods", agrees=found == {", ".join(wanted)})


def _ports(wanted: tuple[tuple[str, int], ...], standing: Standing) -> Opinion:
    agrees = set(wanted) <= set(standing.ports)
    return _opinion(f"the ports {_named(wanted)}", _named(standing.ports) or "none", agrees=agrees)


def _named(ports: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in ports)


def _unchanged(standing: Standing) -> Opinion:
    wanted = "the containers that ran when the scenario began, none of them started again"
    if not standing.began:
        return Opinion(Verdict.BLOCKED, wanted, "nothing ran when the scenario began")
    before, after = set(standing.began), set(standing.running)
    differences = [*(f"gone: {_told(each)}" for each in sorted(before - after))]
    differences += [f"new: {_told(each)}" for each in sorted(after - before)]
    return _opinion(wanted, "; ".join(differences) or f"just that, {len(before)} of them", agrees=not differences)


def _told(running: Running) -> str:
    started = running.started or "not running"
    return f"{running.container} of pod {running.pod}, started {started}, restarts {running.restarts}"


def _opinion(expected: str, observed: str, *, agrees: bool) -> Opinion:
    return Opinion(Verdict.PASS if agrees else Verdict.VIOLATES, expected, observed)


def _finding(scenario: str, fact: FactExpectation, check: str, opinion: Opinion) -> Finding:
    return Finding(opinion.verdict, scenario, fact.name, check, opinion.expected, opinion.observed, None)
