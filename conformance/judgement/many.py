"""Many requests of one case: what is said of each of them as one opinion, and how many became what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.comparison import ended
from conformance.judgement.expectation import Counted, Expected
from conformance.judgement.history import ANSWERED_BY, Exchange, values_of
from conformance.judgement.shares import is_contradictory
from conformance.judgement.verdict import Verdict, composed

COUNTS = "counts"
"""The check of how many requests of a case became what."""

MOST_NAMED = 3
"""Different observations in a sentence; the record has all of them."""


def of_all(opinions: Sequence[Opinion]) -> tuple[Opinion, int]:
    """The gravest opinion, with how many share it, and the number of the first that does."""
    if len(opinions) == 1:
        return opinions[0], 0
    verdict = composed(each.verdict for each in opinions)
    gravest = [number for number, each in enumerate(opinions) if each.verdict is verdict]
    seen = Counter(opinions[number].observed for number in gravest)
    named = "; ".join(f"{count} times {observed}" for observed, count in seen.most_common(MOST_NAMED))
    more = len(seen) - MOST_NAMED
    rest = f"; and {more} more" if more > 0 else ""
    wanted = f"each of {len(opinions)} times {opinions[0].expected}"
    return Opinion(verdict, wanted, f"of {len(opinions)} {named}{rest}"), gravest[0]


def counts(expected: Expected, exchanges: Sequence[Exchange]) -> Opinion | None:
    """Every request keeps one of the alternatives, and each alternative is kept as often as promised."""
    if not expected.counts:
        return None
    alternatives = [each.expected for each in expected.counts]
    broken = sum(is_contradictory(alternatives, exchange) for exchange in exchanges)
    met: Counter[int | None] = Counter(_alternative(expected.counts, exchange) for exchange in exchanges)
    strangers = [each for each in exchanges if _alternative(expected.counts, each) is None]
    agrees = not strangers and all(
        each.least <= met[number] <= each.most for number, each in enumerate(expected.counts)
    )
    said = [f"{met[number]} times {_described(each)}" for number, each in enumerate(expected.counts)]
    ends = Counter(_ended(each) for each in strangers)
    said += [f"{count} times none of these but {end}" for end, count in ends.most_common(MOST_NAMED)]
    wanted = ", ".join(f"{_range(each)} times {_described(each)}" for each in expected.counts)
    if broken:
        said.append(f"where client and journals contradict each other in {broken}")
    verdict = Verdict.HARNESS_ERROR if broken else Verdict.PASS if agrees else Verdict.VIOLATES
    return Opinion(verdict, f"of {len(exchanges)} {wanted}", ", ".join(said))


def _alternative(alternatives: Sequence[Counted], exchange: Exchange) -> int | None:
    """The first that the exchange keeps in everything."""
    for number, each in enumerate(alternatives):
        if all(opinion.verdict is Verdict.PASS for opinion in _opinions(each.expected, exchange)):
            return number
    return None


def _opinions(expected: Expected, exchange: Exchange) -> Iterator[Opinion]:
    for check in CHECKS.values():
        opinion = check(expected, exchange)
        if opinion:
            yield opinion


def _range(counted: Counted) -> str:
    return str(counted.least) if counted.least == counted.most else f"{counted.least} to {counted.most}"


def _described(counted: Counted) -> str:
    """An alternative in a few words."""
    promised = counted.expected
    words = [f"status {promised.status}" if promised.status is not None else ""]
    words += [f"refused by {promised.refused}" if promised.refused else ""]
    words += [f"at {promised.answered_by}" if promised.answered_by else ""]
    words += [f"within {promised.takes[0]:g} to {promised.takes[1]:g} s" if promised.takes else ""]
    words += [f"with {name}: {value}" for name, value in promised.headers]
    return " ".join(word for word in words if word) or "another promise"


def _ended(exchange: Exchange) -> str:
    named = values_of(exchange.answer.headers, ANSWERED_BY) if exchange.answer else ()
    return f"{ended(exchange)}{f' ({named[0]})' if named else ''} after {exchange.seconds:.1f} s"
