"""The split test: one sin each, what no cut and no name can change, and its error rates and costs, simulated."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from math import comb, exp, log
from random import Random
from typing import Any

import pytest

from conformance.judgement import splits
from conformance.judgement.splits import Plan, judge_split, next_round
from conformance.judgement.verdict import Verdict

Shares = Mapping[str, int | Fraction]

ENOUGH = 15_000
"""More requests than any plan here wants."""


def stream(n: int = ENOUGH, /, **of_a_hundred: int) -> list[str]:
    """A stream in which every round of a hundred has just these shares."""
    hundred = [member for member, count in of_a_hundred.items() for _ in range(count)]
    assert len(hundred) == 100
    return (hundred * (n // 100 + 1))[:n]


V70 = Plan({"v1": 70, "v2": 30})
V90 = Plan({"v1": 90, "v2": 10})
V98 = Plan({"v1": 98, "v2": 2})
THREE = Plan({"v1": 80, "v2": 10, "v3": 10})
ZERO = Plan({"v1": 90, "v2": 10, "v3": 0})
ONLY = Plan({"v1": 100})
FAULT = Plan({"v1": 80, "status 503": 20})


@pytest.mark.parametrize(
    ("plan", "observations", "verdict"),
    [
        (V70, stream(v1=70, v2=30), "pass"),
        (V70, stream(v1=71, v2=29), "pass"),
        (V70, stream(v1=75, v2=25), "violates"),
        (V70, stream(v1=65, v2=35), "violates"),
        (V70, stream(v1=30, v2=70), "violates"),
        (V70, stream(100, v1=70, v2=30), "undecided"),
        (V70, [], "undecided"),
        (replace(V70, limit=2000), stream(v1=72, v2=28), "undecided"),
        (replace(V70, effect=10), stream(v1=60, v2=40), "violates"),
        (replace(V70, effect=10), stream(v1=73, v2=27), "pass"),
        (V90, stream(v1=90, v2=10), "pass"),
        (V90, stream(v1=85, v2=15), "violates"),
        (V90, stream(v1=95, v2=5), "violates"),
        (V90, stream(v1=100), "violates"),
        # A small share may be any smaller within the effect, but not gone.
        (V98, stream(v1=98, v2=2), "pass"),
        (V98, stream(v1=99, v2=1), "pass"),
        (V98, (["v1"] * 199 + ["v2"]) * 50, "pass"),
        (Plan({"v2": 2, "v1": 98}), (["v1"] * 199 + ["v2"]) * 50, "pass"),
        (V98, stream(v1=100), "violates"),
        (V98, stream(v1=93, v2=7), "violates"),
        (THREE, stream(v1=80, v2=10, v3=10), "pass"),
        (THREE, stream(v1=90, v2=10), "violates"),
        (THREE, stream(v1=80, v2=15, v3=5), "violates"),
        (THREE, stream(v1=34, v2=33, v3=33), "violates"),
        (Plan({"v1": 1, "v2": 1, "v3": 1}), stream(v1=34, v2=33, v3=33), "pass"),
        (Plan({"v1": Fraction(1, 3), "v2": Fraction(2, 3)}), stream(v1=33, v2=67), "pass"),
        (ZERO, stream(v1=90, v2=10), "pass"),
        (ZERO, stream(1300, v1=90, v2=10), "undecided"),
        (ZERO, stream(v1=89, v2=10, v3=1), "violates"),
        (ZERO, [*stream(v1=90, v2=10), "v3"], "violates"),
        (ONLY, stream(1378, v1=100), "undecided"),
        (ONLY, stream(1379, v1=100), "pass"),
        (ONLY, stream(v1=99, v2=1), "violates"),
        (ONLY, ["v2"], "violates"),
        (V90, [*stream(300, v1=90, v2=10), "v9"], "violates"),
        (V90, [*stream(300, v1=90, v2=10), "reset"], "violates"),
        (FAULT, stream(**{"v1": 80, "status 503": 20}), "pass"),
        (FAULT, stream(v1=100), "violates"),
    ],
)
def test_verdict(plan: Plan, observations: Sequence[str], verdict: str) -> None:
    assert judge_split(plan, observations).verdict == verdict


@pytest.mark.parametrize(
    ("plan", "observations", "expected", "observed"),
    [
        (
            V90,
            stream(v1=90, v2=10),
            "90/10 over v1/v2 within 5 points",
            "90.0/10.0 (n=700, miss 0.001)",
        ),
        (
            V70,
            stream(v1=75, v2=25),
            "70/30 over v1/v2 within 5 points",
            "75.0/25.0 (n=2 400, false alarm 1e-6)",
        ),
        (
            replace(V70, limit=2000),
            stream(v1=72, v2=28),
            "70/30 over v1/v2 within 5 points",
            "72.0/28.0 (n=2 000 of at most 2 000, too few to tell)",
        ),
        (
            V70,
            [],
            "70/30 over v1/v2 within 5 points",
            "0.0/0.0 (n=0 of at most 12 587, too few to tell)",
        ),
        (
            ZERO,
            stream(v1=90, v2=10),
            "90/10/0 over v1/v2/v3 within 5 points, v3 never",
            (
                "90.0/10.0/0.0 (n=1 400, miss 0.001), "
                "v3 never in 1 400 requests: its true share is below 0.50 % with a miss rate of 0.001"
            ),
        ),
        (
            ZERO,
            ["v1", "v3", "reset", "v1"],
            "90/10/0 over v1/v2/v3 within 5 points, v3 never",
            "50.0/0.0/25.0 (n=4), reset in 1 of 4 requests, and has no share, v3 in 1 of 4 requests, and has no share",
        ),
        (
            Plan({"status 403": 1, "v1": 0}, leak=0.4595, miss=1e-6, step=1000),
            ["status 403"] * 3000,
            "100/0 over status 403/v1, v1 never",
            (
                "100.0/0.0 (n=3 000, miss 1e-6), "
                "v1 never in 3 000 requests: its true share is below 0.46 % with a miss rate of 1e-6"
            ),
        ),
        (
            Plan({"v1": 1, "v2": 1, "v3": 1}, effect=2.5),
            ["v4"],
            "33.33/33.33/33.33 over v1/v2/v3 within 2.5 points",
            "0.0/0.0/0.0 (n=1), v4 in 1 of 1 requests, and has no share",
        ),
    ],
)
def test_sentence(plan: Plan, observations: Sequence[str], expected: str, observed: str) -> None:
    opinion = judge_split(plan, observations)
    assert (opinion.expected, opinion.observed) == (expected, observed)


def test_the_opinion_counts_everybody_who_answered() -> None:
    opinion = judge_split(ZERO, ["v1", "v9", "v8", "v1"])
    assert opinion.n == 4
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    assert list(opinion.shares.items()) == [("v1", half), ("v2", 0), ("v3", 0), ("v8", quarter), ("v9", quarter)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"shares": {}},
        {"shares": {"v1": 0, "v2": 0}},
        {"shares": {"v1": 101, "v2": -1}},
        {"effect": 0},
        {"effect": 100},
        {"effect": float("nan")},
        {"leak": 0},
        {"leak": 100},
        {"false_alarm": 0},
        {"false_alarm": 1},
        {"miss": 0},
        {"miss": 1},
        {"step": 0},
        {"limit": 0},
        {"shares": {"v1": 1, "v2": 0}, "limit": 1378},
    ],
)
def test_a_plan_that_cannot_be(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"share|between|round|pass"):
        Plan(**{"shares": {"v1": 1, "v2": 1}, **wrong})


@pytest.mark.parametrize(
    ("plan", "silence", "cap"),
    [
        (V70, 0, 12_587),
        (replace(V70, limit=700), 0, 700),
        (ZERO, 1379, 6_223),
        (ONLY, 1379, 1379),
        (replace(ONLY, limit=1379), 1379, 1379),
        (replace(ONLY, leak=0.1), 6905, 6905),
        (replace(ONLY, leak=0.2), 3451, 3451),
        (replace(ONLY, leak=1), 688, 688),
    ],
)
def test_how_many_requests_a_plan_wants(plan: Plan, silence: int, cap: int) -> None:
    """The numbers of notes/anchors-reliability.md, section 2, where it has them."""
    assert (plan.silence, plan.cap) == (silence, cap)


@pytest.mark.parametrize(
    ("plan", "observations", "more"),
    [
        (V70, [], 100),
        (V70, stream(30, v1=70, v2=30), 70),
        (V70, stream(100, v1=70, v2=30), 100),
        (V70, stream(2400, v1=75, v2=25), 0),
        (V70, stream(2399, v1=75, v2=25), 1),
        (replace(V70, limit=150), stream(100, v1=70, v2=30), 50),
        (replace(V70, limit=150), stream(150, v1=70, v2=30), 0),
        (ONLY, ["v2"], 99),
        (ONLY, stream(100, v1=99, v2=1), 0),
    ],
)
def test_the_next_round(plan: Plan, observations: Sequence[str], more: int) -> None:
    assert next_round(plan, observations) == more


STREAMS = [
    pytest.param(replace(plan, effect=10, step=step), true, id=f"{true}-by-{step}")
    for plan, truths in (
        (V70, ([70, 30], [75, 25], [80, 20])),
        (THREE, ([80, 10, 10], [85, 0, 15], [76, 14, 10])),
        (ZERO, ([90, 10, 0], [89.9, 10, 0.1], [80, 20, 0])),
    )
    for true in truths
    for step in (40, 100)
]


@pytest.mark.parametrize(("plan", "true"), STREAMS)
def test_no_cut_of_the_stream_changes_the_verdict(plan: Plan, true: Sequence[float]) -> None:
    """Whoever sends what the plan asks for, in pieces of any size, ends with the same record and the same opinion."""
    random = Random(7)
    endless = random.choices(list(plan.shares), true, k=plan.cap + 500)
    opinions = []
    for most in (30, 90, plan.cap):
        sent = 0
        while more := next_round(plan, endless[:sent]):
            sent += min(more, random.randint(1, most))
        opinions.append(judge_split(plan, endless[:sent]))
        assert opinions[-1].n == sent
    assert len({repr(opinion) for opinion in opinions}) == 1


@pytest.mark.parametrize(("plan", "true"), STREAMS)
def test_what_follows_the_stop_changes_nothing(plan: Plan, true: Sequence[float]) -> None:
    record = Random(8).choices(list(plan.shares), true, k=plan.cap)
    convicted = judge_split(plan, [*record, "v9"])
    assert (convicted.verdict, convicted.n) == ("violates", plan.cap + 1), "a stranger counts wherever it is"
    if "v3" not in record or plan.shares["v3"]:
        assert judge_split(plan, record + stream(v1=100)) == judge_split(plan, record)


@pytest.mark.parametrize(("plan", "true"), STREAMS)
def test_order_within_a_round_has_no_meaning(plan: Plan, true: Sequence[float]) -> None:
    record = Random(9).choices(list(plan.shares), true, k=plan.cap)
    sorted_rounds = [m for i in range(0, len(record), plan.step) for m in sorted(record[i : i + plan.step])]
    assert judge_split(plan, sorted_rounds) == judge_split(plan, record)


@pytest.mark.parametrize(("plan", "true"), STREAMS)
def test_names_have_no_meaning(plan: Plan, true: Sequence[float]) -> None:
    other = dict(zip(plan.shares, ("z", "y", "x"), strict=False))
    record = Random(10).choices(list(plan.shares), true, k=plan.cap)
    opinion = judge_split(plan, record)
    swapped = replace(plan, shares={other[member]: plan.shares[member] for member in reversed(list(plan.shares))})
    renamed = judge_split(swapped, [other[member] for member in record])
    assert (renamed.verdict, renamed.n) == (opinion.verdict, opinion.n)
    assert renamed.shares == {other[member]: share for member, share in opinion.shares.items()}


def test_a_rival_that_has_lost_stays_out() -> None:
    """First v2 has too little, which acquits it of having more; then too much, which acquits it of having less."""
    record = stream(500, v1=74, v2=26) + stream(500, v1=63, v2=37)
    opinion = judge_split(V70, record)
    assert (opinion.verdict, opinion.n) == ("pass", 900)
    assert V70.rivals[1].evidence(Counter(record[:900])["v2"], 900) > -V70.acquitting


# The simulations. A rate of 1e-6 does not show in any number of runs, so both error rates are estimated by importance
# sampling, which is Wald's own argument for their bounds: the probability of an end under one distribution is the mean,
# over the runs under the other that have this end, of the likelihood ratio at the end.

RUNS = 500
"""A mean of likelihood ratios settles soon: 2 000 runs said 5.7e-7 false alarms and 5.4e-4 misses at most, too."""
VISIBLE_RUNS = 2000


@dataclass(frozen=True)
class Runs:
    ends: Sequence[tuple[Verdict, Counter[str]]]

    def rate(self, verdict: Verdict) -> float:
        return sum(found is verdict for found, _ in self.ends) / len(self.ends)

    @property
    def sizes(self) -> list[int]:
        return sorted(counts.total() for _, counts in self.ends)

    @property
    def mean(self) -> float:
        return sum(self.sizes) / len(self.ends)

    def percentile(self, part: int) -> int:
        return self.sizes[len(self.ends) * part // 100]


@cache
def cumulated(n: int, share: float) -> Sequence[float]:
    """The binomial distribution, as a table to look a random number up in."""
    table = [0.0]
    for hits in range(n):
        table.append(table[-1] + comb(n, hits) * share**hits * (1 - share) ** (n - hits))
    return table[1:]


def rounds(random: Random, plan: Plan, true: Shares) -> Iterator[Counter[str]]:
    """Multinomial: one binomial draw for each member, of what the ones before it have left."""
    of_the_rest = []
    rest = Fraction(1)
    for member, share in true.items():
        of_the_rest.append((member, float(share / rest) if rest else 0))
        rest -= share
    for start in range(0, plan.cap, plan.step):
        left = min(plan.step, plan.cap - start)
        found: Counter[str] = Counter()
        for member, part in of_the_rest:
            found[member] = bisect(cumulated(left, part), random.random())
            left -= found[member]
        yield +found


def simulated(plan: Plan, true: Shares, runs: int = RUNS) -> Runs:
    random = Random(repr((plan, true)))
    ends = [splits._stop(plan, rounds(random, plan, true)) for _ in range(runs)]
    return Runs([end for end in ends if end])


def off(plan: Plan, member: str, points: float) -> Shares:
    """The promise, but for one member, and the others in proportion."""
    promised = plan.promised
    share = min(max(promised[member] + Fraction(points) / 100, Fraction(0)), Fraction(1))
    others = {m: p / (1 - promised[member]) * (1 - share) for m, p in promised.items() if m != member}
    return {member: share, **others}


def likelihood(counts: Counter[str], member: str, true: Shares, instead: Shares) -> float:
    """Of one distribution against another that differs from it by one member."""
    hits, n = counts[member], counts.total()
    if (hits and not true[member]) or (n - hits and true[member] == 1):
        return 0
    result = hits and hits * log(true[member] / instead[member])
    return exp(result + (n - hits and (n - hits) * log((1 - true[member]) / (1 - instead[member]))))


PLANS = [
    pytest.param(Plan(shares, effect=effect), mean, percentile, id=f"{'-'.join(map(str, shares.values()))}-by-{effect}")
    for shares, effect, mean, percentile in (
        ({"a": 50, "b": 50}, 5, 2200, 5500),
        ({"a": 90, "b": 10}, 5, 900, 2400),
        ({"a": 80, "b": 20}, 5, 1500, 4000),
        ({"a": 34, "b": 33, "c": 33}, 5, 2500, 5500),
        ({"a": 50, "b": 50}, 10, 650, 1500),
        ({"a": 90, "b": 10}, 10, 300, 700),
        ({"a": 80, "b": 20}, 10, 450, 1100),
        ({"a": 34, "b": 33, "c": 33}, 10, 700, 1500),
    )
]


@pytest.mark.parametrize(("plan", "mean", "percentile"), PLANS)
def test_a_correct_mesh_passes_in_time(plan: Plan, mean: int, percentile: int) -> None:
    runs = simulated(plan, plan.promised)
    print(f"n: mean {runs.mean:.0f}, p50 {runs.percentile(50)}, p99 {runs.percentile(99)}, most {runs.sizes[-1]}")
    assert runs.rate(Verdict.PASS) == 1
    assert runs.mean <= mean
    assert runs.percentile(99) <= percentile
    if len(plan.shares) == 2:  # Of more shares, one may have been settled long before the end: too wide a spread.
        for points in (-plan.effect, plan.effect):
            true = off(plan, "b", points)
            miss = sum(likelihood(counts, "b", true, plan.promised) for _, counts in runs.ends) / RUNS
            print(f"miss at b{points:+}: {miss:.1e}")
            assert miss <= plan.miss


@pytest.mark.parametrize("plan", [pytest.param(row.values[0], id=row.id) for row in PLANS])
def test_a_wrong_mesh_is_convicted_and_a_correct_one_is_not(plan: Plan) -> None:
    """Here each rival is the truth. The false alarms are the sum of those by each, if two ring at once, of both."""
    members = list(plan.shares)[-1:] if len(plan.shares) == 2 else list(plan.shares)
    rivals = [(member, points) for member in members for points in (-plan.effect, plan.effect)]
    false_alarm = 0.0
    for member, points in rivals:
        true = off(plan, member, points)
        runs = simulated(plan, true, RUNS // len(rivals))
        print(f"{member}{points:+}: {runs.rate(Verdict.VIOLATES):.2%}, n: mean {runs.mean:.0f}")
        assert runs.rate(Verdict.VIOLATES) >= 1 - 4 * plan.miss
        ratios = [likelihood(counts, member, plan.promised, true) for _, counts in runs.ends]
        false_alarm += sum(ratio for ratio in ratios if ratio <= plan.false_alarm / len(rivals)) / len(ratios)
    print(f"false alarm: {false_alarm:.1e}")
    assert 0 < false_alarm <= plan.false_alarm


@pytest.mark.parametrize("shares", [{"a": 50, "b": 50}, {"a": 80, "b": 10, "c": 10}])
def test_error_rates_that_can_be_seen(shares: Mapping[str, int]) -> None:
    """At rates of 2 %, without any trick."""
    plan = Plan(shares, effect=10, false_alarm=0.02, miss=0.02)
    alarms = simulated(plan, plan.promised, VISIBLE_RUNS).rate(Verdict.VIOLATES)
    missed = simulated(plan, off(plan, "b", plan.effect), VISIBLE_RUNS).rate(Verdict.PASS)
    print(f"false alarm {alarms:.2%}, miss {missed:.2%}")
    assert 0 < alarms <= plan.false_alarm
    assert 0 < missed <= plan.miss
