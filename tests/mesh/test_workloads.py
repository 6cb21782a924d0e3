"""What the harness makes of the collector's answers. The API server is played."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from conformance.mesh.workloads import Pod, Question, Workloads

COLLECTOR = {
    "metadata": {"name": "collector-1", "namespace": "conformance-system", "labels": {"app": "collector"}},
    "spec": {"containers": [{"name": "collector"}]},
    "status": {"podIP": "10.0.0.9"},
}
REVIEWS = Pod("default", "reviews-1", "10.0.0.1", "reviews", "reviews-v1", has_proxy=True)
DETAILS = Pod("default", "details-1", "fd00::1", "details", "details-v1", has_proxy=True)


class FakeApi:
    """Answers for the collector; `asks` is what it was asked last."""

    def __init__(self, *answers: object) -> None:
        self.answers = answers
        self.asks: list[dict[str, Any]] = []

    def items(self, *_: str) -> list[object]:
        return [COLLECTOR]

    def safe_pod_proxy(self, _: str, pod: str, __: int, ___: str, body: dict[str, Any], **____: float) -> bytes:
        assert pod == "collector-1"
        self.asks = body["asks"]
        return json.dumps({"answers": self.answers}).encode()


def answered(body: object, status: int = 200) -> dict[str, object]:
    return {"status": status, "body": json.dumps(body)}


def test_journals_are_asked_for_at_the_pods_own_addresses() -> None:
    api = FakeApi(answered({"entries": [{"token": "a"}]}), answered({"entries": []}))

    assert Workloads(cast("Any", api)).journals([REVIEWS, DETAILS], "a") == [[{"token": "a"}], []]
    assert [ask["url"] for ask in api.asks] == [
        "http://10.0.0.1:9900/journal?prefix=a",
        "http://[fd00::1]:9900/journal?prefix=a",
    ]


@pytest.mark.parametrize("silence", [{"error": "no answer"}, answered("not now", status=503)])
def test_a_workload_that_does_not_say_has_not_seen_nothing(silence: object) -> None:
    workloads = Workloads(cast("Any", FakeApi(answered({"entries": []}), silence)))

    with pytest.raises(ConnectionError, match="no journal from details-1"):
        workloads.journals([REVIEWS, DETAILS], "a")


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        (answered({"answers": [{"status": 200, "body": "token"}]}), "token"),
        (answered({"answers": [{"status": 404, "body": "nothing"}]}), None),
        (answered({"answers": [{"error": "no answer"}]}), None),
        ({"error": "no answer"}, None),
    ],
)
def test_a_question_that_another_pod_asks_has_the_answer_that_pod_got(told: object, answer: str | None) -> None:
    api = FakeApi(told)

    assert Workloads(cast("Any", api)).answer(Question("http://a/", {"Host": "b"}, by=REVIEWS)) == answer
    assert api.asks[0]["url"] == "http://10.0.0.1:9900/ask"
    assert json.loads(api.asks[0]["body"]) == {"asks": [{"url": "http://a/", "headers": [["Host", "b"]]}]}


def test_nothing_is_asked_when_there_is_no_question() -> None:
    assert Workloads(cast("Any", None)).answers([]) == []
