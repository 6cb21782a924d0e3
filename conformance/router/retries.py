"""When a proxy tries again, and when it gives up (specification, section 17; core/route/retry/retry.go)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from conformance.router.durations import seconds
from conformance.router.objects.virtual_service import HTTPRetry
from conformance.router.versions import Since, Version

_DEFAULT = frozenset({"connect-failure", "refused-stream", "unavailable", "cancelled"})
DEFAULT_ATTEMPTS = 2

# Which conditions see which failures. A 503 made by the server's sidecar is an answer, not a connect failure.
_SEES_CONNECT_FAILURE = frozenset({"connect-failure", "5xx", "gateway-error", "reset"})
_SEES_RESET = frozenset({"reset", "5xx", "gateway-error", "reset-before-request"})
_SEES_TRY_TIMEOUT = frozenset({"5xx", "gateway-error", "reset"})
_GATEWAY_ERRORS = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`conditions` and `statuses` of retryOn; `retries` beside the first try."""

    retries: int = DEFAULT_ATTEMPTS
    conditions: frozenset[str] = _DEFAULT
    statuses: frozenset[int] = frozenset()
    per_try: Fraction | None = None

    def sees_status(self, status: int) -> bool:
        if status in self.statuses and "retriable-status-codes" in self.conditions:
            return True
        if "5xx" in self.conditions and status >= 500:
            return True
        if "gateway-error" in self.conditions and status in _GATEWAY_ERRORS:
            return True
        return "retriable-4xx" in self.conditions and status == 409

    def sees_connect_failure(self) -> bool:
        return bool(self.conditions & _SEES_CONNECT_FAILURE)

    def sees_reset(self) -> bool:
        """Of a connection that was closed after the request was on its way."""
        return bool(self.conditions & _SEES_RESET)

    def sees_try_timeout(self) -> bool:
        return bool(self.conditions & _SEES_TRY_TIMEOUT)


def default_policy(version: Version) -> RetryPolicy:
    """Of routes that say nothing; until 1.23 a 503 was retried too."""
    if version.has(Since.NO_RETRY_OF_503):
        return RetryPolicy()
    return RetryPolicy(conditions=_DEFAULT | {"retriable-status-codes"}, statuses=frozenset({503}))


def compile_retries(retry: HTTPRetry | None, version: Version) -> RetryPolicy:
    """VirtualService http[].retries; attempts is the number of retries, 0 switches them off."""
    if retry is None:
        return default_policy(version)
    attempts = retry.attempts or 0
    if not attempts:
        return RetryPolicy(0, frozenset())
    per_try = seconds(retry.per_try_timeout) if retry.per_try_timeout else None
    if not retry.retry_on:
        default = default_policy(version)
        return RetryPolicy(attempts, default.conditions, default.statuses, per_try)
    words = [word.strip() for word in retry.retry_on.split(",")]
    numbers = frozenset(int(word) for word in words if word.isdecimal())
    conditions = frozenset(word for word in words if not word.isdecimal())
    if numbers:
        conditions |= {"retriable-status-codes"}
    return RetryPolicy(attempts, conditions, numbers, per_try)
