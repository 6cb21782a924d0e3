"""Durations as the API writes them: Go's duration strings, which include protobuf's ("1h2m3.5s", "500ms")."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+)(\.[0-9]*)?([a-zµμ]+)|(\.[0-9]+)([a-zµμ]+)")
_MOST_CHARACTERS = 100
_LONGEST = 2**63 - 1
"""Nanoseconds in Go's time.Duration: some 292 years."""


@lru_cache(maxsize=4096)
def seconds(text: str) -> Fraction:
    """The duration in seconds; raises ValueError for what Go's time.ParseDuration refuses."""
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f'invalid duration "{text[:_MOST_CHARACTERS]}…"')
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return Fraction(0)
    nanoseconds = position = 0
    while position < len(rest):
        part = _PART.match(rest, position)
        unit = part and _NANOSECONDS.get(part[3] or part[5])
        if not part or not unit:
            break
        # As in Go, what is finer than a nanosecond is cut off.
        nanoseconds += int(Fraction(f"{part[1] or 0}{part[2] or part[4] or ''}") * unit)
        position = part.end()
    if not rest or position < len(rest) or nanoseconds > _LONGEST:
        raise ValueError(f'invalid duration "{text}"')
    return Fraction(sign * nanoseconds, 1_000_000_000)
