"""What was recorded about each request: once from the client, once from every workload that saw it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal

Headers = tuple[tuple[str, str], ...]
"""In the order on the wire; a name may be repeated and has any case."""

FailureKind = Literal["connection", "reset", "tls", "name", "timeout", "protocol"]

Moment = Literal["before", "during", "after"]
"""Of a request that flows while the configuration changes.

It had ended before the change began; it began after the gate had passed; or neither.
"""

GRPC_STATUS = "grpc-status"

EARLY_SECONDS = 0.01
"""By so much may something end before its time and still be in time: Envoy counts a timer from when its event loop last
woke, which is before the request that it is for came (seen once in 46 time-outs: 9.9997 s of 10)."""

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
    peer: tuple[str, ...] = ()
    """The names in the certificate of whoever connected to the workload's own TLS port."""
    http_version: str = ""
    """Empty for a connection that is none of HTTP."""


@dataclass(frozen=True)
class Answer:
    """What the client received: an answer of HTTP or gRPC, or what came over a TCP connection."""

    status: int | None
    """None where it is none of HTTP; the status of a gRPC call is a trailer."""
    headers: Headers
    body: str
    http_version: str
    trailers: Headers = ()


@dataclass(frozen=True)
class Failure:
    """Why the client received no answer."""

    kind: FailureKind
    detail: str
    alert: str | None = None
    """What the server said of the handshake, in the words of RFC 8446, section 6."""


@dataclass(frozen=True)
class Served:
    """The certificate that a server showed."""

    fingerprint: str
    """SHA-256, in hex."""
    certificate: str | None
    """Which one of the scenario's it is; None for any other."""


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
    served: Served | None = None
    moment: Moment | None = None
    """None where it is not part of a flow."""


def alike(exchange: Exchange) -> Hashable:
    """Equal for exchanges that differ in nothing but token and time."""
    seen = tuple(replace(entry, at=0.0) for entry in exchange.seen)
    return replace(exchange, token="", started=0.0, seconds=0.0, seen=seen)


def values_of(headers: Headers, name: str) -> tuple[str, ...]:
    """All values of a header, its name compared without regard to case."""
    return tuple(value for key, value in headers if key.lower() == name.lower())


def ended(answer: Answer) -> str:
    """An answer in a few words."""
    if answer.status is not None:
        return f"status {answer.status}"
    status, message = values_of(answer.trailers, GRPC_STATUS), values_of(answer.trailers, "grpc-message")
    if status:
        return f"gRPC's status {', '.join(status)}{f' ({message[0]})' if message else ''}"
    return "an answer over TCP"
