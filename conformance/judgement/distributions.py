"""The checks of a case that is about many requests together: their shares, their turns. One finding each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.comparison import PREDICTED, as_predicted
from conformance.judgement.expectation import CaseExpectation, Expected, Predicted, Shares
from conformance.judgement.history import Exchange, alike
from conformance.judgement.shares import is_contradictory, members, pairs, pairs_plan_of, plan_of
from conformance.judgement.splits import judge_split
from conformance.judgement.turns import judge_turns
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind

SHARES, INDEPENDENT, TURNS = "shares", "independent", "turns"
DISTRIBUTIONS = (SHARES, INDEPENDENT, TURNS)

Told = tuple[str, Opinion, str | None]
"""The name of a check, what it says, and the token of the exchange that shows it."""


def of_many(case: CaseExpectation, exchanges: Sequence[Exchange]) -> Iterator[Told]:
    """The exchanges are in the order they were sent in; there is one at least."""
    if case.shares is not None:
        yield from _of_shares(case.shares, exchanges)
    else:
        yield from _of_each(case.expected, exchanges)
    if case.turns is not None:
        yield TURNS, judge_turns(case.turns, exchanges), exchanges[0].token
    if case.predicted is not None and not any(each.kind is Kind.UNDEFINED for each in case.predicted.outcomes):
        yield _predicted(case.predicted, exchanges)


def _of_shares(shares: Shares, exchanges: Sequence[Exchange]) -> Iterator[Told]:
    plan = plan_of(shares)
    alternatives = [each.expected for each in shares.alternatives]
    broken = [exchange for exchange in exchanges if is_contradictory(alternatives, exchange)]
    if broken:
        wanted = "the client and the journals to say the same of each request"
        observed = f"contradictions in {len(broken)} of {len(exchanges)} requests"
        yield SHARES, Opinion(Verdict.HARNESS_ERROR, wanted, observed), broken[0].token
        return
    found = members(shares, exchanges)
    opinion = judge_split(plan, found)
    strays = (each.token for each, member in zip(exchanges, found, strict=True) if not plan.shares.get(member))
    yield SHARES, opinion, next(strays, None)
    # Of draws whose shares are wrong already, how one follows another says nothing more.
    if shares.independent and opinion.verdict is Verdict.PASS:
        yield INDEPENDENT, judge_split(pairs_plan_of(shares), pairs(found)), None


def _of_each(expected: Expected, exchanges: Sequence[Exchange]) -> Iterator[Told]:
    """What is promised of every request: the first that breaks it, or the first."""
    for name, check in CHECKS.items():
        told = [(opinion, each.token) for each in exchanges if (opinion := check(expected, each))]
        if told:
            opinion, token = next((one for one in told if not one[0].verdict.is_green), told[0])
            yield name, opinion, token


def _predicted(predicted: Predicted, exchanges: Sequence[Exchange]) -> Told:
    """Whether each exchange is one of the router's outcomes, and not how many are which: see shares.py.

    Of exchanges that differ in nothing but time the fastest is looked at: outcomes have no upper bound.
    """
    fastest: dict[object, Exchange] = {}
    for exchange in sorted(exchanges, key=lambda each: each.seconds, reverse=True):
        fastest[alike(exchange)] = exchange
    told = [(as_predicted(predicted, exchange), exchange.token) for exchange in fastest.values()]
    opinion, token = next((one for one in told if not one[0].verdict.is_green), told[0])
    return PREDICTED, opinion, token
