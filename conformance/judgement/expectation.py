"""What a document promises about one request, in the form the judge compares with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from conformance.router.prediction import Outcome
from conformance.router.request import Request

Refusal = Literal["connection", "reset", "tls", "name"]

NOBODY = "nobody"
"""As answered_by: no workload sees the request."""
NONE = "none"
"""As principal: the caller shows no identity."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ExpectedSight:
    """What the answering workload sees; None and () promise nothing."""

    path: str | None = None
    method: str | None = None
    host: str | None = None
    headers: Pairs = ()
    without_headers: tuple[str, ...] = ()
    principal: str | None = None
    peer: tuple[str, ...] | None = None
    """Names in the certificate of the TLS client; () for one that shows none."""
    http_version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What becomes of the request; None and () promise nothing."""

    status: int | None = None
    answered_by: str | None = None
    body: str | None = None
    headers: Pairs = ()
    without_headers: tuple[str, ...] = ()
    saw: ExpectedSight | None = None
    refused: Refusal | None = None
    alert: str | None = None
    """What ended the handshake, in the words of RFC 8446, section 6."""
    served: str | None = None
    """Which certificate of the scenario the server shows."""
    grpc_status: int | None = None
    trailers: Pairs = ()
    takes: tuple[float, float] | None = None
    """Seconds from sending to the end of the answer, or of the refusal: at least, at most."""
    arrivals: tuple[tuple[str, int], ...] | None = None
    """How often which workloads see it; () is nobody. None: at one of them, once, at most."""
    counts: tuple[Counted, ...] = ()
    """Of all requests of a case: each keeps one of these, the first it can, and each is kept so often."""


@dataclass(frozen=True)
class Counted:
    """An alternative, and by how many requests of a case it is kept."""

    least: int
    most: int
    expected: Expected


@dataclass(frozen=True)
class Alternative:
    """One of the ways the requests of a case may end, and how many of a hundred do."""

    share: Fraction
    """0 is never."""
    expected: Expected


@dataclass(frozen=True)
class Shares:
    """What becomes of many requests alike; each is the first alternative that it keeps all promises of."""

    alternatives: tuple[Alternative, ...]
    effect: float
    """In points of a hundred: shares that are wrong by this much are to be convicted."""
    independent: bool = False
    """Whether what becomes of a request is to have nothing to do with what became of the one before."""


@dataclass(frozen=True)
class Turns:
    """The pods that are taken in turn, each once a round, always in the same order; how many of each workload."""

    replicas: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Predicted:
    """What the reference router says of a case."""

    request: Request
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class FlowExpectation:
    """What is promised of requests that flow while the configuration changes."""

    alternatives: tuple[Expected, ...]
    """Before the change the first holds, once the gate has passed the last, and in between any of them."""
    before: Predicted | None = None
    """What the router says of the configuration before the change."""


@dataclass(frozen=True)
class CaseExpectation:
    """What two voices say of one case before it is tried; its name ties it to the exchange."""

    name: str
    expected: Expected
    """The document's."""
    predicted: Predicted | None = None
    """The router's; None where it was not asked."""
    shares: Shares | None = None
    """Where the case is about many requests and not about each of them; then `expected` promises nothing."""
    turns: Turns | None = None
    """Beside what is expected of each request."""
    flow: FlowExpectation | None = None
    """Set where many requests flow under this name; `expected` is then the last of its alternatives."""
    times: int = 1
    """How many requests it sends."""

    @property
    def is_distribution(self) -> bool:
        """Whether as many requests are sent as it takes to tell."""
        return self.shares is not None or self.turns is not None
