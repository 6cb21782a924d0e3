"""Injected delays and aborts (specification, section 17; envoy http/fault)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from conformance.router.durations import seconds
from conformance.router.objects.virtual_service import Abort, HTTPFaultInjection, Percent
from conformance.router.versions import Since, Version

BODY = "fault filter abort"
_OK = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """Independent draws: first whether it is late, then whether it is answered at once."""

    delay: Fraction = Fraction(0)
    delay_share: Fraction = Fraction(0)
    status: int = 0
    abort_share: Fraction = Fraction(0)


def share(percentage: Percent | None, default: int | None = 0) -> Fraction:
    """Of a hundred, cut to a ten-thousandth of a percent as Envoy's denominator has it; an empty one is 0."""
    value = default if percentage is None else percentage.value
    millionths = Fraction(str(value or 0)) * 10_000
    return Fraction(int(millionths), 1_000_000)


def compile_fault(fault: HTTPFaultInjection | None, version: Version) -> Fault | None:
    """VirtualService http[].fault; an absent percentage is 0, but a delay's old `percent` still counts."""
    if fault is None:
        return None
    delay, abort, status = fault.delay, fault.abort, _status(fault.abort, version)
    fixed = delay.fixed_delay if delay else None
    return Fault(
        delay=seconds(fixed) if fixed else Fraction(0),
        delay_share=share(delay.percentage, delay.percent) if delay and fixed else Fraction(0),
        status=status,
        abort_share=share(abort.percentage) if abort and status else Fraction(0),
    )


def _status(abort: Abort | None, version: Version) -> int:
    """0 where istiod leaves the abort out because it has no type, or none that it knows."""
    if abort is None:
        return 0
    if abort.http_status is not None:
        return abort.http_status
    # A gRPC status is an answer of HTTP 200 to a client that does not speak gRPC.
    return _OK if abort.grpc_status is not None and version.has(Since.GRPC_ABORT) else 0
