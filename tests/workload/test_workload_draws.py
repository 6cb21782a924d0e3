"""Draws: one request many times, over connections that are kept; held requests overlap, nothing is repeated."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from workload.draws import draws_from, run_draws
from workload.plans import PlanError

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextmanager
def _server(hold_every: int = 0, seconds: float = 0.0, answer: bytes = ANSWER) -> Iterator[tuple[int, list[int]]]:
    """Answers on kept connections; holds every so many requests. Beside its port, the requests of each connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=500)
    served: list[int] = []

    def serve(connection: socket.socket, place: int) -> None:
        with connection:
            while data := connection.recv(65536):
                served[place] += 1
                if hold_every and int(data.split(b"x-conformance-token: t-")[1][:5]) % hold_every == 0:
                    time.sleep(seconds)
                connection.sendall(answer)
                if answer != ANSWER:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            served.append(0)
            threading.Thread(target=serve, args=(connection, len(served) - 1), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], served
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def content(port: int, **changes: Any) -> dict[str, Any]:
    request = {"token": "t-", "method": "GET", "url": f"http://127.0.0.1:{port}/a?b=c", "headers": [["x", "y"]]}
    return {"plan": {"requests": [request]}, "first": 0, "count": 20, "connections": 1, **changes}


def test_one_connection_carries_all() -> None:
    with _server() as (port, served):
        answers: list[Any] = run_draws(draws_from(content(port, first=7)))
        assert [each["token"] for each in answers] == [f"t-{number:05d}" for number in range(7, 27)]
        assert served == [20]
    first = answers[0]["answer"]
    assert (first["status"], first["body"], first["body_cut"], first["http_version"]) == (200, "ok", False, "HTTP/1.1")


def test_what_is_held_holds_nobody_up() -> None:
    with _server(hold_every=10, seconds=1.5) as (port, _):
        begun = time.monotonic()
        answers: list[Any] = run_draws(draws_from(content(port, count=300, connections=60)))
        assert time.monotonic() - begun < 8
    late = [each["seconds"] >= 1.5 for each in answers]
    assert late == [number % 10 == 0 for number in range(300)]


def test_a_connection_that_is_closed_is_a_reset_and_the_next_request_has_another() -> None:
    with _server(answer=b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf") as (port, served):
        answers: list[Any] = run_draws(draws_from(content(port, count=3)))
    assert [each["failure"]["kind"] for each in answers] == ["reset"] * 3
    assert served == [1, 1, 1]


def test_nobody_there_and_no_http() -> None:
    with _server(answer=b"220 mail\r\n\r\n") as (port, _):
        answers: list[Any] = run_draws(draws_from(content(port, count=1)))
        assert answers[0]["failure"]["kind"] == "protocol"
    gone: list[Any] = run_draws(draws_from(content(port, count=1)))
    assert gone[0]["failure"]["kind"] == "connection"


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": True},
        {"connections": 501},
        {"first": -1},
        {"plan": {"requests": []}},
        {"plan": {"requests": [{"token": "t", "method": "GET", "url": "https://a/"}]}},
        {"more": 1},
    ],
)
def test_content_that_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        draws_from(content(80, **wrong))
