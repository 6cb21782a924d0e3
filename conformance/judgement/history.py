"""What was recorded about each request: once from the client, once from every workload that saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Headers = tuple[tuple[str, str], ...]
"""In the order on the wire; a name may be repeated and has any case."""

FailureKind = Literal["connection", "reset", "tls", "name", "timeout", "protocol"]

Moment = Literal["before", "during", "after"]
"""Of a request that flows while the configuration changes.

It had ended before the change began; it began after the gate had passed; or neither.
"""

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
    moment: Moment | None = None
    """None where it is not part of a flow."""


def values_of(headers: Headers, name: str) -> tuple[str, ...]:
    """All values of a header, its name compared without regard to case."""
    return tuple(value for key, value in headers if key.lower() == name.lower())
