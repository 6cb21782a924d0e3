"""Go's durations, which the API writes."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from conformance.router.durations import seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", Fraction(1, 2)),
        ("1h2m3.5s", Fraction(7447, 2)),
        ("-1s", -1),
        ("+1s", 1),
        (".5s", Fraction(1, 2)),
        ("1.s", 1),
        ("1us", Fraction(1, 10**6)),
        ("1µs", Fraction(1, 10**6)),
        ("1\u03bcs", Fraction(1, 10**6)),
        ("3ns", Fraction(3, 10**9)),
        ("1.0000000009s", 1),
        ("2562047h47m16.854775807s", Fraction(2**63 - 1, 10**9)),
    ],
)
def test_a_duration_is_its_seconds(text: str, value: Fraction | int) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "-",
        "+",
        ".",
        ".s",
        "1x",
        "1S",
        "1h2",
        "1 s",
        "1s ",
        "1_0s",
        "1e3s",
        "\u0661s",
        "2562048h",
        "1h-1s",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        seconds(text)


def test_a_number_of_endless_digits_is_refused_at_once() -> None:
    begun = time.process_time()
    with pytest.raises(ValueError, match="invalid duration") as caught:
        seconds("1" * 10_000_000 + "s")
    assert time.process_time() - begun < 1
    assert len(str(caught.value)) < 200
