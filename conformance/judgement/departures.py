"""Known deviations: where a document, or the Istio of some versions, departs from what Istio does today. Pure.

A known deviation is proved by every run, like a promise: one that no longer holds violates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.expectation import Expected
from conformance.judgement.findings import Finding
from conformance.judgement.history import Exchange
from conformance.judgement.judge import RECORDED
from conformance.judgement.many import counts
from conformance.judgement.verdict import Verdict

DOCUMENT = "document"
"""The check of a document's claim against the mesh: it does not hold, as the register says."""

REGISTER = "register"
"""The check of an entry about versions of Istio: what it pardons really happened."""

JUDGED_HERE = frozenset({DOCUMENT, REGISTER})
"""The names of the checks whose findings with_departures() makes."""


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A document that departs from Istio, as an entry of the register says."""

    document: str
    claim: str
    istio: str
    """What Istio does instead."""
    reason: str
    link: str
    claims: tuple[tuple[str, Expected], ...] = ()
    """By case: what would be so if the claim held."""
    proof: str | None = None
    """A check whose passing shows the departure, where no expectation can say what the document claims."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """An Istio that departs from the scenario: these checks of these cases are violated, for this reason."""

    versions: str
    reason: str
    link: str
    cases: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the register says of one scenario on the Istio that ran."""

    departures: tuple[Departure, ...] = ()
    deviations: tuple[Deviation, ...] = ()

    def among(self, cases: frozenset[str]) -> Known:
        """Of some cases only, as after one phase of several."""
        departures = [
            replace(each, claims=tuple(claim for claim in each.claims if claim[0] in cases))
            for each in self.departures
            if each.proof is None
        ]
        deviations = [
            replace(each, cases=tuple(case for case in each.cases if case in cases)) for each in self.deviations
        ]
        return Known(departures=tuple(departures), deviations=tuple(deviations))


def with_departures(
    scenario: str, known: Known, exchanges: Sequence[Exchange], findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """The judge's findings, of which those that are known become DEPARTS, and a finding for each claim and entry."""
    unusable = {finding.case for finding in findings if finding.check == RECORDED}
    made = [
        *(found for each in known.departures for found in _of_document(scenario, each, exchanges, findings, unusable)),
        *(found for each in known.deviations for found in _stale(scenario, each, findings, unusable)),
    ]
    return (*(_pardoned(finding, known.deviations) for finding in findings), *made)


def _of_document(
    scenario: str,
    departure: Departure,
    exchanges: Sequence[Exchange],
    findings: Sequence[Finding],
    unusable: set[str],
) -> Iterator[Finding]:
    for case, claimed in departure.claims:
        tried = [exchange for exchange in exchanges if exchange.case == case]
        if tried and case not in unusable:
            yield _finding(scenario, case, DOCUMENT, _claimed(departure, [*_opinions(claimed, tried)]), tried[0].token)
    if departure.proof is not None:
        verdicts = {finding.verdict for finding in findings if finding.check == departure.proof}
        yield _finding(scenario, "", DOCUMENT, _proved(departure, departure.proof, verdicts), None)


def _opinions(claimed: Expected, exchanges: Sequence[Exchange]) -> Iterator[Opinion]:
    """Of the checks that the claim is about, and not of those that hold for every request."""
    for exchange in exchanges:
        for check in CHECKS.values():
            opinion = check(claimed, exchange)
            if opinion and opinion != check(Expected(), exchange):
                yield opinion
    together = counts(claimed, exchanges)
    if together:
        yield together


def _claimed(departure: Departure, opinions: Sequence[Opinion]) -> Opinion:
    """That a claim does not hold is green: it does not rest on a record that contradicts itself."""
    confused = next((each for each in opinions if each.verdict is Verdict.HARNESS_ERROR), None)
    if confused:
        return confused
    wrong = [each for each in opinions if each.verdict is Verdict.VIOLATES]
    if wrong:
        said = "; ".join(dict.fromkeys(each.expected for each in wrong))
        observed = "; ".join(dict.fromkeys(each.observed for each in wrong))
        return Opinion(Verdict.DEPARTS, f"{said}, as document {departure.document} says", observed)
    return Opinion(Verdict.VIOLATES, _wanted(departure), "the mesh does what the document claims: the entry is stale")


def _proved(departure: Departure, proof: str, verdicts: set[Verdict]) -> Opinion:
    if verdicts == {Verdict.PASS}:
        said = f"{departure.claim}, as document {departure.document} says"
        return Opinion(Verdict.DEPARTS, said, f"{departure.istio} (shown by the check {proof})")
    observed = f"the check {proof} has {', '.join(sorted(verdicts)) or 'no finding'}: the entry is not proved"
    return Opinion(Verdict.VIOLATES, _wanted(departure), observed)


def _wanted(departure: Departure) -> str:
    return f"that document {departure.document} departs from Istio, as the register says: {departure.reason}"


def _pardoned(finding: Finding, deviations: Sequence[Deviation]) -> Finding:
    if finding.verdict is not Verdict.VIOLATES:
        return finding
    known = any(finding.case in each.cases and finding.check in each.checks for each in deviations)
    return replace(finding, verdict=Verdict.DEPARTS) if known else finding


def _stale(scenario: str, deviation: Deviation, findings: Sequence[Finding], unusable: set[str]) -> Iterator[Finding]:
    for case in deviation.cases:
        if case in unusable:
            continue
        for check in deviation.checks:
            found = {(each.case, each.check): each.verdict for each in findings}.get((case, check))
            # Of a finding that was pardoned already, when a record is judged again, the verdict is DEPARTS.
            if found not in (Verdict.VIOLATES, Verdict.DEPARTS):
                wanted = f"a violation of {check}, as the register says of Istio {deviation.versions}"
                observed = f"{found or 'no finding'}: the entry is stale ({deviation.reason})"
                yield _finding(scenario, case, REGISTER, Opinion(Verdict.VIOLATES, wanted, observed), None)


def _finding(scenario: str, case: str, check: str, opinion: Opinion, witness: str | None) -> Finding:
    return Finding(opinion.verdict, scenario, case, check, opinion.expected, opinion.observed, witness)
