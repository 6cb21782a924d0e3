"""`fault` of a rule: delays and aborts."""

from __future__ import annotations

from conformance.router.admission import percentages
from conformance.router.admission.durations import duration
from conformance.router.admission.remark import Remarks, denied, quoted
from conformance.router.objects.virtual_service import Abort, Delay, HTTPFaultInjection
from conformance.router.versions import Since, Version

_GRPC = frozenset(
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED".split()
)


def http_fault(field: str, fault: HTTPFaultInjection | None, version: Version) -> Remarks:
    """Istio's validateHTTPFaultInjection."""
    if fault is None:
        return
    if fault.abort is None and fault.delay is None:
        yield denied(field, "HTTP fault injection must have an abort and/or a delay")
    if fault.abort:
        yield from _abort(f"{field}.abort", fault.abort, version)
    if fault.delay:
        yield from _delay(f"{field}.delay", fault.delay, version)


def status(field: str, code: int) -> Remarks:
    """Of an abort and of a direct response; 600 passes, whatever the text says."""
    if not 200 <= code <= 600:
        yield denied(field, f"HTTP status {code} is not in range 200-599")


def _abort(field: str, abort: Abort, version: Version) -> Remarks:
    yield from percentages.share(f"{field}.percentage", abort.percentage)
    if abort.grpc_status is not None:
        if not version.has(Since.GRPC_ABORT):
            yield denied(f"{field}.grpcStatus", "gRPC abort fault injection not supported yet")
        elif abort.grpc_status not in _GRPC:
            yield denied(f"{field}.grpcStatus", f"gRPC status {quoted(abort.grpc_status)} is not supported")
    elif abort.http2_error is not None:
        yield denied(f"{field}.http2Error", "HTTP/2 abort fault injection not supported yet")
    elif abort.http_status is not None:
        yield from status(f"{field}.httpStatus", abort.http_status)
    # An abort of no kind has a warning in Istio's code that never gets out.


def _delay(field: str, delay: Delay, version: Version) -> Remarks:
    yield from percentages.share(f"{field}.percentage", delay.percentage)
    yield from duration(f"{field}.fixedDelay", delay.fixed_delay, version)
    yield from duration(f"{field}.exponentialDelay", delay.exponential_delay, version)
    if delay.exponential_delay is not None:
        yield denied(f"{field}.exponentialDelay", "exponentialDelay not supported yet")
