"""Weighted choices of one seeded source of chance, so that the same seed makes the same configurations."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")


class Dice:
    """Every method draws; nothing else in this room does."""

    def __init__(self, *seed: int | str) -> None:
        # A string seeds by its bytes, not by Python's hash, which differs from process to process.
        self._random = random.Random("/".join(map(str, seed)))  # noqa: S311 - chance, not a secret

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def one(self, values: Sequence[Value]) -> Value:
        return self._random.choice(values)

    def weighted(self, values: Mapping[Value, float]) -> Value:
        return self._random.choices(list(values), weights=list(values.values()))[0]

    def some(self, values: Sequence[Value], low: int, high: int) -> list[Value]:
        """So many different ones, in any order."""
        return self._random.sample(values, min(len(values), self.number(low, high)))

    def draw(self, *ways: tuple[float, Callable[[], Value]]) -> Value:
        """One of several ways to make a value, by their weights."""
        return self._random.choices([way for _, way in ways], weights=[weight for weight, _ in ways])[0]()

    def shuffled(self, values: Sequence[Value]) -> list[Value]:
        return self._random.sample(values, len(values))
