"""Two voices that agree are left alone; one sin in either of them is named."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from conformance.judgement.agreement import promise_against_router, router_against_mesh
from conformance.judgement.expectation import NOBODY, CaseExpectation, Expected, ExpectedSight, Predicted
from conformance.judgement.history import Answer, Exchange, Failure, Seen
from conformance.judgement.judge import PREDICTED, judge
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind, Mirror, Outcome, Sight
from conformance.router.request import Request

REQUEST = Request(client="shop/client", host="reviews", port=9080, path="/a", headers=(("X-Sent", "1"),))
SIGHT = Sight(
    workload="reviews-v1",
    namespace="shop",
    pod="reviews-v1-0",
    address="10.0.0.1",
    port=9080,
    method="GET",
    path="/a",
    host="reviews:9080",
    set_headers=(("x-set", "2"),),
    added_headers=(("x-sent", "3"),),
    removed_headers=("x-gone",),
    principal="spiffe://cluster.local/ns/shop/sa/client",
)
SERVED = Outcome(
    Kind.UPSTREAM,
    status=200,
    sight=SIGHT,
    response_set=(("server", "envoy"),),
    response_added=(("x-more", "4"),),
    response_removed=("x-less",),
    upstream_time=True,
    at_least=0.5,
)
SEEN = Seen(
    workload="reviews-v1",
    pod="reviews-v1-abc",
    method="GET",
    path="/a",
    host="reviews:9080",
    headers=(("x-sent", "1"), ("x-sent", "3"), ("x-set", "2")),
    principal=SIGHT.principal,
    at=0.1,
)
ANSWER = Answer(
    200, (("server", "envoy"), ("x-more", "4"), ("x-envoy-upstream-service-time", "1")), "hello", "HTTP/1.1"
)
EXCHANGE = Exchange("t-1", "case", "client", "GET", "http://reviews:9080/a", (), 0.0, 0.6, ANSWER, None, (SEEN,))
REFUSED = Outcome(Kind.REFUSED, attempts=(0, 0))
LOCAL = Outcome(Kind.NO_ROUTE, status=404, body="", attempts=(0, 0), upstream_time=False)


def differences(exchange: Exchange, *outcomes: Outcome) -> str:
    return "; ".join(router_against_mesh(Predicted(REQUEST, outcomes or (SERVED,)), exchange))


def test_an_exchange_as_predicted_is_left_alone() -> None:
    assert differences(EXCHANGE) == ""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"answer": replace(ANSWER, status=503)}, "observed status 503"),
        ({"answer": None, "failure": Failure("reset", "by peer")}, "observed a failure of kind reset"),
        ({"answer": replace(ANSWER, headers=ANSWER.headers[1:])}, "server: envoy, observed none"),
        ({"answer": replace(ANSWER, headers=(ANSWER.headers[0], ANSWER.headers[2]))}, "x-more: 4 among"),
        ({"answer": replace(ANSWER, headers=(*ANSWER.headers, ("x-less", "5")))}, "without x-less, observed 5"),
        ({"answer": replace(ANSWER, headers=ANSWER.headers[:2])}, "x-envoy-upstream-service-time"),
        ({"seconds": 0.1}, "at least 0.5 s, observed 0.100 s"),
        ({"seen": ()}, "1 times at reviews-v1, observed 0"),
        ({"seen": (SEEN, SEEN)}, "1 times at reviews-v1, observed 2"),
        ({"seen": (SEEN, replace(SEEN, workload="ratings"))}, "observed the request at ratings"),
        ({"seen": (replace(SEEN, path="/b"),)}, "path /a at reviews-v1, observed /b"),
        ({"seen": (replace(SEEN, method="PUT"),)}, "method GET at reviews-v1, observed PUT"),
        ({"seen": (replace(SEEN, host="ratings"),)}, "host reviews:9080 at reviews-v1, observed ratings"),
        ({"seen": (replace(SEEN, principal=None),)}, "at reviews-v1, observed none"),
        ({"seen": (replace(SEEN, headers=SEEN.headers[:2]),)}, "x-set: 2 at reviews-v1, observed none"),
        ({"seen": (replace(SEEN, headers=SEEN.headers[1:]),)}, "x-sent: 1,3 at reviews-v1, observed 3"),
        (
            {"seen": (replace(SEEN, headers=(*SEEN.headers, ("x-gone", "6"))),)},
            "x-gone: none at reviews-v1, observed 6",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_sin_of_the_mesh_is_named(changes: dict[str, Any], named: str) -> None:
    assert named in differences(replace(EXCHANGE, **changes))


def test_a_request_may_take_any_of_several_outcomes() -> None:
    other = replace(SERVED, sight=replace(SIGHT, workload="reviews-v2"), probability=Fraction(1, 2))
    assert differences(EXCHANGE, other, replace(SERVED, probability=Fraction(1, 2))) == ""


def test_an_outcome_without_a_chance_does_not_happen() -> None:
    other = replace(SERVED, sight=replace(SIGHT, workload="reviews-v2"))
    assert "reviews-v2" in differences(EXCHANGE, other, replace(SERVED, probability=Fraction(0)))


def test_a_mirrored_copy_is_no_stranger() -> None:
    copy = replace(SIGHT, workload="shadow")
    mirrored = replace(SERVED, mirrors=(Mirror(Fraction(1), copy),))
    assert differences(replace(EXCHANGE, seen=(SEEN, replace(SEEN, workload="shadow"))), mirrored) == ""


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (Kind.REFUSED, "connection"),
        (Kind.RESET_PLAINTEXT, "reset"),
        (Kind.TLS_REFUSED, "tls"),
        (Kind.CLOSED, "protocol"),
        (Kind.BLACKHOLE_TCP, "reset"),
        (Kind.DNS_FAILURE, "name"),
    ],
)
def test_a_failure_is_seen_in_its_own_way(kind: Kind, failure: Any) -> None:
    refused = replace(EXCHANGE, answer=None, failure=Failure(failure, "…"), seen=())
    assert differences(refused, Outcome(kind, attempts=(0, 0))) == ""
    assert "timeout" in differences(replace(refused, failure=Failure("timeout", "…")), Outcome(kind, attempts=(0, 0)))


def test_an_answer_where_none_is_predicted_is_named() -> None:
    assert "observed status 200" in differences(replace(EXCHANGE, seen=()), REFUSED)


def test_a_proxy_answer_with_another_body_is_named() -> None:
    wrong = replace(EXCHANGE, answer=Answer(404, (), "not here", "HTTP/1.1"), seen=())
    assert differences(replace(wrong, answer=Answer(404, (), "", "HTTP/1.1")), replace(LOCAL, body="")) == ""
    assert "the body 'gone'" in differences(wrong, replace(LOCAL, body="gone"))


def promised(expected: Expected, *outcomes: Outcome) -> str:
    return "; ".join(promise_against_router(expected, Predicted(REQUEST, outcomes or (SERVED,))))


@pytest.mark.parametrize(
    ("kept", "broken", "named"),
    [
        (Expected(status=200), Expected(status=503), "promised status 503, predicted 200"),
        (Expected(answered_by="reviews-v1"), Expected(answered_by="ratings"), "promised ratings"),
        (Expected(), Expected(answered_by=NOBODY), "promised nobody"),
        (Expected(), Expected(refused="reset"), "promised a refusal of kind reset, predicted upstream"),
        (Expected(headers=(("Server", "envoy"),)), Expected(headers=(("server", "nginx"),)), "server: nginx"),
        (Expected(headers=(("x-free", "1"),)), Expected(headers=(("x-less", "1"),)), "taken away"),
        (Expected(without_headers=("x-free",)), Expected(without_headers=("server",)), "without server"),
        (
            Expected(),
            Expected(without_headers=("x-envoy-upstream-service-time",)),
            "without x-envoy-upstream-service-time",
        ),
        (Expected(saw=ExpectedSight(path="/a")), Expected(saw=ExpectedSight(path="/b")), "path /b"),
        (Expected(saw=ExpectedSight(host="reviews:9080")), Expected(saw=ExpectedSight(host="x")), "host x"),
        (
            Expected(saw=ExpectedSight(principal=SIGHT.principal)),
            Expected(saw=ExpectedSight(principal="none")),
            "principal none",
        ),
        (
            Expected(saw=ExpectedSight(headers=(("x-set", "2"),))),
            Expected(saw=ExpectedSight(headers=(("x-set", "1"),))),
            "x-set: 1",
        ),
        (
            Expected(saw=ExpectedSight(without_headers=("x-gone",))),
            Expected(saw=ExpectedSight(without_headers=("x-set",))),
            "no x-set",
        ),
        (Expected(saw=ExpectedSight(headers=(("x-request-id", "1"),))), Expected(status=1), "status 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_promise_that_the_router_contradicts_is_named(kept: Expected, broken: Expected, named: str) -> None:
    assert promised(kept) == ""
    assert named in promised(broken)


def test_a_promise_about_what_a_workload_sees_needs_one() -> None:
    assert "promised that a workload sees it" in promised(Expected(saw=ExpectedSight(path="/a")), LOCAL)


def test_a_body_is_compared_where_the_proxy_makes_it() -> None:
    local = replace(LOCAL, body="RBAC: access denied")
    assert promised(Expected(body="denied"), local) == ""
    assert "predicted 'RBAC: access denied'" in promised(Expected(body="hello"), local)


def test_a_promise_must_hold_for_every_possible_outcome() -> None:
    half = replace(SERVED, probability=Fraction(1, 2))
    assert "predicted nobody" in promised(
        Expected(answered_by="reviews-v1"), half, replace(LOCAL, probability=Fraction(1, 2))
    )


def test_what_is_undefined_contradicts_nobody() -> None:
    undefined = Outcome(Kind.UNDEFINED, reason="Envoy refuses the table")
    assert promised(Expected(status=500), undefined) == ""
    assert differences(EXCHANGE, undefined) == ""


def test_the_judge_has_a_finding_about_the_router() -> None:
    case = CaseExpectation("case", Expected(status=200), Predicted(REQUEST, (SERVED,)))
    wrong = CaseExpectation("case", Expected(status=200), Predicted(REQUEST, (LOCAL,)))
    verdicts = [
        next(finding.verdict for finding in judge("id", [each], [EXCHANGE]) if finding.check == PREDICTED)
        for each in (case, wrong)
    ]
    assert verdicts == [Verdict.PASS, Verdict.VIOLATES]


def test_the_judge_gives_no_green_check_to_an_undefined_prediction() -> None:
    case = CaseExpectation("case", Expected(status=200), Predicted(REQUEST, (Outcome(Kind.UNDEFINED),)))
    assert PREDICTED not in {finding.check for finding in judge("id", [case], [EXCHANGE])}
