"""The load of the bench: what counts as a request, what as a failure, and that a connection is kept."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from workload.load import Load, run_load

KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CLOSED = b"HTTP/1.1 503 Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"
NONSENSE = b"SSH-2.0-OpenSSH\r\n"


@contextmanager
def server(answer: bytes) -> Iterator[tuple[str, list[list[bytes]]]]:
    """Says this to each request, and hangs up after anything but KEPT; the requests of each connection."""
    served: list[list[bytes]] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            requests: list[bytes] = []
            served.append(requests)
            while request := self.request.recv(65536):
                requests.append(request)
                self.request.sendall(answer)
                if answer != KEPT:
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}/a?b", served
        listening.shutdown()


def test_each_connection_carries_all_of_its_requests() -> None:
    with server(KEPT) as (url, served):
        result = run_load(Load(url, connections=2, seconds=0.2))

    assert (len(served), result["requests"], result["failures"]) == (2, sum(map(len, served)), 0)
    assert result["statuses"] == {"200": result["requests"]}


def test_a_server_that_says_it_will_close_has_answered() -> None:
    with server(CLOSED) as (url, served):
        result = run_load(Load(url, connections=1, seconds=0.1))

    assert (result["requests"], result["failures"]) == (len(served), 0)
    assert result["statuses"] == {"503": len(served)}


@pytest.mark.parametrize("answer", [CUT, NONSENSE], ids=["cut", "nonsense"])
def test_an_answer_that_is_none_is_a_failure_and_no_request(answer: bytes) -> None:
    with server(answer) as (url, served):
        result = run_load(Load(url, connections=1, seconds=0.1))

    assert (result["requests"], result["failures"], result["statuses"]) == (0, len(served), {})
    assert result["p50_ms"] is None
