"""Shares of what becomes of many requests alike: which alternative each one is, and when enough of them are sent.

The document's shares are tested (splits.py); the router's are not tested beside them. agreement.py has found that they
are the same numbers, exactly, so one test of the mesh is both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

from conformance.judgement.checks import CHECKS, MAX_QUOTED
from conformance.judgement.expectation import NOBODY, Expected, Shares
from conformance.judgement.history import Exchange
from conformance.judgement.profile import FULL
from conformance.judgement.splits import Plan, next_round
from conformance.judgement.verdict import Verdict


def effect_of(own: float | None, profile: float = FULL.effect) -> float:
    """The effect of a case: its own, or the profile's; a profile makes none smaller."""
    return profile if own is None else max(own, profile)


def plan_of(shares: Shares) -> Plan:
    promised = zip(names_of(shares), shares.alternatives, strict=True)
    return Plan({name: alternative.share for name, alternative in promised}, effect=shares.effect)


def pairs_plan_of(shares: Shares) -> Plan:
    """Of draws that are equally likely and independent, so is whether each one repeats the one before.

    Turns never repeat, and what sticks always does; either changes this share and not those of the alternatives.
    """
    count = sum(alternative.share > 0 for alternative in shares.alternatives)
    return Plan({AGAIN: Fraction(1, count), ANOTHER: 1 - Fraction(1, count)}, effect=shares.effect)


AGAIN, ANOTHER = "the same as before", "another"


def pairs(members: Sequence[str]) -> tuple[str, ...]:
    return tuple(AGAIN if one == other else ANOTHER for one, other in pairwise(members))


def names_of(shares: Shares) -> tuple[str, ...]:
    """What to call the alternatives, each by what it promises; a number tells apart what would read the same."""
    names: list[str] = []
    for number, alternative in enumerate(shares.alternatives, start=1):
        name = _words(alternative.expected) or f"alternative {number}"
        names.append(f"{name} ({number})" if name in names else name)
    return tuple(names)


def _words(expected: Expected) -> str:
    words = [f"status {expected.status}"] if expected.status is not None else []
    words += [f"no answer ({expected.refused})"] if expected.refused is not None else []
    words += [f"at {expected.answered_by}"] if expected.answered_by is not None else []
    words += [f"after {expected.takes[0]:g} to {expected.takes[1]:g} s"] if expected.takes is not None else []
    return " ".join(words)


def members(shares: Shares, exchanges: Sequence[Exchange]) -> tuple[str, ...]:
    """Which alternative each exchange is: the first that it passes all checks of; else what it was, which has no share.

    Whatever alternative a request was to be, it arrives at one workload, once, at most: that is among the checks.
    """
    names = names_of(shares)
    return tuple(_member(shares, names, exchange) for exchange in exchanges)


def _member(shares: Shares, names: tuple[str, ...], exchange: Exchange) -> str:
    for name, alternative in zip(names, shares.alternatives, strict=True):
        if not _flaws(alternative.expected, exchange):
            return name
    return _stray(exchange)


def is_contradictory(alternatives: Iterable[Expected], exchange: Exchange) -> bool:
    """Client and journals contradict each other, whatever was promised: nothing can be concluded."""
    return all(Verdict.HARNESS_ERROR in _flaws(each, exchange) for each in alternatives)


def _flaws(expected: Expected, exchange: Exchange) -> list[Verdict]:
    opinions = (check(expected, exchange) for check in CHECKS.values())
    return [opinion.verdict for opinion in opinions if opinion and not opinion.verdict.is_green]


def _stray(exchange: Exchange) -> str:
    """What a request without an alternative was, in a few words; those that were alike get the same."""
    at = " and ".join(entry.workload for entry in exchange.seen) or NOBODY
    late = f" after {exchange.seconds:.0f} s" if exchange.seconds >= 1 else ""
    if exchange.answer is None:
        assert exchange.failure, "a well-formed exchange has an answer or a failure"
        return f"no answer ({exchange.failure.kind}) at {at}{late}"
    body = f" with the body {exchange.answer.body[:MAX_QUOTED]!r}" if not exchange.seen else ""
    return f"status {exchange.answer.status} at {at}{body}{late}"


def more(shares: Shares, found: Sequence[str]) -> int:
    """How many more requests are wanted after those that were found to be so; 0 when all tests have stopped."""
    plan = plan_of(shares)
    if any(not plan.shares.get(member) for member in found):
        return 0
    wanted = next_round(plan, found)
    if not shares.independent:
        return wanted
    first = not found
    return max(wanted, next_round(pairs_plan_of(shares), pairs(found)) + first)


def silence_left(shares: Shares, found: Sequence[str]) -> int:
    """Requests that are wanted in any case, before what has no share counts as absent."""
    return max(plan_of(shares).silence - len(found), 0)
