"""The seven words a check or a scenario can end with, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """In the order in which they win: the first that occurs among the parts is the verdict of the whole."""

    VIOLATES = "violates"
    HARNESS_ERROR = "harness-error"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"
    DEPARTS = "departs"
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NOT_APPLICABLE = "not-applicable"

    @property
    def is_green(self) -> bool:
        """Departs is green: only what the register of expectations knows, and this mesh has shown again, departs."""
        return self in {Verdict.PASS, Verdict.DEPARTS, Verdict.NOT_APPLICABLE}


def composed(verdicts: Iterable[Verdict | str]) -> Verdict:
    """The verdict of a whole. Without parts nothing was examined: blocked. An unknown word raises ValueError."""
    present = {Verdict(verdict) for verdict in verdicts}
    return next((verdict for verdict in Verdict if verdict in present), Verdict.BLOCKED)
