"""Many requests of a case: each is judged, and so is how many became what. One sin, one conviction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.judgement.agreement import promise_against_router
from conformance.judgement.expectation import CaseExpectation, Counted, Expected, Predicted
from conformance.judgement.history import Answer, Exchange, Seen
from conformance.judgement.judge import judge
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Request

SEEN = Seen("reviews-v1", "reviews-v1-a", "GET", "/", "reviews:9080", (), None, 1.0)
SERVED = Exchange(
    token="",
    case="many",
    client="client",
    method="GET",
    url="http://reviews:9080/",
    headers=(),
    started=1.0,
    seconds=2.0,
    answer=Answer(200, (("x-answered-by", "reviews-v1"),), "", "1.1"),
    failure=None,
    seen=(SEEN,),
)
REFUSED = replace(
    SERVED, seconds=0.1, answer=Answer(503, (("x-envoy-overloaded", "true"),), "overflow", "1.1"), seen=()
)
SLOW = Expected(status=200, answered_by="reviews-v1", takes=(2, 9))
FULL = Expected(status=503, answered_by="nobody", headers=(("x-envoy-overloaded", "true"),), takes=(0, 1))
COUNTS = Expected(counts=(Counted(1, 2, SLOW), Counted(3, 4, FULL)))


def named(*exchanges: Exchange) -> tuple[Exchange, ...]:
    return tuple(replace(each, token=f"t-{number}") for number, each in enumerate(exchanges))


def guilty(expected: Expected, exchanges: tuple[Exchange, ...], times: int = 5) -> dict[str, tuple[str, str | None]]:
    findings = judge("area/one", [CaseExpectation("many", expected, times=times)], exchanges)
    return {each.check: (each.verdict.value, each.witness) for each in findings if each.verdict is not Verdict.PASS}


SINLESS = named(SERVED, SERVED, REFUSED, REFUSED, REFUSED)


def test_counts_within_their_bounds_are_acquitted() -> None:
    assert guilty(COUNTS, SINLESS) == {}
    assert guilty(COUNTS, named(SERVED, REFUSED, REFUSED, REFUSED, REFUSED)) == {}


def test_of_a_request_whose_journal_contradicts_its_answer_nothing_is_concluded() -> None:
    found = guilty(COUNTS, named(SERVED, replace(SERVED, seen=()), REFUSED, REFUSED, REFUSED))

    assert found["counts"][0] == "harness-error"


@pytest.mark.parametrize(
    "exchanges",
    [
        named(SERVED, SERVED, SERVED, REFUSED, REFUSED),
        named(REFUSED, REFUSED, REFUSED, REFUSED, REFUSED),
        named(SERVED, SERVED, REFUSED, REFUSED, replace(REFUSED, seconds=1.5)),
        named(SERVED, SERVED, REFUSED, REFUSED, replace(REFUSED, seen=(SEEN,))),
        named(SERVED, SERVED, REFUSED, REFUSED, replace(REFUSED, answer=Answer(503, (), "", "1.1"))),
        named(SERVED, replace(SERVED, seconds=1.9), REFUSED, REFUSED, REFUSED),
        named(SERVED, replace(SERVED, seen=(SEEN, SEEN)), REFUSED, REFUSED, REFUSED),
    ],
    ids=[
        "one served too many",
        "nobody served",
        "refused late",
        "refused but seen",
        "refused without the mark",
        "served early",
        "served twice",
    ],
)
def test_one_sin_among_many_is_convicted_by_the_counts(exchanges: tuple[Exchange, ...]) -> None:
    assert set(guilty(COUNTS, exchanges)) == {"counts"}


def test_the_one_that_breaks_what_holds_for_each_is_the_witness() -> None:
    sinner = replace(SERVED, answer=Answer(500, (("x-answered-by", "reviews-v1"),), "", "1.1"))
    each = Expected(status=200, answered_by="reviews-v1")
    assert guilty(each, named(SERVED, SERVED, SERVED, SERVED, SERVED)) == {}
    assert guilty(each, named(SERVED, SERVED, sinner, SERVED, SERVED)) == {"status": ("violates", "t-2")}


@pytest.mark.parametrize("count", [4, 6])
def test_a_request_too_few_or_too_many_is_a_faulty_record(count: int) -> None:
    assert set(guilty(COUNTS, named(*[SERVED] * count))) == {"recorded"}


def test_requests_with_one_token_are_a_faulty_record() -> None:
    assert set(guilty(COUNTS, (SINLESS[0], *SINLESS[:4]))) == {"recorded"}


def test_the_sentence_counts_what_was_seen() -> None:
    exchanges = named(SERVED, SERVED, SERVED, REFUSED, replace(REFUSED, answer=Answer(404, (), "", "1.1")))
    [finding] = [
        each
        for each in judge("area/one", [CaseExpectation("many", COUNTS, times=5)], exchanges)
        if each.check == "counts"
    ]
    assert finding.expected.startswith("of 5 1 to 2 times status 200 at reviews-v1")
    assert "3 times status 200" in finding.observed
    assert "1 times none of these but 404 by a proxy" in finding.observed


# --- the router's voice -----------------------------------------------------------------------------------------------

SIGHT = Sight("reviews-v1", "default", "reviews-v1-0", "10.0.0.1", 9080)
REQUEST = Request(client="default/client", host="reviews", port=9080, at_once=5)
THROUGH = Outcome(Kind.UPSTREAM, status=200, sight=SIGHT, at_least=2.0)
OVERFLOW = Outcome(Kind.OVERFLOW, status=503, response_set=(("x-envoy-overloaded", "true"),), attempts=(0, 0))


def test_alternatives_that_cover_what_may_happen_contradict_nobody() -> None:
    assert promise_against_router(COUNTS, Predicted(REQUEST, (THROUGH, OVERFLOW))) == ()


def test_an_outcome_that_is_no_alternative_contradicts() -> None:
    other = Outcome(Kind.NO_ROUTE, status=404, attempts=(0, 0))
    [said] = promise_against_router(COUNTS, Predicted(REQUEST, (THROUGH, OVERFLOW, other)))
    assert "404" in said


def test_an_alternative_that_must_come_about_and_cannot_contradicts() -> None:
    [said] = promise_against_router(COUNTS, Predicted(REQUEST, (THROUGH,)))
    assert said == "promised 3 times alternative 2, predicted never"
