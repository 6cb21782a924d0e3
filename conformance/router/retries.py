"""When a proxy tries again, and when it gives up (specification, section 17; core/route/retry/retry.go)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from conformance.router.durations import seconds
from conformance.router.objects.virtual_service import HTTPRetry
from conformance.router.versions import Since, Version

_DEFAULT = frozenset({"connect-failure", "refused-stream", "unavailable", "cancelled"})
DEFAULT_ATTEMPTS = 2

# Which conditions see which failures. A 503 made by the server's sidecar is an answer, not a connect failure.
_SEES_RESET = frozenset({"reset", "5xx", "gateway-error"})
_SEES_CONNECT_FAILURE = _SEES_RESET | {"connect-failure", "reset-before-request"}
_GATEWAY_ERRORS = frozenset({502, 503, 504})


class Again(Enum):
    """Which endpoint a retry goes to."""

    ANOTHER = "one that was not tried yet, as long as there is one"
    HASHED = "the same, if a hash chooses it; else another"
    ANY = "drawn as if nothing had been tried"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`conditions` and `statuses` of retryOn; `retries` beside the first try."""

    retries: int = DEFAULT_ATTEMPTS
    conditions: frozenset[str] = _DEFAULT
    statuses: frozenset[int] = frozenset()
    per_try: Fraction | None = None
    again: Again = Again.ANOTHER

    def sees_status(self, status: int) -> bool:
        if status in self.statuses or (status >= 500 and "5xx" in self.conditions):
            return True
        if status in _GATEWAY_ERRORS and "gateway-error" in self.conditions:
            return True
        return status == 409 and "retriable-4xx" in self.conditions

    def sees_connect_failure(self) -> bool:
        return bool(self.conditions & _SEES_CONNECT_FAILURE)

    def sees_reset(self) -> bool:
        """Of a connection that was closed after the request was on its way, also by ourselves after perTryTimeout."""
        return bool(self.conditions & _SEES_RESET)


def compile_retries(retry: HTTPRetry | None, version: Version, *, is_single: bool = False) -> RetryPolicy:
    """VirtualService http[].retries; attempts is the number of retries, 0 switches them off.

    `is_single`: the rule has one destination, so that its consistent hashing holds for retries too.
    """
    default = _DEFAULT_POLICY if version.has(Since.NO_RETRY_OF_503) else _DEFAULT_POLICY_OF_OLD
    if retry is None:
        return replace(default, again=Again.HASHED) if is_single else default
    attempts = retry.attempts or 0
    if not attempts:
        return RetryPolicy(0, frozenset())
    made = replace(
        default,
        retries=attempts,
        per_try=seconds(retry.per_try_timeout) if retry.per_try_timeout else None,
        again=_again(retry.retry_ignore_previous_hosts, version, is_single=is_single),
    )
    if not retry.retry_on:
        return made
    words = [word.strip() for word in retry.retry_on.split(",")]
    numbers = frozenset(int(word) for word in words if word.isdecimal())
    conditions = frozenset(word for word in words if not word.isdecimal())
    return replace(made, conditions=conditions, statuses=numbers)


def _again(wanted: bool | None, version: Version, *, is_single: bool) -> Again:  # noqa: FBT001 - it is the field
    if wanted is not None and version.has(Since.RETRY_BACKOFF):
        return Again.ANOTHER if wanted else Again.ANY
    return Again.HASHED if is_single else Again.ANOTHER


_DEFAULT_POLICY = RetryPolicy()
_DEFAULT_POLICY_OF_OLD = RetryPolicy(statuses=frozenset({503}))
"""Until 1.23 a 503 was retried too."""
