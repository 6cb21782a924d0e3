"""The load generator of the bench: closed-loop clients on kept connections, as light as Python allows.

A socket and the parser that the server has, too: with http.client the client was a quarter of a request's time.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httptools

from workload.plans import URL, PlanError, fields_from, number_from, target_of, whole_from

MAXIMUM_CONNECTIONS: Final = 64
MINIMUM_SECONDS: Final = 0.1
MAXIMUM_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 10.0
RECEIVED_BYTES: Final = 64 * 1024
HTTP_PORT: Final = 80
# After a failure, so that a server that is away is asked a hundred times a second and not as fast as the loop turns.
PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Load:
    """What to do: so many connections, each asking as fast as it is answered."""

    url: str
    connections: int
    seconds: float


@dataclass
class Tally:
    """What one connection counted."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: int = 0


def load_from(content: object) -> Load:
    """Read a load from decoded JSON; raise PlanError for anything it does not expect."""
    fields = fields_from(content, "load", needed=("url", "connections", "seconds"))
    url = fields["url"]
    if not isinstance(url, str) or not url.startswith("http://") or not URL.fullmatch(url):
        raise PlanError(f"url: expected an http URL, found {str(url)[:200]!r}")
    return Load(
        url=url,
        connections=whole_from(fields["connections"], "connections", 1, MAXIMUM_CONNECTIONS),
        seconds=number_from(fields["seconds"], "seconds", MINIMUM_SECONDS, MAXIMUM_SECONDS),
    )


def run_load(load: Load) -> dict[str, object]:
    """Run to the end and sum up; requests counts those that were answered."""
    tallies = [Tally() for _ in range(load.connections)]
    start = time.perf_counter()
    deadline = start + load.seconds
    threads = [threading.Thread(target=_ask, args=(load, tally, deadline), daemon=True) for tally in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    latencies = sorted(latency for tally in tallies for latency in tally.latencies)
    statuses = sum((tally.statuses for tally in tallies), Counter[int]())
    return {
        "requests": len(latencies),
        "seconds": seconds,
        "per_second": len(latencies) / seconds,
        "p50_ms": _percentile_ms(latencies, 0.50),
        "p99_ms": _percentile_ms(latencies, 0.99),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "failures": sum(tally.failures for tally in tallies),
    }


def _ask(load: Load, tally: Tally, deadline: float) -> None:
    client = _Client(load.url)
    while (start := time.perf_counter()) < deadline:
        try:
            status = client.get()
        except (OSError, httptools.HttpParserError):
            tally.failures += 1
            client.close()
            time.sleep(PAUSE_SECONDS)
            continue
        tally.latencies.append(time.perf_counter() - start)
        tally.statuses[status] += 1
    client.close()


class _Client:
    """One connection, opened when it is needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or HTTP_PORT)
        self._request = f"GET {target_of(url)} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._socket: socket.socket | None = None

    def get(self) -> int:
        """The status of a complete answer; raises OSError or httptools.HttpParserError when there is none."""
        connection = self._connected()
        connection.sendall(self._request)
        answer = _Answer()
        while not answer.is_complete:
            received = connection.recv(RECEIVED_BYTES)
            if not received:
                raise ConnectionResetError("closed before the end of an answer")
            answer.parser.feed_data(received)
        if not answer.is_kept_alive:
            self.close()
        return answer.parser.get_status_code()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=ANSWER_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket


class _Answer:
    """Told by its parser when it is complete."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.is_complete = False
        self.is_kept_alive = False

    def on_message_complete(self) -> None:
        """The parser knows only now whether the connection goes on: afterwards it is ready for another message."""
        self.is_complete = True
        self.is_kept_alive = self.parser.should_keep_alive()


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    """The nearest rank: a latency that really occurred."""
    if not ordered:
        return None
    return ordered[math.ceil(share * len(ordered)) - 1] * 1000
