"""One sin each: an exchange that is as predicted but for one thing is convicted of that thing and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from conformance.judgement.comparison import compare, ended
from conformance.judgement.history import Answer, Exchange, Failure, FailureKind, Seen
from conformance.router.prediction import Kind, Mirror, Outcome, Sight
from conformance.router.request import Request

PRINCIPAL = "spiffe://cluster.local/ns/arena-0/sa/client"
REQUEST = Request(client="arena-0/client", host="a", port=80, path="/x", headers=(("X-A", "1"), ("x-b", "2")))
SIGHT = Sight(
    workload="a-v1",
    namespace="arena-0",
    pod="a-v1-0",
    address="10.0.0.1",
    port=8080,
    method="GET",
    path="/new",
    host="a",
    set_headers=(("x-set", "set"),),
    added_headers=(("x-a", "added"),),
    removed_headers=("x-b",),
    principal=PRINCIPAL,
)
OUTCOME = Outcome(
    kind=Kind.UPSTREAM,
    status=200,
    sight=SIGHT,
    response_set=(("x-version", "1"),),
    response_added=(("x-more", "2"),),
    response_removed=("x-gone",),
    upstream_time=True,
    at_least=0.2,
)
SEEN = Seen(
    workload="a-v1",
    pod="a-v1-0",
    method="GET",
    path="/new",
    host="a",
    headers=(("x-a", "1"), ("x-a", "added"), ("x-set", "set"), ("user-agent", "conformance-workload")),
    principal=PRINCIPAL,
    at=1.0,
)
ANSWER = Answer(
    status=200,
    headers=(
        ("x-answered-by", "a-v1"),
        ("X-Version", "1"),
        ("x-more", "1"),
        ("x-more", "2"),
        ("x-envoy-upstream-service-time", "3"),
    ),
    body="{}",
    http_version="HTTP/1.1",
)
EXCHANGE = Exchange(
    token="t",
    case="t",
    client="arena-0/client",
    method="GET",
    url="http://a/x",
    headers=REQUEST.headers,
    started=0.0,
    seconds=0.3,
    answer=ANSWER,
    failure=None,
    seen=(SEEN,),
)


def aspects(exchange: Exchange, *outcomes: Outcome, request: Request = REQUEST) -> list[str]:
    return [each.aspect for each in compare(outcomes or (OUTCOME,), request, exchange).differences]


def without(headers: tuple[tuple[str, str], ...], name: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in headers if pair[0].lower() != name)


def test_what_is_as_predicted_has_no_differences() -> None:
    found = compare((OUTCOME,), REQUEST, EXCHANGE)
    assert found.differences == ()
    assert found.nearest == OUTCOME


ANSWERS = {
    "end": replace(ANSWER, status=503),
    "answer's x-answered-by": replace(
        ANSWER, headers=(*without(ANSWER.headers, "x-answered-by"), ("x-answered-by", "b"))
    ),
    "answer's x-version": replace(ANSWER, headers=without(ANSWER.headers, "x-version")),
    "answer's x-more": replace(ANSWER, headers=(*without(ANSWER.headers, "x-more"), ("x-more", "1"))),
    "answer's x-gone": replace(ANSWER, headers=(*ANSWER.headers, ("x-gone", "still here"))),
    "answer's x-envoy-upstream-service-time": replace(
        ANSWER, headers=without(ANSWER.headers, "x-envoy-upstream-service-time")
    ),
}


@pytest.mark.parametrize("aspect", ANSWERS)
def test_one_thing_about_the_answer(aspect: str) -> None:
    assert aspects(replace(EXCHANGE, answer=ANSWERS[aspect])) == [aspect]


SIGHTS = {
    "method": replace(SEEN, method="POST"),
    "path": replace(SEEN, path="/x"),
    "host": replace(SEEN, host="b"),
    "principal": replace(SEEN, principal=None),
    "header x-set": replace(SEEN, headers=without(SEEN.headers, "x-set")),
    "header x-a": replace(SEEN, headers=(*without(SEEN.headers, "x-a"), ("x-a", "1"))),
    "header x-b": replace(SEEN, headers=(*SEEN.headers, ("x-b", "2"))),
}


@pytest.mark.parametrize("aspect", SIGHTS)
def test_one_thing_about_what_the_workload_saw(aspect: str) -> None:
    assert aspects(replace(EXCHANGE, seen=(SIGHTS[aspect],))) == [aspect]


def test_a_workload_that_was_not_predicted() -> None:
    stranger = replace(SEEN, workload="b-v1", pod="b-v1-0")
    assert aspects(replace(EXCHANGE, seen=(SEEN, stranger))) == ["seen by"]


def test_a_request_at_another_workload_is_named() -> None:
    assert "seen by" in aspects(replace(EXCHANGE, seen=(replace(SEEN, workload="b-v1"),)))


@pytest.mark.parametrize("count", [0, 2])
def test_too_rarely_or_too_often(count: int) -> None:
    assert aspects(replace(EXCHANGE, seen=(SEEN,) * count)) == ["times seen"]


def test_retries_are_within_bounds() -> None:
    outcome = OUTCOME._replace(attempts=(1, 3))
    assert aspects(replace(EXCHANGE, seen=(SEEN,) * 3), outcome) == []
    assert aspects(replace(EXCHANGE, seen=(SEEN,) * 4), outcome) == ["times seen"]


def test_an_answer_before_its_time() -> None:
    assert aspects(replace(EXCHANGE, seconds=0.1)) == ["seconds"]


def test_a_failure_instead_of_an_answer() -> None:
    assert aspects(replace(EXCHANGE, answer=None, failure=Failure("reset", ""))) == ["end"]


DENIED = Outcome(kind=Kind.RBAC_DENIED, status=403, body="RBAC: access denied", attempts=(0, 0))
REFUSAL = Answer(403, (), "RBAC: access denied", "HTTP/1.1")


def test_the_body_that_a_proxy_makes() -> None:
    denied = replace(EXCHANGE, answer=REFUSAL, seen=())
    assert aspects(denied, DENIED) == []
    assert aspects(replace(denied, answer=replace(REFUSAL, body="no")), DENIED) == ["body"]
    assert aspects(replace(denied, answer=replace(REFUSAL, body="")), DENIED) == ["body"]
    assert (
        aspects(replace(denied, answer=replace(REFUSAL, body="")), DENIED, request=replace(REQUEST, method="HEAD"))
        == []
    )


def test_of_a_503_the_beginning_counts_and_an_empty_body_is_empty() -> None:
    missing = Outcome(kind=Kind.CLUSTER_MISSING, status=503, body="", attempts=(0, 0))
    broken = Outcome(kind=Kind.CONNECT_FAIL, status=503, body="upstream connect error", attempts=(0, 0))
    answer = Answer(503, (), "upstream connect error or disconnect", "HTTP/1.1")
    assert aspects(replace(EXCHANGE, answer=answer, seen=()), broken) == []
    assert aspects(replace(EXCHANGE, answer=answer, seen=()), missing) == ["body"]


@pytest.mark.parametrize(
    ("kind", "seen_as"),
    [
        (Kind.REFUSED, ["connection"]),
        (Kind.RESET_PLAINTEXT, ["reset"]),
        (Kind.TLS_REFUSED, ["tls", "reset"]),
        (Kind.BLACKHOLE_TCP, ["reset", "protocol", "tls"]),
        (Kind.CLOSED, ["reset", "protocol", "tls"]),
        (Kind.DNS_FAILURE, ["name"]),
    ],
)
def test_how_a_client_sees_outcomes_without_an_answer(kind: Kind, seen_as: list[str]) -> None:
    every: list[FailureKind] = ["connection", "reset", "tls", "name", "timeout", "protocol"]
    outcome = Outcome(kind=kind, attempts=(0, 0))
    for failure in every:
        exchange = replace(EXCHANGE, answer=None, failure=Failure(failure, ""), seen=())
        assert aspects(exchange, outcome) == ([] if failure in seen_as else ["end"])
    assert aspects(replace(EXCHANGE, seen=()), outcome) == ["end"]


def test_any_outcome_with_a_chance_may_come_true_and_none_without() -> None:
    other = OUTCOME._replace(sight=SIGHT._replace(workload="a-v2", pod="a-v2-0"), probability=Fraction(1, 2))
    half = OUTCOME._replace(probability=Fraction(1, 2))
    assert aspects(EXCHANGE, other, half) == []
    assert aspects(EXCHANGE, other, OUTCOME._replace(probability=Fraction(0))) != []


def test_the_nearest_outcome_is_the_one_that_is_blamed() -> None:
    found = compare((DENIED, OUTCOME), REQUEST, replace(EXCHANGE, seconds=0.1))
    assert found.nearest == OUTCOME
    assert [each.aspect for each in found.differences] == ["seconds"]


def test_the_undefined_matches_anything_and_is_told_apart() -> None:
    undefined = Outcome(kind=Kind.UNDEFINED, probability=Fraction(1, 2), reason="nobody knows")
    found = compare((undefined, DENIED._replace(probability=Fraction(1, 2))), REQUEST, EXCHANGE)
    assert found.is_undefined
    assert found.differences == ()
    assert found.nearest == undefined


MIRRORED = SIGHT._replace(workload="b-v1", pod="b-v1-0", host="b")
COPY = replace(SEEN, workload="b-v1", pod="b-v1-0", host="b")


def test_a_copy_that_is_sure_must_arrive() -> None:
    outcome = OUTCOME._replace(mirrors=(Mirror(Fraction(1), MIRRORED),))
    assert aspects(replace(EXCHANGE, seen=(SEEN, COPY)), outcome) == []
    assert aspects(EXCHANGE, outcome) == ["mirror"]
    assert aspects(replace(EXCHANGE, seen=(SEEN, replace(COPY, host="a"))), outcome) == ["host"]


def test_a_copy_that_is_possible_may_arrive() -> None:
    outcome = OUTCOME._replace(mirrors=(Mirror(Fraction(1, 2), MIRRORED),))
    assert aspects(replace(EXCHANGE, seen=(SEEN, COPY)), outcome) == []
    assert aspects(EXCHANGE, outcome) == []


def test_a_copy_to_the_same_pod_is_no_second_attempt() -> None:
    outcome = OUTCOME._replace(mirrors=(Mirror(Fraction(1), SIGHT),))
    assert aspects(replace(EXCHANGE, seen=(SEEN, SEEN)), outcome) == []


def test_a_header_that_is_set_and_added() -> None:
    outcome = OUTCOME._replace(response_set=(("x-more", "1"),), response_removed=())
    assert aspects(EXCHANGE, outcome) == []


def test_a_removed_name_of_the_workload_is_missing() -> None:
    outcome = OUTCOME._replace(response_removed=("x-answered-by",))
    assert aspects(EXCHANGE, outcome) == ["answer's x-answered-by"]
    nameless = replace(ANSWER, headers=without(ANSWER.headers, "x-answered-by"))
    assert aspects(replace(EXCHANGE, answer=nameless), outcome) == []


def test_how_it_ended_in_words() -> None:
    assert ended(EXCHANGE) == "200 by a workload"
    assert ended(replace(EXCHANGE, answer=REFUSAL)) == "403 by a proxy"
    assert ended(replace(EXCHANGE, answer=None, failure=Failure("name", ""))) == "a failure of kind name"
