"""An object that must be refused is judged by what the API server said; a record with one sin is convicted of it."""

from __future__ import annotations

from dataclasses import replace

from conformance.judgement.admission import (
    FORESEEN,
    REJECTED,
    Attempt,
    ExpectedRejection,
    broken_rejections,
    judge_rejections,
)
from conformance.judgement.verdict import Verdict

TEXT = 'no matches for kind "RouteRule" in version "config.istio.io/v1alpha2"'
EXPECTED = ExpectedRejection("old", "RouteRule default/reviews", because='kind "RouteRule"', foreseen=(TEXT,))
REFUSED = Attempt("old", "RouteRule default/reviews", 404, TEXT)
STORED = replace(REFUSED, status=200, message="")


def verdicts(*attempts: Attempt, expected: ExpectedRejection = EXPECTED) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in judge_rejections("area/one", [expected], attempts)}


def test_the_promised_refusal_passes() -> None:
    assert verdicts(REFUSED) == {REJECTED: Verdict.PASS, FORESEEN: Verdict.PASS}


def test_a_stored_object_violates_both_voices() -> None:
    assert verdicts(STORED) == {REJECTED: Verdict.VIOLATES, FORESEEN: Verdict.VIOLATES}


def test_a_refusal_for_another_reason_violates() -> None:
    assert verdicts(replace(REFUSED, message="forbidden"))[REJECTED] is Verdict.VIOLATES


def test_a_server_that_fails_has_not_refused_anything() -> None:
    assert verdicts(replace(REFUSED, status=500, message="failed calling webhook")) == {REJECTED: Verdict.HARNESS_ERROR}


def test_an_object_that_was_not_tried_is_blocked() -> None:
    assert verdicts() == {REJECTED: Verdict.BLOCKED}


def test_an_object_that_was_tried_twice_proves_nothing() -> None:
    assert verdicts(REFUSED, REFUSED) == {REJECTED: Verdict.HARNESS_ERROR}


def test_another_object_under_the_name_proves_nothing() -> None:
    assert verdicts(replace(REFUSED, object="RouteRule default/ratings")) == {REJECTED: Verdict.HARNESS_ERROR}


def test_an_attempt_of_no_object_of_the_scenario_is_an_error_of_the_harness() -> None:
    findings = judge_rejections("area/one", [EXPECTED], [REFUSED, replace(REFUSED, name="stray")])

    assert [(each.case, each.verdict) for each in findings if each.verdict is not Verdict.PASS] == [
        ("stray", Verdict.HARNESS_ERROR)
    ]


def test_the_router_is_convicted_where_it_foresees_no_refusal() -> None:
    found = verdicts(REFUSED, expected=replace(EXPECTED, foreseen=()))

    assert found == {REJECTED: Verdict.PASS, FORESEEN: Verdict.VIOLATES}


def test_the_router_is_convicted_where_it_foresees_another_reason() -> None:
    found = verdicts(REFUSED, expected=replace(EXPECTED, foreseen=("unknown field",)))

    assert found == {REJECTED: Verdict.PASS, FORESEEN: Verdict.VIOLATES}


def test_the_router_may_have_no_word() -> None:
    assert verdicts(REFUSED, expected=replace(EXPECTED, foreseen=None)) == {REJECTED: Verdict.PASS}


def test_document_against_router_is_told_before_anything_is_tried() -> None:
    assert broken_rejections([EXPECTED, replace(EXPECTED, foreseen=None)]) == ()
    (broken,) = broken_rejections([replace(EXPECTED, foreseen=())])
    assert "predicted none" in broken
