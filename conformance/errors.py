"""The exceptions of this project that a person reads.

    Exception
    └── BadInput        something handed to the harness cannot be used: a scenario, a record, an argument; exit code 2
        └── Incomplete  a run record without its last line: the run was cut off, and nothing follows from it

A finding about Istio is never an exception, and a fault of the harness itself stays the exception it is: neither can
be caught together with these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in one place, and what to do about it."""

    path: str
    line: int | None
    """Counted from 1; None where no line is to blame."""
    problem: str
    hint: str

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.problem}\n  {self.hint}"


class BadInput(Exception):  # noqa: N818 - the word a person says; "Error" would add nothing
    """What was handed over cannot be used; `problems` names everything that is wrong with it, not only the first."""

    exit_code: ClassVar[int] = 2
    problems: tuple[Problem, ...]

    def __init__(self, *, path: str, line: int | None, problem: str, hint: str) -> None:
        self.problems = (Problem(path=path, line=line, problem=problem, hint=hint),)
        super().__init__(str(self.problems[0]))

    @classmethod
    def joined(cls, problems: Iterable[Problem]) -> Self:
        """One exception for several problems, of which there is at least one; they keep their order."""
        first, *rest = problems
        whole = cls(path=first.path, line=first.line, problem=first.problem, hint=first.hint)
        whole.problems = (first, *rest)
        whole.args = ("\n".join(map(str, whole.problems)),)
        return whole

    @property
    def path(self) -> str:
        return self.problems[0].path

    @property
    def line(self) -> int | None:
        return self.problems[0].line

    @property
    def problem(self) -> str:
        return self.problems[0].problem

    @property
    def hint(self) -> str:
        return self.problems[0].hint


class Incomplete(BadInput):
    """A run record that lacks its footer."""
