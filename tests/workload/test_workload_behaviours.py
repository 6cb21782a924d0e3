"""What a workload was told to do with the requests of one scenario, and that others do not notice."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

import pytest

from tests.workload.workload_process import Reply, WorkloadProcess


@pytest.fixture
def slow(reviews: WorkloadProcess) -> Iterator[WorkloadProcess]:
    yield reviews
    assert reviews.control("DELETE", "/behaviour?prefix=").status == 200


def told(process: WorkloadProcess, prefix: str, **how: object) -> None:
    assert process.control("PUT", "/behaviour", {"prefix": prefix, **how}).status == 200


def ask(process: WorkloadProcess, token: str) -> Reply:
    return process.get("/", {"x-conformance-token": token})


def test_a_status_is_answered_with_the_identity_and_journalled(slow: WorkloadProcess) -> None:
    told(slow, "fails-", status=503)
    reply = ask(slow, "fails-1")
    assert (reply.status, reply.content["workload"], len(slow.entries("fails-1"))) == (503, "reviews-v1", 1)


def test_seconds_pass_before_the_answer(slow: WorkloadProcess) -> None:
    told(slow, "thinks-", seconds=0.3)
    begun = time.monotonic()
    assert ask(slow, "thinks-1").status == 200
    assert time.monotonic() - begun >= 0.3


def test_a_reset_is_no_answer(slow: WorkloadProcess) -> None:
    told(slow, "resets-", resets=True)
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(slow, "resets-1")
    assert len(slow.entries("resets-1")) == 1


def test_only_the_first_arrivals_of_each_token_fail(slow: WorkloadProcess) -> None:
    told(slow, "twice-", status=500, first=2)
    assert [ask(slow, "twice-1").status for _ in range(4)] == [500, 500, 200, 200]
    assert ask(slow, "twice-2").status == 500


def test_other_requests_are_answered_as_always(slow: WorkloadProcess) -> None:
    told(slow, "mine-", status=503)
    assert ask(slow, "yours-1").status == 200
    assert slow.get("/").status == 200


def test_the_longest_prefix_counts(slow: WorkloadProcess) -> None:
    told(slow, "all-0001", status=404)
    told(slow, "all-", status=503)
    assert (ask(slow, "all-0001").status, ask(slow, "all-0002").status) == (404, 503)


def test_what_is_forgotten_applies_no_more(slow: WorkloadProcess) -> None:
    told(slow, "gone-", status=503)
    told(slow, "gone-1", status=404)
    assert slow.control("DELETE", "/behaviour?prefix=gone-").content == {"removed": 2}
    assert ask(slow, "gone-1").status == 200


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"prefix": ""},
        {"prefix": "a", "seconds": -1},
        {"prefix": "a", "seconds": 61},
        {"prefix": "a", "status": 100},
        {"prefix": "a", "status": True},
        {"prefix": "a", "resets": 1},
        {"prefix": "a", "first": 0},
        {"prefix": "a", "mood": "bad"},
        [],
    ],
)
def test_what_is_no_behaviour_is_refused(slow: WorkloadProcess, content: object) -> None:
    assert slow.control("PUT", "/behaviour", content).status == 400


def test_requests_at_once_overlap(slow: WorkloadProcess) -> None:
    told(slow, "together-", seconds=0.5)
    begun = time.monotonic()
    requests = [{"token": f"together-{number}", "url": slow.url()} for number in range(10)]
    answers = slow.answers(*requests, at_once=True)
    assert [answer["token"] for answer in answers] == [f"together-{number}" for number in range(10)]
    assert all(answer["seconds"] >= 0.5 for answer in answers)
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("options", [{"at_once": 1}, {"at_once": True, "connection": "kept"}])
def test_a_plan_that_cannot_be_sent_at_once_is_refused(slow: WorkloadProcess, options: dict[str, object]) -> None:
    assert slow.control("POST", "/plan", {"requests": [], **options}).status == 400
