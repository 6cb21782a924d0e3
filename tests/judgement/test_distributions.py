"""Many requests of one case: a record without sin is acquitted, one with one sin convicted by the check for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from conformance.judgement.agreement import case_against_router
from conformance.judgement.expectation import (
    NOBODY,
    Alternative,
    CaseExpectation,
    Expected,
    ExpectedSight,
    Predicted,
    Shares,
    Turns,
)
from conformance.judgement.findings import Finding
from conformance.judgement.history import Answer, Exchange, Failure, Seen
from conformance.judgement.judge import judge
from conformance.judgement.shares import effect_of, more, names_of, silence_left
from conformance.judgement.shares import members as members_of
from conformance.judgement.turns import wanted
from conformance.judgement.verdict import Verdict, composed
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Request

REQUEST = Request(client="shop/client", host="reviews", port=9080, path="/a")


def sight(workload: str, pod: str = "") -> Sight:
    return Sight(workload, "shop", pod or workload, f"10.0.0.{workload[-1]}", 9080, "GET", "/a", "reviews:9080")


def outcome(workload: str, percent: int, at_least: float = 0) -> Outcome:
    return Outcome(Kind.UPSTREAM, Fraction(percent, 100), 200, sight=sight(workload), at_least=at_least)


ABORT = Outcome(Kind.FAULT_ABORT, Fraction(30, 100), 400, body="fault filter abort", attempts=(0, 0))


def predicted(*outcomes: Outcome) -> Predicted:
    return Predicted(REQUEST, outcomes)


def seen(workload: str, pod: str = "") -> Seen:
    return Seen(workload, pod or workload, "GET", "/a", "reviews:9080", (), None, 1.0)


def served(number: int, workload: str, pod: str = "", seconds: float = 0.01) -> Exchange:
    return Exchange(
        token=f"t-{number:05d}",
        case="many",
        client="client",
        method="GET",
        url="http://reviews:9080/a",
        headers=(),
        started=float(number),
        seconds=seconds,
        answer=Answer(200, (("x-answered-by", workload),), "", "HTTP/1.1"),
        failure=None,
        seen=(seen(workload, pod),),
    )


def refused(number: int, status: int = 400, body: str = "fault filter abort") -> Exchange:
    return replace(served(number, "v1"), answer=Answer(status, (), body, "HTTP/1.1"), seen=())


def at(*workloads: str) -> list[Exchange]:
    return [served(number, workload) for number, workload in enumerate(workloads)]


def by(share: int | Fraction, workload: str, **others: object) -> Alternative:
    return Alternative(Fraction(share), Expected(status=200, answered_by=workload, **others))  # type: ignore[arg-type]


NOTHING = Expected()
SPLIT = CaseExpectation(
    "many", NOTHING, predicted(outcome("v1", 80), outcome("v2", 20)), Shares((by(80, "v1"), by(20, "v2")), 5)
)
ABORTED = Alternative(Fraction(30), Expected(status=400, answered_by=NOBODY))
FAULT = CaseExpectation("many", NOTHING, predicted(ABORT, outcome("v1", 70)), Shares((ABORTED, by(70, "v1")), 5))
NEVER = CaseExpectation("many", NOTHING, None, Shares((by(100, "v1"), by(0, "v2")), 5))
DELAY = CaseExpectation(
    "many",
    NOTHING,
    predicted(outcome("v1", 90), outcome("v1", 10, at_least=5)),
    Shares((by(90, "v1", takes=(0, 4)), by(10, "v1", takes=(5, 8))), 5),
)
DRAWN = CaseExpectation(
    "many",
    NOTHING,
    None,
    Shares(tuple(by(Fraction(100, 3), each) for each in ("v1", "v2", "v3")), 10, independent=True),
)
TURNS = CaseExpectation(
    "many",
    Expected(status=200),
    predicted(*(outcome(each, 0)._replace(probability=Fraction(1, 3)) for each in ("v1", "v2", "v3"))),
    turns=Turns((("v1", 1), ("v2", 1), ("v3", 1))),
)

SPLIT_RECORD = at(*(["v1"] * 4 + ["v2"]) * 600)
FAULT_RECORD = [refused(n) if n % 10 < 3 else served(n, "v1") for n in range(4000)]
DELAY_RECORD = [served(n, "v1", seconds=5.1 if n % 10 == 0 else 0.1) for n in range(3000)]
DRAWN_RECORD = at(*Random(1).choices(["v1", "v2", "v3"], k=4000))
TURNS_RECORD = at(*["v2", "v1", "v3"] * 8)


def judged(case: CaseExpectation, exchanges: Sequence[Exchange]) -> dict[str, Finding]:
    return {finding.check: finding for finding in judge("s", (case,), exchanges)}


def guilty(case: CaseExpectation, exchanges: Sequence[Exchange]) -> dict[str, str]:
    found = judged(case, exchanges)
    return {name: finding.observed for name, finding in found.items() if finding.verdict is not Verdict.PASS}


@pytest.mark.parametrize(
    ("case", "exchanges", "checks"),
    [
        (SPLIT, SPLIT_RECORD, ["shares", "router"]),
        (FAULT, FAULT_RECORD, ["shares", "router"]),
        (NEVER, at(*["v1"] * 1379), ["shares"]),
        (DELAY, DELAY_RECORD, ["shares", "router"]),
        (DRAWN, DRAWN_RECORD, ["shares", "independent"]),
        (TURNS, TURNS_RECORD, ["arrives-once", "status", "turns", "router"]),
    ],
)
def test_a_record_without_sin_passes(case: CaseExpectation, exchanges: Sequence[Exchange], checks: list[str]) -> None:
    found = judged(case, exchanges)
    assert guilty(case, exchanges) == {}
    assert list(found) == checks


def with_one(exchanges: list[Exchange], number: int, sinner: Exchange) -> list[Exchange]:
    return [*exchanges[:number], sinner, *exchanges[number + 1 :]]


@pytest.mark.parametrize(
    ("case", "exchanges", "check", "said"),
    [
        (SPLIT, at(*(["v1"] * 7 + ["v2"] * 3) * 400), "shares", "70.0/30.0 (n=700, false alarm 1e-6)"),
        (SPLIT, at(*["v1"] * 2000), "shares", "100.0/0.0"),
        (
            replace(SPLIT, predicted=None),
            with_one(SPLIT_RECORD, 2900, served(2900, "v3")),
            "shares",
            "status 200 at v3 in 1 of 3 000 requests, and has no share",
        ),
        (
            replace(SPLIT, predicted=None),
            with_one(SPLIT_RECORD, 7, refused(7, 503, "no healthy upstream")),
            "shares",
            "status 503 at nobody with the body 'no healthy upstream' in 1 of 3 000",
        ),
        (
            replace(SPLIT, predicted=None),
            with_one(SPLIT_RECORD, 7, replace(served(7, "v1"), answer=None, failure=Failure("reset", "errno 104"))),
            "shares",
            "no answer (reset) at v1 in 1 of 3 000",
        ),
        (
            replace(SPLIT, predicted=None),
            with_one(SPLIT_RECORD, 7, replace(served(7, "v1"), seen=(seen("v1"), seen("v1")))),
            "shares",
            "status 200 at v1 and v1 in 1 of 3 000",
        ),
        (
            SPLIT,
            with_one(SPLIT_RECORD, 7, replace(served(7, "v1"), seen=(replace(seen("v1"), path="/b"),))),
            "router",
            "path: predicted /a, observed /b",
        ),
        (
            FAULT,
            with_one(FAULT_RECORD, 0, replace(refused(0), seen=(seen("v1"),))),
            "shares",
            "status 400 at v1 in 1 of 4 000",
        ),
        (NEVER, [*at(*["v1"] * 1378), served(1378, "v2")], "shares", "status 200 at v2 in 1 of 1 379"),
        (NEVER, at(*["v1"] * 1378), "shares", "too few to tell"),
        (DELAY, [replace(each, seconds=0.1) for each in DELAY_RECORD], "shares", "100.0/0.0"),
        (
            DELAY,
            with_one(DELAY_RECORD, 3, served(3, "v1", seconds=4.5)),
            "shares",
            "status 200 at v1 after 4 s in 1 of 3 000",
        ),
        (DRAWN, at(*["v1", "v2", "v3"] * 1000), "independent", "0.0/100.0"),
        (DRAWN, at(*(["v1"] * 2 + ["v2"] * 2 + ["v3"] * 2) * 1000), "independent", "50.0/50.0"),
        (
            TURNS,
            at(*["v2", "v1", "v3"] * 4, *["v1", "v2", "v3"] * 4),
            "turns",
            "request 13 at v1, when it was the turn of v2",
        ),
        (TURNS, at(*["v2", "v1", "v1"] * 8), "turns", "the first 3 requests at v2, v1, v1"),
        (TURNS, TURNS_RECORD[:21], "turns", "21 requests of 24, too few to tell"),
        (
            replace(TURNS, predicted=None),
            at(*["v2", "v1"] * 12),
            "turns",
            "the first 3 requests at v2, v1, v2",
        ),
        (
            replace(TURNS, expected=NOTHING),
            with_one(TURNS_RECORD, 4, replace(served(4, "v1", pod="v1-b"))),
            "turns",
            "request 5 at v1-b, when it was the turn of v1",
        ),
    ],
)
def test_one_sin_is_convicted_by_its_check(
    case: CaseExpectation, exchanges: Sequence[Exchange], check: str, said: str
) -> None:
    found = guilty(case, exchanges)
    assert check in found
    assert said in found[check]
    assert set(found) - {"router"} <= {check}


def test_one_bad_answer_among_turns_breaks_what_each_is_promised() -> None:
    sinner = replace(served(5, "v3"), answer=Answer(500, (("x-answered-by", "v3"),), "", "HTTP/1.1"))
    exchanges = with_one(TURNS_RECORD, 5, sinner)
    finding = judged(replace(TURNS, predicted=None), exchanges)["status"]
    assert (finding.verdict, finding.witness, finding.observed) == ("violates", "t-00005", "status 500")


def test_the_witness_is_the_first_stray() -> None:
    exchanges = with_one(with_one(SPLIT_RECORD, 90, served(90, "v4")), 40, served(40, "v3"))
    assert judged(replace(SPLIT, predicted=None), exchanges)["shares"].witness == "t-00040"


def test_voices_that_contradict_each_other_count_for_nothing() -> None:
    exchanges = with_one(SPLIT_RECORD, 3, replace(served(3, "v1"), seen=(seen("v2"),)))
    finding = judged(replace(SPLIT, predicted=None), exchanges)["shares"]
    assert (finding.verdict, finding.witness) == ("harness-error", "t-00003")


def test_a_case_without_exchanges_is_blocked_and_one_without_an_end_a_harness_error() -> None:
    assert composed(finding.verdict for finding in judge("s", (SPLIT,), [])) is Verdict.BLOCKED
    endless = with_one(SPLIT_RECORD, 3, replace(served(3, "v1"), answer=None))
    assert composed(finding.verdict for finding in judge("s", (SPLIT,), endless)) is Verdict.HARNESS_ERROR
    again = with_one(SPLIT_RECORD, 3, SPLIT_RECORD[4])
    assert composed(finding.verdict for finding in judge("s", (SPLIT,), again)) is Verdict.HARNESS_ERROR


def test_a_request_is_the_first_alternative_that_it_keeps_the_promises_of() -> None:
    assert SPLIT.shares
    either = Shares((by(50, "v1"), Alternative(Fraction(50), Expected(status=200))), 5)
    assert members_of(either, at("v1", "v2")) == ("status 200 at v1", "status 200")
    twins = Shares((by(50, "v1"), by(50, "v1")), 5)
    assert names_of(twins) == ("status 200 at v1", "status 200 at v1 (2)")
    assert names_of(Shares((Alternative(Fraction(100), Expected(body="x")),), 5)) == ("alternative 1",)


def test_how_many_more() -> None:
    assert SPLIT.shares
    assert NEVER.shares
    assert DRAWN.shares
    names = names_of(SPLIT.shares)
    assert more(SPLIT.shares, []) == 100
    assert more(SPLIT.shares, [names[0], "status 503 at nobody"]) == 0
    assert more(SPLIT.shares, (names[:1] * 4 + names[1:]) * 600) == 0
    assert silence_left(NEVER.shares, []) == 1379
    assert silence_left(NEVER.shares, names_of(NEVER.shares)[:1] * 400) == 979
    assert silence_left(SPLIT.shares, []) == 0
    # The shares are clear before the pairs are: there is one pair less than there are draws.
    assert more(DRAWN.shares, []) == 101
    assert more(DRAWN.shares, members_of(DRAWN.shares, DRAWN_RECORD)) == 0
    assert TURNS.turns
    assert wanted(TURNS.turns) == 24
    assert wanted(Turns((("v1", 2),))) == 32


def test_a_profile_makes_no_effect_smaller() -> None:
    assert [effect_of(None), effect_of(None, 10), effect_of(15, 10), effect_of(5, 10)] == [5, 10, 15, 10]


# --- the router's voice -----------------------------------------------------------------------------------------------


def test_the_router_agrees() -> None:
    for case in (SPLIT, FAULT, NEVER, DELAY, DRAWN, TURNS):
        assert case_against_router(case) == ()


@pytest.mark.parametrize(
    ("case", "outcomes", "said"),
    [
        (SPLIT, [outcome("v1", 79), outcome("v2", 21)], "promised 80 % status 200 at v1, predicted 79 %"),
        (SPLIT, [outcome("v1", 80), outcome("v3", 20)], "[upstream 200 at v3 with chance 0.2]"),
        (FAULT, [ABORT, outcome("v2", 70)], "promised 70 % status 200 at v1, predicted 0 %"),
        (NEVER, [outcome("v1", 99), outcome("v2", 1)], "promised 0 % status 200 at v2, predicted 1 %"),
        (DELAY, [outcome("v1", 100)], "predicted 0 %"),
        (DELAY, [outcome("v1", 90), outcome("v1", 10, at_least=3)], "predicted 100 %"),
        (TURNS, [outcome("v1", 50), outcome("v2", 50)], "promised turns of 1 v1, 1 v2, 1 v3"),
        (TURNS, [outcome("v1", 50), outcome("v2", 25), outcome("v3", 25)], "promised turns"),
    ],
)
def test_the_router_disagrees(case: CaseExpectation, outcomes: list[Outcome], said: str) -> None:
    assert any(said in each for each in case_against_router(replace(case, predicted=predicted(*outcomes))))


def test_what_is_undefined_contradicts_no_shares() -> None:
    undefined = predicted(outcome("v1", 50), Outcome(Kind.UNDEFINED, Fraction(1, 2)))
    assert case_against_router(replace(SPLIT, predicted=undefined)) == ()
    assert "router" not in judged(replace(SPLIT, predicted=undefined), SPLIT_RECORD)


def test_what_every_request_is_promised_beside_turns_is_compared_too() -> None:
    case = replace(TURNS, expected=Expected(status=404, saw=ExpectedSight(path="/b")))
    assert any("promised status 404" in each for each in case_against_router(case))
