"""A workload asks others on the harness's behalf, and tells what each of them said."""

from __future__ import annotations

import json

import pytest

from tests.workload.workload_process import WorkloadProcess


def asked(workload: WorkloadProcess, *asks: object) -> list[dict[str, object]]:
    reply = workload.control("POST", "/ask", {"asks": [*asks]})
    assert reply.status == 200, reply.body
    answers: list[dict[str, object]] = reply.content["answers"]
    return answers


def test_each_ask_has_its_own_answer_in_their_order(reviews: WorkloadProcess) -> None:
    control = f"http://127.0.0.1:{reviews.control_port}"

    found, missing, silent = asked(
        reviews, {"url": f"{control}/healthz"}, {"url": f"{control}/nothing"}, {"url": "http://127.0.0.1:1/"}
    )

    assert found == {"status": 200, "body": '{"status": "ready"}'}
    assert missing["status"] == 404
    assert "no answer from 127.0.0.1:1: ConnectionRefusedError" in str(silent["error"])


def test_headers_are_sent(reviews: WorkloadProcess) -> None:
    headers = [["x-conformance-token", "asked-1"], ["Host", "sentinel.example"]]
    asked(reviews, {"url": reviews.url("/reviews/0"), "headers": headers})

    (entry,) = reviews.entries("asked-1")
    assert (entry["host"], entry["method"]) == ("sentinel.example", "GET")


def test_an_ask_with_a_body_is_posted_so_that_others_can_ask_too(reviews: WorkloadProcess) -> None:
    control = f"http://127.0.0.1:{reviews.control_port}"
    inner = {"asks": [{"url": f"{control}/healthz"}]}

    (outer,) = asked(reviews, {"url": f"{control}/ask", "body": json.dumps(inner)})

    assert json.loads(str(outer["body"])) == {"answers": [{"status": 200, "body": '{"status": "ready"}'}]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "expected also asks"),
        ({"asks": "all"}, "asks: expected a list"),
        ({"asks": [{"url": "https://a/"}]}, "asks[0].url: expected an http URL"),
        ({"asks": [{"url": "http://:80/"}]}, "asks[0].url: expected a host"),
        ({"asks": [{"url": "http://a/", "body": 1}]}, "asks[0].body: expected text or null"),
        ({"asks": [{"url": "http://a/", "method": "PUT"}]}, "asks[0]: expected only body, headers, url, found method"),
        ({"asks": [{"url": "http://a/"}] * 1001}, "at most 1000"),
    ],
)
def test_anything_else_is_refused_with_its_place(reviews: WorkloadProcess, content: object, expected: str) -> None:
    reply = reviews.control("POST", "/ask", content)

    assert reply.status == 400
    assert expected in reply.content["error"]
