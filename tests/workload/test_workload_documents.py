"""A workload that serves documents answers what it was told, counts who asked, and knows nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workload.workload_process import WorkloadProcess, running


@pytest.fixture(scope="module")
def keys() -> Iterator[WorkloadProcess]:
    with running("keys", SERVES="documents") as process:
        yield process


def put(keys: WorkloadProcess, path: str, body: str, status: int = 200) -> None:
    reply = keys.control("PUT", "/documents", {path: {"status": status, "body": body}})
    assert reply.status == 200, reply.body


def test_a_document_is_served_as_it_was_put(keys: WorkloadProcess) -> None:
    put(keys, "/served/a@b", '{"keys": []}')

    assert keys.get("/served/a@b").body == b'{"keys": []}'
    assert keys.get("/served/a@b?x=1").status == 200


def test_what_nobody_put_there_is_not_found(keys: WorkloadProcess) -> None:
    reply = keys.get("/nothing")

    assert (reply.status, reply.body) == (404, b"")


def test_a_server_can_be_told_to_fail(keys: WorkloadProcess) -> None:
    put(keys, "/failing", "", status=503)

    assert keys.get("/failing").status == 503


def test_fetches_are_counted_since_the_document_is_as_it_is(keys: WorkloadProcess) -> None:
    put(keys, "/counted", "one")
    keys.get("/counted")
    keys.get("/counted")
    put(keys, "/counted", "one")
    assert keys.control("GET", "/documents").content["/counted"] == {"status": 200, "fetches": 2}

    put(keys, "/counted", "two")
    assert keys.control("GET", "/documents").content["/counted"] == {"status": 200, "fetches": 0}
    assert keys.get("/counted").body == b"two"


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"no-slash": {"status": 200, "body": ""}},
        {"/a": {"status": 100, "body": ""}},
        {"/a": {"status": 200}},
        {"/a": {"status": 200, "body": "", "more": 1}},
    ],
)
def test_what_is_no_set_of_documents_is_refused_and_changes_nothing(keys: WorkloadProcess, content: object) -> None:
    before = keys.control("GET", "/documents").content

    assert keys.control("PUT", "/documents", content).status == 400
    assert keys.control("GET", "/documents").content == before


def test_a_workload_that_serves_itself_takes_no_documents(reviews: WorkloadProcess) -> None:
    assert reviews.control("PUT", "/documents", {"/a": {"status": 200, "body": ""}}).status == 400
