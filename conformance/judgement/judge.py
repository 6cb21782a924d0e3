"""Holds the expectations of a scenario against what was recorded. Pure: the same record, the same findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from conformance.judgement.agreement import describe
from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.comparison import compare
from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.judgement.findings import Finding
from conformance.judgement.history import Exchange
from conformance.judgement.many import COUNTS, counts, of_all
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind

RECORDED = "recorded"
"""The check of the record itself: one exchange per request, well-formed, with a token of its own."""

PREDICTED = "router"
"""The check of the router's prediction against the exchange."""

JUDGED = frozenset({RECORDED, PREDICTED, COUNTS, *CHECKS})
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
    flaw = _flaw(exchanges, tokens, case.times)
    if flaw:
        yield _finding(scenario, case.name, RECORDED, flaw, witness)
        return

    def finding(check: str, opinions: Sequence[Opinion | None]) -> Iterator[Finding]:
        given = [each for each in opinions if each]
        if given:
            opinion, number = of_all(given)
            yield _finding(scenario, case.name, check, opinion, exchanges[number].token)

    for name, check in CHECKS.items():
        yield from finding(name, [check(case.expected, exchange) for exchange in exchanges])
    yield from finding(COUNTS, [counts(case.expected, exchanges)])
    # Where Istio's answer is not determined the router has no voice.
    predicted = case.predicted
    if predicted is not None and not any(each.kind is Kind.UNDEFINED for each in predicted.outcomes):
        yield from finding(PREDICTED, [_as_predicted(predicted, exchange) for exchange in exchanges])


def _as_predicted(predicted: Predicted, exchange: Exchange) -> Opinion:
    """The router against the mesh: one of the two is wrong about Istio."""
    wanted = " or ".join(dict.fromkeys(describe(outcome) for outcome in predicted.outcomes))
    differences = compare(predicted.outcomes, predicted.request, exchange).differences
    if differences:
        return Opinion(Verdict.VIOLATES, f"what the router predicts, {wanted}", "; ".join(map(str, differences)))
    return Opinion(Verdict.PASS, f"what the router predicts, {wanted}", "just that")


def _flaw(exchanges: Sequence[Exchange], tokens: Mapping[str, int], times: int) -> Opinion | None:
    """Why the recording of a case cannot be judged."""
    if not exchanges:
        return Opinion(Verdict.BLOCKED, _WELL_RECORDED, "no exchange was recorded")
    flaws = []
    if len(exchanges) != times:
        flaws.append(f"{len(exchanges)} exchanges" if times == 1 else f"{len(exchanges)} exchanges in place of {times}")
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
