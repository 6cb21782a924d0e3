"""Durations: what the schema says of each, and what the webhook says of most."""

from __future__ import annotations

from fractions import Fraction

from conformance.router.admission.remark import Remarks, denied, quoted, unfit
from conformance.router.durations import seconds
from conformance.router.versions import Since, Version

MILLISECOND = Fraction(1, 1000)


def parsed(text: str) -> Fraction | None:
    try:
        return seconds(text)
    except ValueError:
        return None


def schema_rule(field: str, text: str) -> Remarks:
    """The rule that the CRDs of 1.23 and later have on nearly every duration."""
    length = parsed(text)
    if length is None:
        failure = "type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule"
        yield unfit(field, f"{failure}: must be a valid duration greater than 1ms")
    elif length < MILLISECOND:
        yield unfit(field, "must be a valid duration greater than 1ms")


def undecodable(field: str, text: str) -> Remarks:
    """Where the schema has no rule, a text that is no duration fails when the webhook decodes the object."""
    if parsed(text) is None:
        reason = "missing unit in" if text[-1:].isdigit() else "invalid"
        yield denied(field, f"bad Duration: time: {reason} duration {quoted(text)}")


def duration(field: str, text: str | None, version: Version) -> Remarks:
    """The webhook's rule (ValidateDuration); what the schema refuses already is not said twice."""
    if text is None:
        return
    length = parsed(text)
    if length is None or length < MILLISECOND:
        if not version.has(Since.SCHEMA_RULES):
            yield from undecodable(field, text)
            if length is not None:
                yield denied(field, "duration must be greater than 1ms")
    elif length % MILLISECOND:
        yield denied(field, "only durations to ms precision are supported")


def duration_or_zero(field: str, text: str | None, version: Version) -> Remarks:
    """`tcp.idleTimeout`: less than a millisecond switches it off, and the schema has no rule."""
    if text is None:
        return
    length = parsed(text)
    if length is None:
        yield from undecodable(field, text)
    elif abs(length) >= MILLISECOND or not version.has(Since.NO_IDLE_TIMEOUT):
        if length < MILLISECOND:
            yield denied(field, "duration must be greater than 1ms")
        elif length % MILLISECOND:
            yield denied(field, "only durations to ms precision are supported")
