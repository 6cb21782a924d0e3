"""The load generator of the bench: closed-loop clients on kept connections, as light as Python allows."""

from __future__ import annotations

import http.client
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from workload.plans import URL, PlanError, fields_from, number_from, target_of, whole_from

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
    parts, target = urlsplit(load.url), target_of(load.url)
    # It opens itself when needed; http.client sets TCP_NODELAY on it.
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    while (start := time.perf_counter()) < deadline:
        try:
            connection.request("GET", target)
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


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    """The nearest rank: a latency that really occurred."""
    if not ordered:
        return None
    return ordered[math.ceil(share * len(ordered)) - 1] * 1000
