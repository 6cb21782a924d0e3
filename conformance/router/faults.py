"""Injected delays and aborts (specification, section 17; envoy http/fault)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from conformance.router.durations import seconds
from conformance.router.objects.virtual_service import HTTPFaultInjection, Percent

BODY = "fault filter abort"


@dataclass(frozen=True, slots=True)
class Fault:
    """Independent draws: first whether it is late, then whether it is answered at once."""

    delay: Fraction = Fraction(0)
    delay_share: Fraction = Fraction(0)
    status: int = 0
    abort_share: Fraction = Fraction(0)


def share(percentage: Percent | None, default: int | None = 0) -> Fraction:
    """Of a hundred, cut to a ten-thousandth of a percent as Envoy's denominator has it."""
    value = default if percentage is None or percentage.value is None else percentage.value
    millionths = Fraction(str(value or 0)) * 10_000
    return Fraction(int(millionths), 1_000_000)


def compile_fault(fault: HTTPFaultInjection | None) -> Fault | None:
    """VirtualService http[].fault; an absent percentage is 0, but a delay's old `percent` still counts."""
    if fault is None:
        return None
    delay, abort = fault.delay, fault.abort
    late = delay is not None and delay.fixed_delay is not None
    # A gRPC status is an answer of HTTP 200 to a client that does not speak gRPC.
    status = 0 if abort is None else (200 if abort.http_status is None else abort.http_status)
    return Fault(
        delay=seconds(delay.fixed_delay) if delay and delay.fixed_delay else Fraction(0),
        delay_share=share(delay.percentage, delay.percent) if delay and late else Fraction(0),
        status=status,
        abort_share=share(abort.percentage) if abort else Fraction(0),
    )
