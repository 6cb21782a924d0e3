"""What Istio will do, as far as its configuration determines it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from conformance.router.request import Headers
from conformance.router.trace import Trace

ONE = Fraction(1)


def both(one: Fraction, other: Fraction) -> Fraction:
    """The chance of two things that do not depend on each other: mostly, one of them is certain."""
    if one is ONE:
        return other
    return one if other is ONE else one * other


class Kind(StrEnum):
    """How a request or connection ends (specification, section 1)."""

    UPSTREAM = "upstream"
    PASSTHROUGH = "passthrough"
    NO_ROUTE = "no_route"
    CLUSTER_MISSING = "cluster_missing"
    NO_ENDPOINTS = "no_endpoints"
    CONNECT_FAIL = "connect_fail"
    UPSTREAM_RESET = "upstream_reset"
    OVERFLOW = "overflow"
    TIMEOUT = "timeout"
    FAULT_ABORT = "fault_abort"
    BLACKHOLE_HTTP = "blackhole_http"
    BLACKHOLE_TCP = "blackhole_tcp"
    REDIRECT = "redirect"
    DIRECT = "direct"
    PREFLIGHT = "preflight"
    RBAC_DENIED = "rbac_denied"
    JWT_REJECTED = "jwt_rejected"
    TLS_REFUSED = "tls_refused"
    RESET_PLAINTEXT = "reset_plaintext"
    BAD_REQUEST = "bad_request"
    REFUSED = "refused"
    """The connection itself: nothing listens there."""
    CLOSED = "closed"
    """Accepted and closed without an answer (a TCP or TLS connection)."""
    DNS_FAILURE = "dns_failure"
    UNDEFINED = "undefined"
    """Istio's answer is not determined by what the router is told; `Outcome.reason` says why."""


class Sight(NamedTuple):
    """The request as a workload sees it."""

    workload: str
    namespace: str
    pod: str
    address: str
    port: int
    method: str = ""
    path: str = ""
    host: str = ""
    set_headers: Headers = ()
    """What the proxies are sure to have put there, names in lower case; the client's other headers arrive too."""
    added_headers: Headers = ()
    """Put beside whatever the client sent under that name."""
    removed_headers: tuple[str, ...] = ()
    principal: str | None = None
    """The caller's SPIFFE URI, if it came by mutual TLS of the mesh."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy that is sent beside the request, and its chance given that the request takes this outcome."""

    probability: Fraction
    sight: Sight


class Outcome(NamedTuple):
    """One way it may end. `status` is None when there is no HTTP answer."""

    kind: Kind
    probability: Fraction = ONE
    status: int | None = None
    body: str | None = None
    """All of the body that a proxy makes; of 503s of section 1 the beginning. None: not the proxy's."""
    sight: Sight | None = None
    """Whose application saw it; None if none did."""
    response_set: Headers = ()
    """Headers of the answer that proxies set, names in lower case."""
    response_added: Headers = ()
    response_removed: tuple[str, ...] = ()
    upstream_time: bool | None = None
    """Whether the answer carries x-envoy-upstream-service-time; None: the router does not say."""
    at_least: float = 0.0
    """Seconds before the client can have the answer: delays, timeouts, what the application takes."""
    attempts: tuple[int, int] = (1, 1)
    """How often workloads see the request: at least, at most. (0, 0) where none does."""
    mirrors: tuple[Mirror, ...] = ()
    reason: str = ""

    def times(self, share: Fraction) -> Outcome:
        """With its chance multiplied."""
        if share is ONE:
            return self
        return self._copy(both(self.probability, share), self.response_set)

    def served_by(self, server: str, *, upstream_time: bool | None = None) -> Outcome:
        """As it comes through a proxy that names itself `server`."""
        others = [pair for pair in self.response_set if pair[0] != "server"]
        return self._copy(self.probability, (*others, ("server", server)), upstream_time=upstream_time)

    def _copy(self, probability: Fraction, response_set: Headers, *, upstream_time: bool | None = None) -> Outcome:
        # Spelt out: _replace takes nearly twice as long, and this happens several times in every prediction.
        return Outcome(
            self.kind,
            probability,
            self.status,
            self.body,
            self.sight,
            response_set,
            self.response_added,
            self.response_removed,
            self.upstream_time if upstream_time is None else upstream_time,
            self.at_least,
            self.attempts,
            self.mirrors,
            self.reason,
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """All that may happen; the probabilities add up to one."""

    outcomes: tuple[Outcome, ...]
    trace: Trace = ()
