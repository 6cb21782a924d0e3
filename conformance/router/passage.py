"""A request on its way between two places, and what was done to it so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from conformance.router.codec import Refused
from conformance.router.message import Message
from conformance.router.prediction import Kind, Outcome
from conformance.router.request import Handshake, Headers, Request
from conformance.router.transport import Transport

MAX_HOPS = 6
"""A gateway that routes to itself would go on for ever; the real one breaks after about a second (section 28)."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What proxies did to the headers; a later edit of a name hides an earlier one."""

    set_headers: Headers = ()
    added_headers: Headers = ()
    removed_headers: tuple[str, ...] = ()

    def then(self, later: Edits) -> Edits:
        if not (later.set_headers or later.added_headers or later.removed_headers):
            return self
        touched = {name for name, _ in later.set_headers} | set(later.removed_headers)
        return Edits(
            (*(pair for pair in self.set_headers if pair[0] not in touched), *later.set_headers),
            (*(pair for pair in self.added_headers if pair[0] not in touched), *later.added_headers),
            (*(name for name in self.removed_headers if name not in touched), *later.removed_headers),
        )


NO_EDITS = Edits()


class Passage(NamedTuple):
    """What arrives at an address. `message` is None until a proxy has read it, and for what no proxy can read."""

    request: Request
    source: str
    """Address of whoever opened the connection."""
    message: Message | None = None
    tls: Handshake | None = None
    """TLS of the client's own, or of a proxy that originates it, not terminated yet."""
    transport: Transport = Transport.PLAIN
    principal: str | None = None
    """The sender's identity, by mutual TLS of the mesh."""
    sni: str | None = None
    """Of the mesh's own handshake."""
    edits: Edits = NO_EDITS
    hops: int = 0
    """How many proxies have chosen where it goes; what a sidecar lets through unknown is no part of a circle."""

    def read(self, message: Message) -> Passage:
        """With what a proxy has read."""
        return self._replace(message=message)

    def sent_on(self, source: str) -> Passage:
        """On a new, plain connection of a proxy."""
        return Passage(self.request, source, self.message, edits=self.edits, hops=self.hops + 1)

    def by_mutual_tls(self, principal: str, sni: str) -> Passage:
        # Spelt out, because it happens for every endpoint: _replace takes nearly twice as long.
        return Passage(
            self.request, self.source, self.message, self.tls, Transport.MUTUAL, principal, sni, self.edits,
            self.hops,
        )  # fmt: skip

    @property
    def is_http(self) -> bool:
        return self.request.scheme in ("http", "https")


def failed(kind: Kind, reason: str) -> Outcome:
    """No HTTP answer, and no workload that saw anything."""
    return Outcome(kind, attempts=(0, 0), reason=reason)


def proxied(outcome: Outcome) -> Outcome:
    """What an HTTP proxy tells its client about a connection that failed behind it (section 1)."""
    if outcome.status is not None:
        return outcome
    if outcome.kind in (Kind.REFUSED, Kind.TLS_REFUSED):
        return local(Kind.CONNECT_FAIL, 503, UPSTREAM_ERROR, outcome.reason).times(outcome.probability)
    if outcome.kind in (Kind.RESET_PLAINTEXT, Kind.CLOSED, Kind.BLACKHOLE_TCP):
        made = local(Kind.UPSTREAM_RESET, 503, UPSTREAM_ERROR, outcome.reason)
        return made._replace(probability=outcome.probability, sight=outcome.sight, attempts=outcome.attempts)
    return outcome


UPSTREAM_ERROR = "upstream connect error or disconnect/reset before headers."
"""How the body of such a 503 begins."""


def local(kind: Kind, status: int, body: str, reason: str = "") -> Outcome:
    """An answer that a proxy makes itself."""
    return Outcome(kind, status=status, body=body, attempts=(0, 0), upstream_time=False, reason=reason)


def unread(refused: Refused) -> Outcome:
    """The codec's own answer to a request that it does not take."""
    if refused.status is None:
        return failed(Kind.CLOSED, refused.why)
    return local(Kind.BAD_REQUEST, refused.status, refused.body, refused.why)
