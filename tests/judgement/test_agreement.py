"""Two voices that agree are left alone; one sin in either of them is named."""

from __future__ import annotations

from fractions import Fraction

import pytest

from conformance.judgement.agreement import promise_against_router
from conformance.judgement.comparison import PREDICTED
from conformance.judgement.expectation import NOBODY, CaseExpectation, Expected, ExpectedSight, Predicted
from conformance.judgement.history import Answer, Exchange, Seen
from conformance.judgement.judge import judge
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
    200,
    (("x-answered-by", "reviews-v1"), ("server", "envoy"), ("x-more", "4"), ("x-envoy-upstream-service-time", "1")),
    "hello",
    "HTTP/1.1",
)
EXCHANGE = Exchange("t-1", "case", "client", "GET", "http://reviews:9080/a", (), 0.0, 0.6, ANSWER, None, (SEEN,))
REFUSED = Outcome(Kind.REFUSED, attempts=(0, 0))
LOCAL = Outcome(Kind.NO_ROUTE, status=404, body="", attempts=(0, 0), upstream_time=False)


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
        (Expected(takes=(0.5, 1)), Expected(takes=(0.6, 1)), "promised 0.6 to 1 s, predicted 0.5 s at least"),
        (Expected(takes=(0, 0.5)), Expected(takes=(0, 0.4)), "promised 0 to 0.4 s, predicted 0.5 s at least"),
        (Expected(arrivals=(("reviews-v1", 1),)), Expected(arrivals=()), "0 arrivals at reviews-v1, predicted 1"),
        (Expected(), Expected(arrivals=(("reviews-v1", 1), ("x", 1))), "1 arrivals at x, predicted 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_promise_that_the_router_contradicts_is_named(kept: Expected, broken: Expected, named: str) -> None:
    assert promised(kept) == ""
    assert named in promised(broken)


def test_attempts_and_copies_are_promised_within_what_is_possible() -> None:
    mirrors = (Mirror(Fraction(1), SIGHT._replace(workload="reviews-v3")), Mirror(Fraction(1, 2), SIGHT))
    tried = SERVED._replace(attempts=(2, 4), mirrors=mirrors)
    for count in (2, 5):
        assert promised(Expected(arrivals=(("reviews-v1", count), ("reviews-v3", 1))), tried) == ""
    assert "6 arrivals at reviews-v1, predicted 2 to 5" in promised(Expected(arrivals=(("reviews-v1", 6),)), tried)
    assert "0 arrivals at reviews-v3, predicted 1" in promised(Expected(arrivals=(("reviews-v1", 3),)), tried)


def test_a_promise_about_what_a_workload_sees_needs_one() -> None:
    assert "promised that a workload sees it" in promised(Expected(saw=ExpectedSight(path="/a")), LOCAL)


def test_a_body_is_compared_where_the_proxy_makes_it() -> None:
    local = LOCAL._replace(body="RBAC: access denied")
    assert promised(Expected(body="denied"), local) == ""
    assert "predicted 'RBAC: access denied'" in promised(Expected(body="hello"), local)


def test_a_promise_must_hold_for_every_possible_outcome() -> None:
    half = SERVED._replace(probability=Fraction(1, 2))
    assert "predicted nobody" in promised(
        Expected(answered_by="reviews-v1"), half, LOCAL._replace(probability=Fraction(1, 2))
    )


def test_what_is_undefined_contradicts_nobody() -> None:
    undefined = Outcome(Kind.UNDEFINED, reason="Envoy refuses the table")
    assert promised(Expected(status=500), undefined) == ""


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
