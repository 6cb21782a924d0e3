"""The load generator of the bench: closed-loop clients on kept connections, as light as Python allows."""

from __future__ import annotations

import http.client
import math
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from workload.client import URL, PlanError, headers_from

MAXIMUM_CONNECTIONS: Final = 64
MINIMUM_SECONDS: Final = 0.1
MAXIMUM_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 10.0
# After a failure, so that a server that is away is asked a hundred times a second and not as fast as the loop turns.
PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Load:
    """What to do: so many connections, each asking as fast as it is answered."""

    url: str
    connections: int
    seconds: float
    headers: tuple[tuple[str, str], ...]


@dataclass
class Tally:
    """What one connection counted."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: int = 0


def load_from(content: object) -> Load:
    """Read a load from decoded JSON; raise PlanError for anything it does not expect."""
    if not isinstance(content, dict) or set(content) - {"url", "connections", "seconds", "headers"}:
        raise PlanError("load: expected an object of url, connections, seconds, headers")
    url, connections, seconds = content.get("url"), content.get("connections", 1), content.get("seconds", 1.0)
    if not isinstance(url, str) or not URL.fullmatch(url):
        raise PlanError(f"url: expected an http or https URL, found {url!r}")
    if not isinstance(connections, int) or not 1 <= connections <= MAXIMUM_CONNECTIONS:
        raise PlanError(f"connections: expected 1 to {MAXIMUM_CONNECTIONS}, found {connections!r}")
    if not isinstance(seconds, int | float) or not MINIMUM_SECONDS <= seconds <= MAXIMUM_SECONDS:
        raise PlanError(f"seconds: expected {MINIMUM_SECONDS:g} to {MAXIMUM_SECONDS:g}, found {seconds!r}")
    headers = headers_from(content.get("headers", []), "headers")
    return Load(url=url, connections=connections, seconds=float(seconds), headers=headers)


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
    match = URL.fullmatch(load.url)
    target = match["target"] if match else ""
    target = target if target.startswith("/") else f"/{target}"
    headers = dict(load.headers)
    connection = _connection(load.url)
    while (start := time.perf_counter()) < deadline:
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            tally.failures += 1
            connection.close()
            time.sleep(PAUSE_SECONDS)
            continue
        tally.latencies.append(time.perf_counter() - start)
        tally.statuses[answer.status] += 1
    connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    """A connection that opens itself when needed; http.client sets TCP_NODELAY on it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, parts.port, timeout=ANSWER_SECONDS, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=ANSWER_SECONDS)


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    """The nearest rank: a latency that really occurred."""
    if not ordered:
        return None
    return ordered[math.ceil(share * len(ordered)) - 1] * 1000
