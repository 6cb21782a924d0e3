"""One request, sent many times: over kept connections, each with a thread of its own.

A few requests at a time are on their way. One that has no answer after a moment is being held by a fault and costs
nobody anything: it no longer counts, so that delays overlap and requests without one do not wait for each other.

With http.client, which takes a third of httpx's time for a request. What a proxy draws it draws for each request, so
kept connections do not make the draws depend on each other, and several of them only save time.
"""

from __future__ import annotations

import http.client
import itertools
import select
import socket
import threading
import time
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from workload.client import KEPT_BODY_BYTES, FailureKind, sent_headers
from workload.plans import (
    MAXIMUM_REQUESTS,
    PlanError,
    PlannedRequest,
    fields_from,
    plan_from,
    target_of,
    whole_from,
)

MAXIMUM_CONNECTIONS: Final = 500
# On their way at the same time, besides those that are held.
AT_ONCE: Final = 8
# An answer takes some ten; one that is only slow and counted as held lets one more be on its way.
HELD_MILLISECONDS: Final = 100


@dataclass(frozen=True)
class Draws:
    """`request` has the beginning of all tokens; a number from `first` on ends each of them."""

    request: PlannedRequest
    timeout_seconds: float
    first: int
    count: int
    connections: int


def draws_from(content: object) -> Draws:
    """Read draws from decoded JSON; raise PlanError for anything it does not expect."""
    fields = fields_from(content, "draws", needed=("plan", "first", "count", "connections"))
    plan = plan_from(fields["plan"])
    if len(plan.requests) != 1 or not plan.requests[0].url.startswith("http://"):
        raise PlanError("plan.requests: expected one request, by http")
    first = whole_from(fields["first"], "first", 0, 10 * MAXIMUM_REQUESTS)
    count = whole_from(fields["count"], "count", 1, MAXIMUM_REQUESTS)
    connections = whole_from(fields["connections"], "connections", 1, MAXIMUM_CONNECTIONS)
    return Draws(plan.requests[0], plan.timeout_seconds, first, count, connections)


def run_draws(draws: Draws) -> list[dict[str, object]]:
    """One answer or one failure for each request, in the order of their numbers; nothing repeated."""
    results: list[dict[str, object]] = [{} for _ in range(draws.count)]
    numbers = itertools.count()
    places = threading.BoundedSemaphore(AT_ONCE)

    def send() -> None:
        parts = urlsplit(f"//{draws.request.via}" if draws.request.via else draws.request.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=draws.timeout_seconds)
        # One step of itertools.count is atomic, so no number is taken twice.
        while (number := next(numbers)) < draws.count:
            token = f"{draws.request.token}{draws.first + number:05d}"
            results[number] = _exchange(connection, replace(draws.request, token=token), _Place(places))
        connection.close()

    threads = [threading.Thread(target=send, daemon=True) for _ in range(min(draws.connections, draws.count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class _Place:
    """One of the few places on the way; left once, by whoever comes first."""

    def __init__(self, places: threading.Semaphore) -> None:
        places.acquire()
        self._places: threading.Semaphore | None = places

    def leave(self) -> None:
        if self._places is not None:
            self._places.release()
            self._places = None


def _exchange(connection: http.client.HTTPConnection, request: PlannedRequest, place: _Place) -> dict[str, object]:
    """http.client opens the connection when it is not open, and closes it when the peer says that it will."""
    result: dict[str, object] = {"token": request.token, "started": time.time()}
    start = time.perf_counter()
    try:
        outcome: dict[str, object] = {"answer": _answer(connection, request, place)}
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        connection.close()
        outcome = {"failure": {"kind": _failure_kind(error).value, "detail": f"{type(error).__name__}: {error}"}}
    finally:
        place.leave()
    return result | {"seconds": time.perf_counter() - start} | outcome


def _answer(connection: http.client.HTTPConnection, request: PlannedRequest, place: _Place) -> dict[str, object]:
    parts = urlsplit(request.url)
    body = None if request.body is None else request.body.encode()
    connection.putrequest(request.method, target_of(request.url), skip_host=True, skip_accept_encoding=True)
    for name, value in sent_headers(request, parts.netloc):
        connection.putheader(name.decode(), value)
    if body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answered = select.poll()
    answered.register(connection.sock, select.POLLIN)
    if not answered.poll(HELD_MILLISECONDS):
        place.leave()
    response = connection.getresponse()
    content = response.read()
    return {
        "status": response.status,
        "headers": [[name, value] for name, value in response.getheaders()],
        "body": content[:KEPT_BODY_BYTES].decode("utf-8", "replace"),
        "body_cut": len(content) > KEPT_BODY_BYTES,
        "http_version": f"HTTP/{response.version // 10}.{response.version % 10}",
    }


def _failure_kind(error: BaseException) -> FailureKind:
    kinds: tuple[tuple[type[BaseException], FailureKind], ...] = (
        (TimeoutError, FailureKind.TIMEOUT),
        (socket.gaierror, FailureKind.NAME),
        (UnicodeError, FailureKind.NAME),
        (ConnectionRefusedError, FailureKind.CONNECTION),
        # RemoteDisconnected is one of these; of an answer that ends too early http.client says IncompleteRead.
        (http.client.IncompleteRead, FailureKind.RESET),
        (OSError, FailureKind.RESET),
    )
    return next((kind for type_, kind in kinds if isinstance(error, type_)), FailureKind.PROTOCOL)
