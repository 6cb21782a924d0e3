"""A flow without sin is acquitted; with one sin it is convicted by exactly the check that owns it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from conformance.judgement.expectation import CaseExpectation, Expected, FlowExpectation, Predicted
from conformance.judgement.flows import AFTER, BEFORE, DURING, LEAST, NUMBER, ROUTER
from conformance.judgement.history import Answer, Exchange, Failure, Moment, Seen
from conformance.judgement.judge import judge
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Request

OLD, NEW = Expected(status=200, answered_by="reviews-v2"), Expected(status=200, answered_by="reviews-v3")
REQUEST = Request(client="default/client", host="reviews", port=9080, path="/reviews/0")


def predicted(workload: str) -> Predicted:
    sight = Sight(workload, "default", f"{workload}-abc", "10.0.0.1", 9080, "GET", "/reviews/0", "reviews:9080")
    return Predicted(REQUEST, (Outcome(Kind.UPSTREAM, Fraction(1), 200, sight=sight),))


FLOW = CaseExpectation(
    "flow", NEW, predicted("reviews-v3"), flow=FlowExpectation((OLD, NEW), before=predicted("reviews-v2"))
)


def exchange(number: int, moment: Moment | None, workload: str) -> Exchange:
    return Exchange(
        token=f"t-{number}",
        case="flow",
        client="client",
        method="GET",
        url="http://reviews:9080/reviews/0",
        headers=(),
        started=float(number),
        seconds=0.01,
        answer=Answer(200, (("x-answered-by", workload),), "", "1.1"),
        failure=None,
        seen=(Seen(workload, f"{workload}-abc", "GET", "/reviews/0", "reviews:9080", (), None, float(number)),),
        moment=moment,
    )


SINLESS = (
    *(exchange(number, "before", "reviews-v2") for number in range(LEAST)),
    *(exchange(LEAST + number, "during", workload) for number, workload in enumerate(("reviews-v2", "reviews-v3"))),
    *(exchange(100 + number, "after", "reviews-v3") for number in range(LEAST)),
)
FAILED = Failure("reset", "errno 104")


def guilty(exchanges: tuple[Exchange, ...], case: CaseExpectation = FLOW) -> dict[str, str]:
    findings = judge("area/one", (case,), exchanges)
    return {finding.check: finding.verdict.value for finding in findings if not finding.verdict.is_green}


def changed(index: int, **changes: object) -> tuple[Exchange, ...]:
    exchanges = list(SINLESS)
    exchanges[index] = replace(exchanges[index], **changes)  # type: ignore[arg-type]
    return tuple(exchanges)


def test_a_flow_without_sin_is_acquitted_by_every_check() -> None:
    findings = judge("area/one", (FLOW,), SINLESS)
    assert [finding.check for finding in findings] == [NUMBER, BEFORE, DURING, AFTER, ROUTER]
    assert guilty(SINLESS) == {}


def test_a_request_that_fails_while_the_configuration_changes_is_convicted() -> None:
    assert guilty(changed(LEAST, answer=None, failure=FAILED, seen=())) == {DURING: "violates"}


def test_an_old_answer_after_the_gate_is_convicted_by_document_and_router() -> None:
    late = exchange(LEAST + 3, "after", "reviews-v2")
    assert guilty((*SINLESS, replace(late, token="late"))) == {AFTER: "violates", ROUTER: "violates"}


def test_a_new_answer_before_the_change_is_convicted() -> None:
    early = replace(exchange(1, "before", "reviews-v3"), token="early")
    assert guilty((*SINLESS, early)) == {BEFORE: "violates", ROUTER: "violates"}


def test_an_answer_of_somebody_else_in_between_is_convicted() -> None:
    assert guilty((*SINLESS, replace(exchange(1, "during", "reviews-v1"), token="other"))) == {DURING: "violates"}


def test_a_request_that_arrives_twice_is_convicted() -> None:
    once = SINLESS[LEAST].seen
    assert guilty(changed(LEAST, seen=(*once, *once))) == {DURING: "violates"}


def test_two_ends_that_contradict_each_other_prove_nothing() -> None:
    assert guilty(changed(LEAST, seen=())) == {DURING: "harness-error"}


@pytest.mark.parametrize(
    "exchanges",
    [SINLESS[1:], (*SINLESS[:LEAST], *SINLESS[LEAST + 2 :]), SINLESS[:-1]],
    ids=["before", "during", "after"],
)
def test_too_few_requests_of_a_moment_prove_nothing(exchanges: tuple[Exchange, ...]) -> None:
    assert guilty(exchanges) == {NUMBER: "blocked"}


def test_no_request_at_all_proves_nothing() -> None:
    assert guilty(()) == {"recorded": "blocked"}


def test_a_request_without_its_moment_is_badly_recorded() -> None:
    assert guilty(changed(0, moment=None)) == {"recorded": "harness-error"}


def test_a_request_with_a_moment_belongs_to_no_single_case() -> None:
    alone = CaseExpectation("flow", OLD)
    assert guilty((exchange(1, "before", "reviews-v2"),), alone) == {"recorded": "harness-error"}


def test_two_requests_with_one_token_are_badly_recorded() -> None:
    assert guilty(changed(0, token="t-1")) == {"recorded": "harness-error"}


def test_with_one_alternative_it_holds_all_the_time() -> None:
    always = CaseExpectation("flow", Expected(status=200), flow=FlowExpectation((Expected(status=200),)))
    assert guilty(SINLESS, always) == {}
    assert guilty(changed(0, answer=None, failure=FAILED, seen=()), always) == {BEFORE: "violates"}


def test_the_sentence_names_the_request_and_what_became_of_it() -> None:
    findings = judge("area/one", (FLOW,), changed(LEAST, answer=None, failure=FAILED, seen=()))
    during = next(finding for finding in findings if finding.check == DURING)
    assert during.witness == f"t-{LEAST}"
    assert f"1 of 2 requests do not: t-{LEAST}: no answer, but a failure of kind reset" in during.observed
    assert "status 200 by reviews-v2 or status 200 by reviews-v3" in during.expected
