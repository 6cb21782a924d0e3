"""What the workload was told to do with certain requests: to think, to fail, to hang up. Pure.

Requests are told apart by the beginning of their token, and a token begins with what is unique to one run of one
scenario: scenarios side by side do not disturb each other, and what a killed run left behind applies to nobody.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

MAXIMUM: Final = 1_000
"""Of killed runs, the oldest are forgotten."""
MAXIMUM_SECONDS: Final = 60.0


class BehaviourError(Exception):
    """The content does not describe a behaviour; the text says which part and what was expected."""


@dataclass(frozen=True)
class Behaviour:
    """`first`: of each token only so many arrivals are met with it; None: all of them."""

    seconds: float = 0.0
    status: int | None = None
    resets: bool = False
    first: int | None = None


def behaviour_from(content: object) -> tuple[str, Behaviour]:
    """The prefix of the tokens and what is to happen to them, from decoded JSON; raises BehaviourError."""
    if not isinstance(content, dict) or set(content) - {"prefix", "seconds", "status", "resets", "first"}:
        raise BehaviourError("expected an object of prefix, seconds, status, resets, first")
    prefix, seconds, status = content.get("prefix"), content.get("seconds", 0.0), content.get("status")
    resets, first = content.get("resets", False), content.get("first")
    if not isinstance(prefix, str) or not prefix:
        raise BehaviourError("prefix: expected how the tokens begin, which is not empty")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAXIMUM_SECONDS:
        raise BehaviourError(f"seconds: expected 0 to {MAXIMUM_SECONDS:g}, found {seconds!r}")
    if status is not None and not (_is_whole(status) and 200 <= status <= 599):
        raise BehaviourError(f"status: expected 200 to 599, found {status!r}")
    if not isinstance(resets, bool):
        raise BehaviourError(f"resets: expected true or false, found {resets!r}")
    if first is not None and not (_is_whole(first) and first >= 1):
        raise BehaviourError(f"first: expected a number of arrivals, found {first!r}")
    return prefix, Behaviour(float(seconds), status, resets, first)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass
class _Rule:
    prefix: str
    behaviour: Behaviour
    arrivals: Counter[str] = field(default_factory=Counter)


class Behaviours:
    """The one with the longest prefix counts, so that a request's own comes before that of its scenario."""

    def __init__(self) -> None:
        self._rules: deque[_Rule] = deque(maxlen=MAXIMUM)

    def learn(self, prefix: str, behaviour: Behaviour) -> None:
        """Replaces what was said of the same prefix."""
        others = [rule for rule in self._rules if rule.prefix != prefix]
        self._rules = deque(others, maxlen=MAXIMUM)
        self._rules.append(_Rule(prefix, behaviour))

    def forget(self, prefix: str) -> int:
        """Also what is said of longer prefixes; returns how many those were."""
        kept = [rule for rule in self._rules if not rule.prefix.startswith(prefix)]
        removed = len(self._rules) - len(kept)
        self._rules = deque(kept, maxlen=MAXIMUM)
        return removed

    def of(self, token: str | None) -> Behaviour | None:
        """What to do with a request that arrives now; None: what the workload always does."""
        if token is None or not self._rules:
            return None
        rule = max(
            (rule for rule in self._rules if token.startswith(rule.prefix)),
            key=lambda rule: len(rule.prefix),
            default=None,
        )
        if rule is None:
            return None
        if rule.behaviour.first is not None:
            rule.arrivals[token] += 1
            if rule.arrivals[token] > rule.behaviour.first:
                return None
        return rule.behaviour
