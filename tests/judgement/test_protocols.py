"""Answers that are none of HTTP: one record without sin, and what each check and the router say of one with a sin."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from conformance.judgement.agreement import promise_against_router
from conformance.judgement.calls import CALL_HEADERS
from conformance.judgement.comparison import compare
from conformance.judgement.expectation import CaseExpectation, Expected, ExpectedSight, Predicted
from conformance.judgement.history import Answer, Exchange, Failure, Seen
from conformance.judgement.judge import judge
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Request

STREAM = Exchange(
    token="t-1",
    case="stream",
    client="client",
    method="TCP",
    url="tcp://echo:9000",
    headers=(),
    started=1.0,
    seconds=0.01,
    answer=Answer(None, (("x-answered-by", "echo-v1"),), "hello", ""),
    failure=None,
    seen=(Seen("echo-v1", "echo-v1-abc", "", "", "", (), None, 1.0),),
)
CALL = replace(
    STREAM,
    token="t-2",
    case="call",
    method="POST",
    url="grpc://echo:50051/a.B/C",
    answer=Answer(None, (("x-answered-by", "echo-v1"),), "{}", "2", (("grpc-status", "0"), ("x-testimony", "echo-v1"))),
    seen=(Seen("echo-v1", "echo-v1-abc", "POST", "/a.B/C", "echo:50051", (), None, 1.0, http_version="2"),),
)
STREAM_CASE = CaseExpectation("stream", Expected(answered_by="echo-v1", body="hello"))
CALL_CASE = CaseExpectation(
    "call",
    Expected(
        answered_by="echo-v1",
        grpc_status=0,
        trailers=(("x-testimony", "echo-v1"),),
        saw=ExpectedSight(http_version="2"),
    ),
)
REFUSED = {"answer": None, "failure": Failure("reset", "closed"), "seen": ()}


def guilty(stream: Exchange = STREAM, call: Exchange = CALL) -> set[str]:
    findings = judge("area/one", (STREAM_CASE, CALL_CASE), (stream, call))
    return {finding.check for finding in findings if not finding.verdict.is_green}


def changed(exchange: Exchange, **changes: object) -> Exchange:
    assert exchange.answer
    return replace(exchange, answer=replace(exchange.answer, **changes))  # type: ignore[arg-type]


def test_answers_without_sin_are_acquitted() -> None:
    assert guilty() == set()


@pytest.mark.parametrize(
    ("stream", "checks"),
    [
        (replace(STREAM, **REFUSED), {"answered-by", "body"}),  # type: ignore[arg-type]
        (changed(STREAM, body="bye"), {"body"}),
        (changed(STREAM, headers=()), {"answered-by"}),
        (replace(STREAM, seen=(*STREAM.seen, *STREAM.seen)), {"arrives-once"}),
    ],
)
def test_one_sin_of_a_stream_is_convicted(stream: Exchange, checks: set[str]) -> None:
    assert guilty(stream=stream) == checks


@pytest.mark.parametrize(
    ("call", "checks"),
    [
        (changed(CALL, trailers=(("grpc-status", "5"), ("x-testimony", "echo-v1"))), {"grpc-status"}),
        (changed(CALL, trailers=(("x-testimony", "echo-v1"),)), {"grpc-status"}),
        (changed(CALL, trailers=(("grpc-status", "0"),)), {"trailers"}),
        (changed(CALL, trailers=(("grpc-status", "0"), ("x-testimony", "echo-v2"))), {"trailers"}),
        (replace(CALL, seen=(replace(CALL.seen[0], http_version="1.1"),)), {"saw-http-version"}),
        (
            replace(CALL, **REFUSED),  # type: ignore[arg-type]
            {"grpc-status", "trailers", "answered-by", "saw-http-version"},
        ),
    ],
)
def test_one_sin_of_a_call_is_convicted(call: Exchange, checks: set[str]) -> None:
    assert guilty(call=call) == checks


# --- router and mesh --------------------------------------------------------------------------------------------------

TCP = Request(client="default/client", host="echo", port=9000, scheme="tcp")
GRPC = Request(
    client="default/client",
    host="echo",
    port=50051,
    method="POST",
    path="/a.B/C",
    headers=CALL_HEADERS,
    http_version="2",
)
SEEN = replace(CALL.seen[0], headers=CALL_HEADERS)
REACHED = replace(CALL, seen=(SEEN,))


def _at(workload: str, request: Request, status: int | None) -> Outcome:
    method, path, host = ("POST", "/a.B/C", "echo:50051") if request is GRPC else ("", "", "")
    sight = Sight(workload, "default", f"{workload}-abc", "10.0.0.1", request.port, method, path, host)
    return Outcome(Kind.UPSTREAM, Fraction(1), status, sight=sight)


def _proxys(kind: Kind, status: int | None) -> Outcome:
    return Outcome(kind, Fraction(1), status, attempts=(0, 0))


def _local(status: str) -> Exchange:
    return replace(CALL, answer=Answer(None, (), "", "2", (("grpc-status", status),)), seen=())


@pytest.mark.parametrize(
    ("outcome", "request_", "exchange"),
    [
        (_at("echo-v1", TCP, None), TCP, STREAM),
        (_proxys(Kind.CLOSED, None), TCP, replace(STREAM, **REFUSED)),  # type: ignore[arg-type]
        (
            _proxys(Kind.BAD_REQUEST, 400),
            TCP,
            replace(STREAM, answer=Answer(None, (), "HTTP/1.1 400 Bad Request", ""), seen=()),
        ),
        (_at("echo-v1", GRPC, 200), GRPC, REACHED),
        (_proxys(Kind.NO_ROUTE, 404), GRPC, _local("12")),
        (_proxys(Kind.NO_ENDPOINTS, 503), GRPC, _local("14")),
        (_proxys(Kind.FAULT_ABORT, 200), GRPC, _local("7")),
    ],
)
def test_what_the_router_predicts_comes_true(outcome: Outcome, request_: Request, exchange: Exchange) -> None:
    assert compare((outcome,), request_, exchange).differences == ()


@pytest.mark.parametrize(
    ("outcome", "request_", "exchange"),
    [
        (_at("echo-v2", TCP, None), TCP, STREAM),
        (_at("echo-v1", TCP, None), TCP, replace(STREAM, **REFUSED)),  # type: ignore[arg-type]
        (_at("echo-v1", TCP, None), TCP, changed(STREAM, headers=())),
        (_proxys(Kind.CLOSED, None), TCP, STREAM),
        (_proxys(Kind.BAD_REQUEST, 400), TCP, STREAM),
        (_at("echo-v2", GRPC, 200), GRPC, REACHED),
        (_at("echo-v1", GRPC, 200), GRPC, _local("14")),
        (_proxys(Kind.NO_ROUTE, 404), GRPC, _local("14")),
        (_proxys(Kind.NO_ROUTE, 404), GRPC, REACHED),
        (_proxys(Kind.NO_ROUTE, 404), GRPC, replace(CALL, **REFUSED)),  # type: ignore[arg-type]
    ],
)
def test_another_end_than_the_router_predicts_is_told(outcome: Outcome, request_: Request, exchange: Exchange) -> None:
    assert compare((outcome,), request_, exchange).differences


@pytest.mark.parametrize(
    ("expected", "outcome", "agrees"),
    [
        (Expected(grpc_status=12), _proxys(Kind.NO_ROUTE, 404), True),
        (Expected(grpc_status=0), _proxys(Kind.NO_ROUTE, 404), False),
        (Expected(grpc_status=5), _at("echo-v1", GRPC, 200), True),
        (Expected(grpc_status=7), _proxys(Kind.FAULT_ABORT, 200), True),
        (Expected(grpc_status=0, answered_by="echo-v2"), _at("echo-v1", GRPC, 200), False),
    ],
)
def test_a_promise_about_a_call_is_held_against_the_router(
    expected: Expected, outcome: Outcome, *, agrees: bool
) -> None:
    assert (not promise_against_router(expected, Predicted(GRPC, (outcome,)))) is agrees
