"""One record without sin is acquitted; the same record with one sin is convicted by exactly the check that owns it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.judgement.checks import CHECKS
from conformance.judgement.expectation import CaseExpectation, Expected, ExpectedSight
from conformance.judgement.findings import Finding
from conformance.judgement.history import Answer, Exchange, Failure, FailureKind, Seen, Served
from conformance.judgement.judge import judge
from conformance.judgement.verdict import Verdict, composed

CALLER = "spiffe://cluster.local/ns/default/sa/client"

SEEN = Seen(
    workload="reviews-v2",
    pod="reviews-v2-abc",
    method="GET",
    path="/new?x=1",
    host="reviews:9080",
    headers=(("End-User", "jason"), ("x-request-id", "1")),
    principal=CALLER,
    at=1.5,
    peer=("a.example", "b.example"),
    http_version="1.1",
)
SHADOW = replace(SEEN, workload="reviews-v3", pod="reviews-v3-abc")
ANSWER = Answer(
    status=200,
    headers=(("Server", "envoy"), ("X-Answered-By", "reviews-v2")),
    body="five stars",
    http_version="1.1",
    trailers=(("grpc-status", "0"), ("x-testimony", "reviews-v2")),
)
SERVED = Exchange(
    token="t-1",
    case="served",
    client="client",
    method="GET",
    url="http://reviews:9080/old?x=1",
    headers=(("end-user", "jason"),),
    started=1.0,
    seconds=0.25,
    answer=ANSWER,
    failure=None,
    seen=(SEEN,),
    served=Served("ab" * 32, "api"),
)
IGNORED = replace(
    SERVED, token="t-2", case="ignored", answer=Answer(404, (("server", "istio-envoy"),), "", "1.1"), seen=()
)
REFUSED = replace(SERVED, token="t-3", case="refused", answer=None, failure=Failure("reset", "errno 104"), seen=())

SIGHT = ExpectedSight(
    path="/new?x=1",
    method="GET",
    host="reviews:9080",
    headers=(("end-user", "jason"),),
    without_headers=("x-secret",),
    principal=CALLER,
    peer=("b.example", "a.example"),
    http_version="1.1",
)
ANYTHING = Expected(
    status=200,
    answered_by="reviews-v2",
    grpc_status=0,
    trailers=(("x-testimony", "reviews-v2"),),
    body="five",
    headers=(("server", "envoy"),),
    without_headers=("x-debug",),
    saw=SIGHT,
    served="api",
    takes=(0.2, 0.3),
)
CASES = (
    CaseExpectation("served", ANYTHING),
    CaseExpectation("ignored", Expected(status=404, answered_by="nobody")),
    CaseExpectation("refused", Expected(refused="reset", answered_by="nobody")),
)
SINLESS = (SERVED, IGNORED, REFUSED)


def guilty(exchanges: tuple[Exchange, ...], cases: tuple[CaseExpectation, ...] = CASES) -> dict[tuple[str, str], str]:
    return {
        (finding.case, finding.check): finding.verdict.value
        for finding in judge("area/one", cases, exchanges)
        if finding.verdict is not Verdict.PASS
    }


def answer(**sins: Any) -> Exchange:
    return replace(SERVED, answer=replace(ANSWER, **sins))


def seen(**sins: Any) -> Exchange:
    return replace(SERVED, seen=(replace(SEEN, **sins),))


def only(**promises: Any) -> tuple[CaseExpectation, ...]:
    return (CaseExpectation("served", Expected(**promises)),)


def test_a_sinless_record_is_acquitted_by_every_check() -> None:
    findings = judge("area/one", CASES, SINLESS)
    assert composed(finding.verdict for finding in findings) is Verdict.PASS
    assert [finding.check for finding in findings if finding.case == "served"] == [
        check for check in CHECKS if check not in {"refused", "alert", "arrivals"}
    ]
    assert [finding.check for finding in findings if finding.case == "refused"] == [
        "arrives-once", "answered-by", "refused",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sinner", "check"),
    [
        (replace(SERVED, seen=(SEEN, SEEN)), "arrives-once"),
        (replace(SERVED, seen=(SEEN, replace(SEEN, workload="reviews-v3"))), "arrives-once"),
        (answer(status=503), "status"),
        (answer(trailers=(("grpc-status", "5"), ANSWER.trailers[1])), "grpc-status"),
        (answer(trailers=ANSWER.trailers[:1]), "trailers"),
        (seen(http_version="2"), "saw-http-version"),
        (answer(body="four stars"), "body"),
        (answer(headers=(*ANSWER.headers[1:], ("server", "istio-envoy"))), "headers"),
        (answer(headers=ANSWER.headers[1:]), "headers"),
        (answer(headers=(*ANSWER.headers, ("server", "envoy"))), "headers"),
        (answer(headers=(*ANSWER.headers, ("X-Debug", ""))), "without-headers"),
        (seen(path="/old?x=1"), "saw-path"),
        (seen(method="POST"), "saw-method"),
        (seen(host="reviews"), "saw-host"),
        (seen(headers=(("end-user", "Jason"),)), "saw-headers"),
        (seen(headers=()), "saw-headers"),
        (seen(headers=(*SEEN.headers, ("x-secret", "1"))), "saw-without-headers"),
        (seen(principal=None), "saw-principal"),
        (seen(principal="spiffe://cluster.local/ns/default/sa/other"), "saw-principal"),
        (seen(peer=("a.example",)), "saw-peer"),
        (seen(peer=()), "saw-peer"),
        (replace(SERVED, served=None), "served"),
        (replace(SERVED, served=Served("cd" * 32, "other")), "served"),
        (replace(SERVED, served=Served("cd" * 32, None)), "served"),
        (replace(SERVED, seconds=0.189), "takes"),
        (replace(SERVED, seconds=0.301), "takes"),
    ],
)
def test_one_sin_of_a_served_request_is_convicted_by_its_own_check(sinner: Exchange, check: str) -> None:
    assert guilty((sinner, IGNORED, REFUSED)) == {("served", check): "violates"}


def test_a_proxys_timer_may_be_a_moment_early() -> None:
    assert guilty((replace(SERVED, seconds=0.191), IGNORED, REFUSED)) == {}


@pytest.mark.parametrize(
    "sights",
    [
        pytest.param((SEEN, SHADOW), id="an attempt too few"),
        pytest.param((SEEN, SEEN, SEEN, SHADOW), id="an attempt too many"),
        pytest.param((SEEN, SEEN), id="no copy"),
        pytest.param((SEEN, SEEN, SHADOW, replace(SEEN, workload="ratings-v1")), id="somebody else too"),
        pytest.param((), id="nobody"),
    ],
)
def test_attempts_and_copies_are_counted_at_every_workload(sights: tuple[Seen, ...]) -> None:
    counted = only(arrivals=(("reviews-v2", 2), ("reviews-v3", 1)))
    assert guilty((replace(SERVED, seen=(SEEN, SHADOW, SEEN)),), counted) == {}
    assert guilty((replace(SERVED, seen=sights),), counted) == {("served", "arrivals"): "violates"}


def test_no_arrivals_means_that_nobody_sees_it() -> None:
    assert guilty((replace(IGNORED, case="served"),), only(arrivals=())) == {}
    assert guilty((SERVED,), only(arrivals=())) == {("served", "arrivals"): "violates"}


def test_an_answer_by_the_wrong_workload_is_convicted_by_both_its_voices() -> None:
    wrong = replace(
        answer(headers=(("server", "envoy"), ("x-answered-by", "reviews-v3"))),
        seen=(replace(SEEN, workload="reviews-v3"),),
    )
    assert guilty((wrong, IGNORED, REFUSED)) == {("served", "answered-by"): "violates"}


def test_a_request_that_reaches_a_workload_where_nobody_is_to_see_it_is_convicted() -> None:
    assert guilty((SERVED, replace(IGNORED, seen=(SEEN,)), REFUSED)) == {("ignored", "answered-by"): "violates"}


def test_a_refused_request_that_reaches_a_workload_is_convicted() -> None:
    assert guilty((SERVED, IGNORED, replace(REFUSED, seen=(SEEN,)))) == {("refused", "answered-by"): "violates"}


@pytest.mark.parametrize("kind", ["connection", "tls", "name", "timeout", "protocol"])
def test_a_refusal_of_another_kind_is_convicted(kind: FailureKind) -> None:
    sinner = replace(REFUSED, failure=Failure(kind, "other"))
    assert guilty((SERVED, IGNORED, sinner)) == {("refused", "refused"): "violates"}


@pytest.mark.parametrize("alert", ["unknown_ca", None])
def test_a_handshake_that_another_alert_ends_is_convicted(alert: str | None) -> None:
    promised = only(refused="tls", alert="certificate_required")
    ended = replace(SERVED, answer=None, failure=Failure("tls", "", "certificate_required"), seen=())
    assert guilty((ended,), promised) == {}
    other = replace(ended, failure=Failure("tls", "", alert))
    assert guilty((other,), promised) == {("served", "alert"): "violates"}


def test_an_answer_where_a_refusal_is_promised_is_convicted() -> None:
    sinner = replace(REFUSED, failure=None, answer=IGNORED.answer)
    assert guilty((SERVED, IGNORED, sinner)) == {("refused", "refused"): "violates"}


@pytest.mark.parametrize(
    ("named", "journals"),
    [
        (("reviews-v2",), ()),
        (("reviews-v2",), ("reviews-v3",)),
        ((), ("reviews-v2",)),
        (("reviews-v2", "reviews-v3"), ("reviews-v2", "reviews-v3")),
    ],
)
def test_voices_that_contradict_each_other_convict_the_harness(
    named: tuple[str, ...], journals: tuple[str, ...]
) -> None:
    exchange = replace(
        answer(headers=tuple(("x-answered-by", name) for name in named)),
        seen=tuple(replace(SEEN, workload=workload) for workload in journals),
    )
    found = judge("area/one", only(answered_by="reviews-v2"), (exchange,))
    (finding,) = (finding for finding in found if finding.check == "answered-by")
    assert finding.verdict is Verdict.HARNESS_ERROR
    assert f"the answer names {', '.join(named) or 'nobody'}" in finding.observed
    assert f"the journals name {', '.join(journals) or 'nobody'}" in finding.observed


def test_an_answer_that_names_a_workload_without_a_journal_entry_is_not_proof_of_nobody() -> None:
    exchange = replace(SERVED, seen=())
    assert guilty((exchange,), only(answered_by="nobody")) == {("served", "answered-by"): "harness-error"}
    assert guilty((exchange,), only(saw=SIGHT)).keys() == {
        ("served", check) for check in CHECKS if check.startswith("saw-")
    }
    assert set(guilty((exchange,), only(saw=SIGHT)).values()) == {"harness-error"}


def test_what_the_workload_sees_is_promised_of_a_request_that_reaches_one() -> None:
    exchange = replace(IGNORED, case="served")
    assert guilty((exchange,), only(saw=ExpectedSight(path="/"))) == {("served", "saw-path"): "violates"}


def test_only_the_journal_of_the_workload_that_answered_counts() -> None:
    mirror = replace(SEEN, workload="reviews-v3", path="/elsewhere")
    exchange = replace(SERVED, seen=(mirror, SEEN))
    assert guilty((exchange,), only(saw=SIGHT)) == {("served", "arrives-once"): "violates"}


def test_every_difference_is_reported_and_not_the_first_only() -> None:
    sinner = replace(
        answer(status=500, body="", headers=(("x-answered-by", "reviews-v2"), ("x-debug", "1")), trailers=()),
        seen=(
            replace(
                SEEN,
                path="/",
                method="PUT",
                host="h",
                headers=(("x-secret", "s"),),
                principal=None,
                peer=(),
                http_version="2",
            ),
        ),
        served=None,
    )
    assert {check for _, check in guilty((sinner, IGNORED, REFUSED))} == set(CHECKS) - {
        "arrives-once", "arrivals", "answered-by", "refused", "alert", "takes",
    }  # fmt: skip


def test_several_differences_of_one_kind_are_in_one_sentence() -> None:
    findings = judge("area/one", only(headers=(("a", "1"), ("b", "2"), ("server", "envoy"))), (SERVED,))
    (finding,) = (finding for finding in findings if finding.check == "headers")
    assert finding.observed == "no a, no b"


def test_a_failure_is_no_answer() -> None:
    lost = replace(SERVED, answer=None, failure=Failure("timeout", "after 15 s"), seen=(), served=None)
    convicted = guilty((lost, IGNORED, REFUSED))
    assert set(convicted.values()) == {"violates"}
    assert {check for _, check in convicted} == set(CHECKS) - {"arrives-once", "arrivals", "refused", "alert", "takes"}


def recorded(exchanges: tuple[Exchange, ...]) -> Finding:
    (finding,) = (finding for finding in judge("area/one", CASES, exchanges) if finding.check == "recorded")
    return finding


def test_a_case_without_an_exchange_is_blocked() -> None:
    finding = recorded((SERVED, REFUSED))
    assert (finding.case, finding.verdict, finding.witness) == ("ignored", Verdict.BLOCKED, None)
    assert finding.observed == "no exchange was recorded"


@pytest.mark.parametrize(
    ("broken", "observed"),
    [
        ((replace(SERVED, failure=Failure("reset", "")),), "an answer and a failure at once"),
        ((replace(SERVED, answer=None),), "neither an answer nor a failure"),
        ((SERVED, replace(SERVED, token="t-9")), "2 exchanges"),
        ((SERVED, SERVED), "2 exchanges, 2 exchanges of the scenario have the token t-1"),
    ],
)
def test_a_faulty_recording_convicts_the_harness_and_nobody_else(broken: tuple[Exchange, ...], observed: str) -> None:
    exchanges = (*broken, IGNORED, REFUSED)
    assert guilty(exchanges) == {("served", "recorded"): "harness-error"}
    assert recorded(exchanges).observed == observed


def test_a_token_of_two_cases_proves_nothing_about_either() -> None:
    exchanges = (SERVED, replace(IGNORED, token="t-1"), REFUSED)
    assert guilty(exchanges) == {("served", "recorded"): "harness-error", ("ignored", "recorded"): "harness-error"}


def test_an_exchange_of_no_case_convicts_the_harness() -> None:
    assert guilty((*SINLESS, replace(SERVED, token="t-9", case="stray"))) == {("stray", "recorded"): "harness-error"}


def test_cases_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        judge("area/one", (*CASES, CASES[0]), SINLESS)


def test_findings_have_the_order_of_the_cases_whatever_the_order_of_the_record() -> None:
    assert judge("area/one", CASES, SINLESS) == judge("area/one", CASES, SINLESS[::-1])


def test_a_finding_reads_as_one_paragraph() -> None:
    (finding,) = (finding for finding in judge("area/one", only(status=503), (SERVED,)) if finding.check == "status")
    assert finding.message() == (
        "violates area/one#status, case 'served': expected status 503; observed status 200 (exchange t-1)"
    )


def test_a_long_body_is_cut_in_the_sentence() -> None:
    findings = judge("area/one", only(body="absent"), (answer(body="x" * 10_000),))
    assert len(findings[1].observed) < 300
