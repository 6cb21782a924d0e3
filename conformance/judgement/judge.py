"""Holds the expectations of a scenario against what was recorded. Pure: the same record, the same findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.comparison import PREDICTED, as_predicted
from conformance.judgement.distributions import DISTRIBUTIONS, of_many
from conformance.judgement.expectation import CaseExpectation
from conformance.judgement.findings import Finding
from conformance.judgement.history import Exchange
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind

RECORDED = "recorded"
"""The check of the record itself: one exchange per case, well-formed, with a token of its own."""

JUDGED = frozenset({RECORDED, PREDICTED, *CHECKS, *DISTRIBUTIONS})
"""The names of all checks whose findings judge() makes."""

_WELL_RECORDED = "one exchange with a token of its own, which has either an answer or a failure"


def judge(scenario: str, cases: Sequence[CaseExpectation], exchanges: Sequence[Exchange]) -> tuple[Finding, ...]:
    """One finding per case and check, in the order of the cases and of CHECKS.

    A case whose recording is faulty has one finding that says so: nothing can be concluded from it.
    """
    names = Counter(case.name for case in cases)
    if len(names) < len(cases):
        raise ValueError(f"{scenario}: two cases have one name, so their exchanges cannot be told apart")
    tokens = Counter(exchange.token for exchange in exchanges)
    by_case: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        by_case[exchange.case].append(exchange)
    findings = [finding for case in cases for finding in _of_case(scenario, case, by_case[case.name], tokens)]
    findings += (_stray(scenario, exchange) for exchange in exchanges if exchange.case not in names)
    return tuple(findings)


def _of_case(
    scenario: str, case: CaseExpectation, exchanges: Sequence[Exchange], tokens: Mapping[str, int]
) -> Iterator[Finding]:
    witness = exchanges[0].token if exchanges else None
    is_distribution = case.shares is not None or case.turns is not None
    flaw = _flaw(exchanges, tokens, is_distribution=is_distribution)
    if flaw:
        yield _finding(scenario, case.name, RECORDED, flaw, witness)
        return
    if is_distribution:
        yield from (_finding(scenario, case.name, *told) for told in of_many(case, exchanges))
        return
    for name, check in CHECKS.items():
        opinion = check(case.expected, exchanges[0])
        if opinion:
            yield _finding(scenario, case.name, name, opinion, witness)
    # Where Istio's answer is not determined the router has no voice.
    if case.predicted is not None and not any(each.kind is Kind.UNDEFINED for each in case.predicted.outcomes):
        yield _finding(scenario, case.name, PREDICTED, as_predicted(case.predicted, exchanges[0]), witness)


def _flaw(exchanges: Sequence[Exchange], tokens: Mapping[str, int], *, is_distribution: bool) -> Opinion | None:
    """Why the recording of a case cannot be judged."""
    if not exchanges:
        return Opinion(Verdict.BLOCKED, _WELL_RECORDED, "no exchange was recorded")
    flaws = []
    if len(exchanges) > 1 and not is_distribution:
        flaws.append(f"{len(exchanges)} exchanges")
    for exchange in exchanges:
        if tokens[exchange.token] > 1:
            flaws.append(f"{tokens[exchange.token]} exchanges of the scenario have the token {exchange.token}")
        if exchange.answer and exchange.failure:
            flaws.append("an answer and a failure at once")
        if not exchange.answer and not exchange.failure:
            flaws.append("neither an answer nor a failure")
    return Opinion(Verdict.HARNESS_ERROR, _WELL_RECORDED, ", ".join(dict.fromkeys(flaws))) if flaws else None


def _stray(scenario: str, exchange: Exchange) -> Finding:
    opinion = Opinion(Verdict.HARNESS_ERROR, "exchanges of the scenario's cases only", "an exchange of another case")
    return _finding(scenario, exchange.case, RECORDED, opinion, exchange.token)


def _finding(scenario: str, case: str, check: str, opinion: Opinion, witness: str | None) -> Finding:
    return Finding(opinion.verdict, scenario, case, check, opinion.expected, opinion.observed, witness)
