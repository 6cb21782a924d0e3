"""The one way in which obtaining a program fails."""

from pathlib import Path


class ProgramError(Exception):
    """A program cannot be had: `path` is where it was wanted, `hint` what a person can do about it."""

    def __init__(self, path: Path, problem: str, hint: str) -> None:
        super().__init__(path, problem, hint)
        self.path = path
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}\n{self.hint}"
