"""Do the workloads that answered a stream of independent requests follow the promised shares?

A sequential test in two directions (notes/anchors-reliability.md, section 3): it goes on until the record convicts the
mesh, acquits it, or reaches the cap, and how often it may be wrong is part of the plan, written down before the first
request. Each share has two rivals, the same share plus and minus the effect, and each rival a one-sided sequential
probability ratio test (Wald's SPRT) of the rival against the promise:

- it convicts when one of the r rivals is r / false_alarm times as likely as the promise. By Ville's inequality that
  ever happens to a correct mesh with a probability of at most false_alarm / r; for all rivals (Bonferroni) false_alarm;
- it acquits when the promise has been 1 / miss times as likely as each rival, be it not as all of them at once. By the
  same inequality a mesh that is wrong by the effect or more ever comes that far with a probability of at most miss.

Neither is an approximation for many requests, and neither depends on when one looks. Shares that are wrong by less than
the effect may get any verdict.

That the requests are independent is for the scenario to see to: sticky sessions, consistent hashes and the balancing of
connections instead of requests are no matter for this test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil, inf, log, log1p, sqrt

from conformance.judgement.checks import Opinion
from conformance.judgement.verdict import Verdict


@dataclass(frozen=True)
class Rival:
    """Another share for a member, against the promised one."""

    member: str
    hit: float
    """The logarithm of the likelihood ratio after one answer by the member."""
    other: float
    """After one answer by somebody else."""
    distance: float
    """For each request: minus the logarithm of the Bhattacharyya coefficient."""

    def evidence(self, hits: int, n: int) -> float:
        """The logarithm of the likelihood ratio; a rival that excludes what happened is infinitely unlikely."""
        return (hits and hits * self.hit) + (n - hits and (n - hits) * self.other)


@dataclass(frozen=True)
class Plan:
    """What is promised, and how it is measured and judged; complete before the first request is sent."""

    shares: Mapping[str, int | Fraction]
    """By member, in any unit: percents, weights, fractions. A member is a workload, or an outcome like a failure."""
    effect: float = 5
    """In points of a hundred: a share that is wrong by this much is to be convicted. The quick profile has 10."""
    leak: float = 0.5
    """In points of a hundred: what a member without a share could have and still be missed with the rate `miss`."""
    false_alarm: float = 1e-6
    """The probability of convicting a mesh that follows the shares exactly."""
    miss: float = 1e-3
    """The probability of passing a mesh that is wrong by the effect, or leaks that much."""
    step: int = 100
    """The record is looked at after every round of this many requests only; within a round, order has no meaning."""
    limit: int | None = None
    """A cap of one's own."""

    def __post_init__(self) -> None:
        if min(self.shares.values(), default=0) < 0 or not any(self.shares.values()):
            raise ValueError("shares are not negative, and at least one is not zero")
        if not (0 < self.effect < 100 and 0 < self.leak < 100):
            raise ValueError("effect and leak are between 0 and 100 points")
        if not (0 < self.false_alarm < 1 and 0 < self.miss < 1):
            raise ValueError("false_alarm and miss are between 0 and 1")
        if self.step < 1:
            raise ValueError("a round has at least one request")
        if self.limit is not None and self.limit < max(self.silence, 1):
            raise ValueError(f"with fewer than {max(self.silence, 1)} requests this can never pass")

    @cached_property
    def promised(self) -> Mapping[str, Fraction]:
        """The shares as parts of one."""
        total = sum(self.shares.values(), Fraction())
        return {member: Fraction(share) / total for member, share in self.shares.items()}

    @cached_property
    def silence(self) -> int:
        """Requests without an answer by a member before its absence counts: (1 - leak)^n is at most miss.

        Nothing where every member has a share, unless there is only one: then all others are to be silent.
        """
        shares = self.shares.values()
        return ceil(log(self.miss) / log1p(-self.leak / 100)) if not all(shares) or len(shares) == 1 else 0

    @cached_property
    def rivals(self) -> Sequence[Rival]:
        """Two for each share; of two shares one is enough, for the other is the rest. An only share has none."""
        present = [(member, share) for member, share in self.promised.items() if share]
        tested = present if len(present) > 2 else present[1:]
        effect = Fraction(self.effect) / 100
        return [_rival(member, share, rival) for member, share in tested for rival in (share - effect, share + effect)]

    @property
    def convicting(self) -> float:
        """The evidence for one rival that convicts."""
        return log(max(len(self.rivals), 1) / self.false_alarm)

    @property
    def acquitting(self) -> float:
        """The evidence against every rival that acquits."""
        return -log(self.miss)

    @cached_property
    def cap(self) -> int:
        """The most requests, after which a split is undecided.

        Without a limit of one's own, so many that a correct mesh gets here with a probability of at most false_alarm,
        and one that is wrong by the effect with at most miss: Chernoff's bound at one half, where the moment of the
        likelihood ratio is the Bhattacharyya coefficient, to the power of the number of requests.
        """
        if self.limit is not None:
            return self.limit
        evidence = max(self.convicting + self.acquitting / 2, self.acquitting + self.convicting / 2)
        return max(self.silence, *(ceil(evidence / rival.distance) for rival in self.rivals), 1)


