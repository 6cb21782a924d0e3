"""Percentages, whole and fractional."""

from __future__ import annotations

from conformance.router.admission.remark import Remarks, denied
from conformance.router.objects.virtual_service import Percent

_SMALLEST = 0.0001
"""Envoy counts in millionths."""


def whole(field: str, value: int | None) -> Remarks:
    """ValidatePercent."""
    if not 0 <= (value or 0) <= 100:
        yield denied(field, f"percentage {value} is not in range 0..100")


def share(field: str, percentage: Percent | None) -> Remarks:
    """How many requests a fault meets (validatePercentage)."""
    value = (percentage and percentage.value) or 0.0
    if not (value == 0 or _SMALLEST <= value <= 100):
        yield denied(f"{field}.value", f"percentage {value:.15g} is neither 0.0, nor in range [0.0001, 100.0]")


def mirrored(field: str, percentage: Percent | None, name: str) -> Remarks:
    """How many requests are mirrored; `name` is what the webhook calls the field."""
    value = (percentage and percentage.value) or 0.0
    if value > 100:
        yield denied(f"{field}.value", f"{name} must have a max value of 100 (it has {value:f})")
    elif value < 0:
        yield denied(f"{field}.value", f"{name} must have a min value of 0 (it has {value:f})")
