"""Flows: what is sent while somebody changes the configuration, and which moment each request belongs to."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from workload.flows import beginning_from, passing_from
from workload.plans import PlanError

from tests.workload.workload_process import WorkloadProcess

REQUEST = {"token": "f", "method": "GET", "url": "http://a.example/"}


def _begin(workload: WorkloadProcess, name: str, **options: Any) -> int:
    plan = {"requests": [{**REQUEST, "token": name, "url": options.pop("url", workload.url("/x"))}], **options}
    reply = workload.control("POST", f"/flow/{name}", {"plan": plan, "pause_seconds": 0.001, "moment": "before"})
    return reply.status


def _pass_on(workload: WorkloadProcess, name: str, moment: str, least: int) -> int:
    requests: int = workload.control("PATCH", f"/flow/{name}", {"moment": moment, "least": least}).content["requests"]
    return requests


def _end(workload: WorkloadProcess, name: str, least: int) -> list[dict[str, Any]]:
    reply = workload.control("DELETE", f"/flow/{name}", {"moment": "after", "least": least})
    answers: list[dict[str, Any]] = reply.content["answers"]
    return answers


def test_every_request_carries_the_moments_at_which_it_began_and_ended(reviews: WorkloadProcess) -> None:
    assert _begin(reviews, "moments") == 200
    before = _pass_on(reviews, "moments", "during", least=5)
    during = _pass_on(reviews, "moments", "after", least=3)
    answers = _end(reviews, "moments", least=4)

    order = ["before", "during", "after"]
    moments = [moment for answer in answers for moment in answer["moments"]]
    assert moments == sorted(moments, key=order.index), "moments follow one another"
    counts = Counter(begun for begun, ended in (answer["moments"] for answer in answers) if begun == ended)
    assert before >= 5
    assert during >= 3
    assert counts["before"] >= before
    assert counts["after"] >= 4


def test_each_request_has_a_token_of_its_own_and_arrives_once(reviews: WorkloadProcess) -> None:
    _begin(reviews, "tokens")
    answers = _end(reviews, "tokens", least=5)

    tokens = [answer["token"] for answer in answers]
    assert tokens == [f"tokens-{number:05d}" for number in range(1, len(tokens) + 1)]
    assert [entry["token"] for entry in reviews.entries("tokens-")] == tokens
    assert {answer["answer"]["status"] for answer in answers} == {200}


def test_a_flow_on_a_kept_connection_is_a_flow(reviews: WorkloadProcess) -> None:
    _begin(reviews, "kept", connection="kept")
    assert len(_end(reviews, "kept", least=5)) >= 5


def test_what_fails_is_an_answer_of_the_flow_too(reviews: WorkloadProcess) -> None:
    _begin(reviews, "failing", url="http://127.0.0.1:1/")
    assert {answer["failure"]["kind"] for answer in _end(reviews, "failing", least=3)} == {"connection"}


def test_a_flow_that_has_ended_is_forgotten_and_sends_nothing_more(reviews: WorkloadProcess) -> None:
    _begin(reviews, "ended")
    answers = _end(reviews, "ended", least=1)
    again = reviews.control("DELETE", "/flow/ended", {"moment": "after", "least": 1})
    assert again.status == 400
    assert "no flow 'ended'" in again.content["error"]
    assert len(reviews.entries("ended-")) == len(answers)


def test_two_flows_of_one_name_are_refused(reviews: WorkloadProcess) -> None:
    assert _begin(reviews, "twice") == 200
    assert _begin(reviews, "twice") == 400
    _end(reviews, "twice", least=1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"plan": {"requests": []}}, "a plan of one request"),
        ({"plan": {"requests": [REQUEST, REQUEST]}}, "a plan of one request"),
        ({"pause_seconds": -1}, "pause_seconds"),
        ({"pause_seconds": True}, "pause_seconds"),
        ({"moment": "Before"}, "moment"),
        ({"moment": None}, "moment"),
        ({"other": 1}, "expected only moment, pause_seconds, plan, found other"),
    ],
)
def test_a_faulty_beginning_is_refused(change: dict[str, Any], problem: str) -> None:
    beginning = {"plan": {"requests": [REQUEST]}, "pause_seconds": 0, "moment": "before", **change}
    with pytest.raises(PlanError, match=problem):
        beginning_from(beginning, "name")


@pytest.mark.parametrize("name", ["", "a/b", "a" * 65, "a b"])
def test_a_faulty_name_is_refused(name: str) -> None:
    with pytest.raises(PlanError, match="name"):
        beginning_from({"plan": {"requests": [REQUEST]}, "pause_seconds": 0, "moment": "before"}, name)


@pytest.mark.parametrize("content", [{}, {"moment": "after"}, {"moment": "after", "least": -1}, [], None])
def test_a_faulty_passing_is_refused(content: object) -> None:
    with pytest.raises(PlanError):
        passing_from(content)
