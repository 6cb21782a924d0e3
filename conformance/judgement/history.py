"""What was recorded about each request: once from the client, once from every workload that saw it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

Headers = tuple[tuple[str, str], ...]
"""In the order on the wire; a name may be repeated and has any case."""

FailureKind = Literal["connection", "reset", "tls", "name", "timeout", "protocol"]

ANSWERED_BY = "x-answered-by"
"""The answer header in which a workload names itself."""


@dataclass(frozen=True)
class Seen:
    """One request as a workload wrote it into its own journal."""

    workload: str
    pod: str
    method: str
    path: str
    """With its query."""
    host: str
    headers: Headers
    principal: str | None
    """The caller's SPIFFE URI; None for a caller that showed no certificate of the mesh."""
    at: float


@dataclass(frozen=True)
class Answer:
    """The HTTP answer the client received."""

    status: int
    headers: Headers
    body: str
    http_version: str


@dataclass(frozen=True)
class Failure:
    """Why the client received no HTTP answer."""

    kind: FailureKind
    detail: str


@dataclass(frozen=True)
class Exchange:
    """One request, sent once: the client's view of it, and every journal entry that carries its token."""

    token: str
    case: str
    client: str
    method: str
    url: str
    headers: Headers
    started: float
    seconds: float
    answer: Answer | None
    failure: Failure | None
    seen: tuple[Seen, ...]


def alike(exchange: Exchange) -> Hashable:
    """Equal for exchanges that differ in nothing but token and time."""
    seen = tuple(
        (one.workload, one.pod, one.method, one.path, one.host, one.headers, one.principal) for one in exchange.seen
    )
    sent = (exchange.case, exchange.client, exchange.method, exchange.url, exchange.headers)
    return (sent, exchange.answer, exchange.failure, seen)


def values_of(headers: Headers, name: str) -> tuple[str, ...]:
    """All values of a header, its name compared without regard to case."""
    return tuple(value for key, value in headers if key.lower() == name.lower())
