"""Holds the expectations of a scenario against what was recorded. Pure: the same record, the same findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.comparison import PREDICTED, as_predicted
from conformance.judgement.distributions import DISTRIBUTIONS, of_many
from conformance.judgement.expectation import CaseExpectation
from conformance.judgement.findings import Finding
from conformance.judgement.flows import FLOW_CHECKS, flow_opinions
from conformance.judgement.history import Exchange
from conformance.judgement.many import COUNTS, counts, of_all
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind

RECORDED = "recorded"
"""The check of the record itself: one exchange per request, well-formed, with a token of its own."""

JUDGED = frozenset({RECORDED, PREDICTED, COUNTS, *CHECKS, *FLOW_CHECKS, *DISTRIBUTIONS})
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
    flaw = _flaw(case, exchanges, tokens)
    if flaw:
        yield _finding(scenario, case.name, RECORDED, flaw, exchanges[0].token if exchanges else None)
        return
    if case.flow is not None:
        told = flow_opinions(case, exchanges)
    elif case.is_distribution:
        told = of_many(case, exchanges)
    else:
        told = _of_each(case, exchanges)
    for check, opinion, witness in told:
        yield _finding(scenario, case.name, check, opinion, witness)


def _of_each(case: CaseExpectation, exchanges: Sequence[Exchange]) -> Iterator[tuple[str, Opinion, str | None]]:
    """Check, opinion and witness: what is promised of every request of the case, and of all of them together."""
    told = [(name, [check(case.expected, exchange) for exchange in exchanges]) for name, check in CHECKS.items()]
    told.append((COUNTS, [counts(case.expected, exchanges)]))
    # Where Istio's answer is not determined the router has no voice.
    predicted = case.predicted
    if predicted is not None and not any(each.kind is Kind.UNDEFINED for each in predicted.outcomes):
        told.append((PREDICTED, [as_predicted(predicted, exchange) for exchange in exchanges]))
    for name, opinions in told:
        given = [each for each in opinions if each]
        if given:
            opinion, number = of_all(given)
            yield name, opinion, exchanges[number].token


def _flaw(case: CaseExpectation, exchanges: Sequence[Exchange], tokens: Mapping[str, int]) -> Opinion | None:
    """Why the recording of a case cannot be judged."""
    if not exchanges:
        return Opinion(Verdict.BLOCKED, _WELL_RECORDED, "no exchange was recorded")
    flaws = []
    is_flow, times = case.flow is not None, case.times
    if len(exchanges) != times and not (is_flow or case.is_distribution):
        flaws.append(f"{len(exchanges)} exchanges" if times == 1 else f"{len(exchanges)} exchanges in place of {times}")
    for exchange in exchanges:
        if is_flow != (exchange.moment is not None):
            flaws.append("a request that belongs to no moment" if is_flow else "a request of a flow")
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
