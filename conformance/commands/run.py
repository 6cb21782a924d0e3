"""`conformance run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.commands import BAD_INPUT, SCENARIOS

# pytest's own words for what is bad input here: wrong usage, and nothing that matches.
_PYTEST_BAD_INPUT = (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)


WORKERS = 3
"""For the whole catalogue: two cores are busy while some scenarios wait for a time-out."""
_CHOICES = ("-n", "--numprocesses", "--dist", "-p", "-k", "--only", "--collect-only", "-x", "--pdb")


def _workers(words: Sequence[str], *, whole: bool) -> list[str]:
    """Options of xdist, unless some scenarios are chosen or the words say how."""
    if not whole or any(word.startswith(choice) for word in words for choice in _CHOICES):
        return ["--dist=loadgroup"] if any(word.startswith(("-n", "--numprocesses")) for word in words) else []
    return [f"--numprocesses={WORKERS}", "--dist=loadgroup"]


_WITH_A_FOLDER = "--images"


def joined(words: Sequence[str]) -> list[str]:
    """`--images DIR` as one word: the folder is not one of scenarios."""
    found: list[str] = []
    for word in words:
        if found and found[-1] == _WITH_A_FOLDER:
            found[-1] = f"{_WITH_A_FOLDER}={word}"
        else:
            found.append(word)
    return found


def main(given: Sequence[str]) -> int:
    """Scenarios through pytest: all of the project's, or the files and folders among the words."""
    words = joined(given)
    named = any(Path(word.split("::")[0]).exists() for word in words if not word.startswith("-"))
    paths = [] if named else [str(SCENARIOS)]
    code = pytest.main(["-q", "--no-header", "--assert=plain", *_workers(words, whole=not named), *words, *paths])
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        print("no scenario matches: `conformance list` lists them", file=sys.stderr)
    return BAD_INPUT if code in _PYTEST_BAD_INPUT else int(code)