@dataclass(frozen=True)
class SplitOpinion(Opinion):
    n: int
    """The requests the verdict rests on."""
    shares: Mapping[str, Fraction]
    """Of those n requests, by member: first those of the plan, then others by name."""


def next_round(plan: Plan, observations: Sequence[str]) -> int:
    """How many more requests the plan wants before it looks again; 0 when it has stopped, whatever the verdict."""
    n = len(observations)
    if _stop(plan, _rounds(plan, observations)):
        return 0
    return min(plan.step - n % plan.step, plan.cap - n)


def judge_split(plan: Plan, observations: Sequence[str]) -> SplitOpinion:
    """The verdict on a record: who answered, one name for each request, in the order of the rounds.

    An answer by a member without a share convicts wherever it is, for a correct mesh has none. Otherwise the record
    counts up to where the plan stopped, and what was sent beyond that changes nothing.
    """
    counts = Counter(observations)
    if _strays(plan, counts):
        return _opinion(plan, Verdict.VIOLATES, counts)
    stop = _stop(plan, _rounds(plan, observations))
    return _opinion(plan, *stop) if stop else _opinion(plan, Verdict.UNDECIDED, counts)


def _rival(member: str, promised: Fraction, share: Fraction) -> Rival:
    """A share that would be below nothing or above everything is just that."""
    share = min(max(share, Fraction(0)), Fraction(1))
    return Rival(
        member,
        hit=log(share / promised) if share else -inf,
        other=log((1 - share) / (1 - promised)) if share < 1 else -inf,
        distance=-log(sqrt(share * promised) + sqrt((1 - share) * (1 - promised))),
    )


def _rounds(plan: Plan, observations: Sequence[str]) -> Iterator[Counter[str]]:
    """The complete ones, up to the cap; the last may be shorter."""
    ends = (*range(plan.step, plan.cap, plan.step), plan.cap)
    for start, end in pairwise([0, *(end for end in ends if end <= len(observations))]):
        yield Counter(observations[start:end])


def _stop(plan: Plan, rounds: Iterable[Counter[str]]) -> tuple[Verdict, Counter[str]] | None:
    """The end of the first round after which nothing more is to be sent; the counts are of all rounds until then."""
    least = [inf] * len(plan.rivals)
    counts: Counter[str] = Counter()
    for members in rounds:
        counts += members
        n = counts.total()
        evidence = [rival.evidence(counts[rival.member], n) for rival in plan.rivals]
        if _strays(plan, counts) or max(evidence, default=-inf) >= plan.convicting:
            return Verdict.VIOLATES, counts
        least = list(map(min, least, evidence))
        if max(least, default=-inf) <= -plan.acquitting and n >= plan.silence:
            return Verdict.PASS, counts
        if n >= plan.cap:
            return Verdict.UNDECIDED, counts
    return None


def _strays(plan: Plan, counts: Mapping[str, int]) -> list[str]:
    """Members that answered and have no share."""
    return [member for member in counts if not plan.shares.get(member)]


def _opinion(plan: Plan, verdict: Verdict, counts: Counter[str]) -> SplitOpinion:
    n = counts.total()
    members = [*plan.shares, *sorted(counts.keys() - plan.shares.keys())]
    return SplitOpinion(
        verdict,
        expected=_expected(plan),
        observed=", ".join(_observed(plan, verdict, counts)),
        n=n,
        shares={member: Fraction(counts[member], max(n, 1)) for member in members},
    )


def _expected(plan: Plan) -> str:
    shares = "/".join(f"{float(100 * share):.4g}" for share in plan.promised.values())
    within = f" within {plan.effect:g} points" if plan.rivals else ""
    never = "".join(f", {member} never" for member, share in plan.shares.items() if not share)
    return f"{shares} over {'/'.join(plan.shares)}{within}{never}"


def _observed(plan: Plan, verdict: Verdict, counts: Counter[str]) -> Iterator[str]:
    n = counts.total()
    rate = {
        Verdict.PASS: f", miss {_rate(plan.miss)}",
        Verdict.VIOLATES: f", false alarm {_rate(plan.false_alarm)}",
        Verdict.UNDECIDED: f" of at most {_number(plan.cap)}, too few to tell",
    }
    strays = sorted(_strays(plan, counts))
    yield "/".join(f"{100 * counts[member] / max(n, 1):.1f}" for member in plan.shares) + (
        f" (n={_number(n)}{'' if strays else rate[verdict]})"
    )
    for member in strays:
        yield f"{member} in {_number(counts[member])} of {_number(n)} requests, and has no share"
    if not strays and n:
        for member in [member for member, share in plan.shares.items() if not share]:
            yield (
                f"{member} never in {_number(n)} requests: its true share is below {_below(plan.miss, n)} % with a "
                f"miss rate of {_rate(plan.miss)}"
            )


def _below(miss: float, n: int) -> str:
    """The share, in percent, that is silent for n requests with the probability miss; rounded up."""
    return f"{ceil(1e4 * (1 - miss ** (1 / n))) / 100:.2f}"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _rate(value: float) -> str:
    return f"{value:g}".replace("e-0", "e-")
