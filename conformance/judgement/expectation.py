"""What a document promises about one request, in the form the judge compares with."""

from __future__ import annotations

from dataclasses import dataclass
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
    grpc_status: int | None = None
    trailers: Pairs = ()
    takes: tuple[float, float] | None = None
    """Seconds from sending to the end of the answer, or of the refusal: at least, at most."""
    arrivals: tuple[tuple[str, int], ...] | None = None
    """How often which workloads see it; () is nobody. None: at one of them, once, at most."""


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
    flow: FlowExpectation | None = None
    """Set where many requests flow under this name; `expected` is then the last of its alternatives."""
