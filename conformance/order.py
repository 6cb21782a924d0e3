"""Does the order of the scenarios, or the number of workers, change a verdict? Runs that differ in nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.report.record import ScenarioRecord, read_record

Say = Callable[[str], None]

_RECORD = re.compile(r"^record: (.+?)  \(", re.MULTILINE)
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Order:
    """What one run has of its own."""

    seed: int
    workers: int

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.workers or 'no'} workers"


Outcome = tuple[str, frozenset[tuple[str, str, str]]]
"""Of a scenario: its verdict, and the verdict of each check of each case."""


def outcome(record: ScenarioRecord) -> Outcome:
    return record.verdict, frozenset((each.case, each.check, each.verdict) for each in record.findings)


def perform(order: Order, kept_name: str, words: Sequence[str]) -> dict[str, Outcome]:
    """Runs in a process of its own. Incomplete for a run that was cut off, RuntimeError for one without a record."""
    own = ["--seed", str(order.seed), "-n", str(order.workers), "--kept", kept_name]
    command = [sys.executable, "-m", "conformance", "run", *own, *words]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ})
    found = _RECORD.search(ended.stdout)
    if not found:
        raise RuntimeError(f"{' '.join(command)} left no record:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return {each.id: outcome(each) for each in read_record(Path(found[1])).scenarios}


def differences(first: dict[str, Outcome], other: dict[str, Outcome]) -> Iterator[str]:
    """What is not the same in two runs, a line each."""
    for name in sorted(first.keys() | other.keys()):
        one, two = first.get(name), other.get(name)
        if one is None or two is None:
            yield f"{name}: performed in one of the two runs only"
        elif one != two:
            checks = sorted(f"{check} of '{case}'" for case, check, _ in one[1] ^ two[1])
            yield f"{name}: {one[0]}, then {two[0]} ({', '.join(dict.fromkeys(checks))})"


def compare(orders: Sequence[Order], kept_name: str, words: Sequence[str], say: Say) -> list[str]:
    """Every run against the first one; empty if all are the same."""
    first = perform(orders[0], kept_name, words)
    say(f"{orders[0]}: {len(first)} scenarios")
    found = []
    for order in orders[1:]:
        lines = [f"{order}: {line}" for line in differences(first, perform(order, kept_name, words))]
        say(f"{order}: {len(lines)} differences from {orders[0]}")
        found += lines
    return found


def proved(runs: int) -> str:
    """What so many runs without a difference say of the next one."""
    bound = 1 - (1 - _CONFIDENCE) ** (1 / runs)
    return (
        f"{runs} runs with identical verdicts: with {_CONFIDENCE:.0%} confidence, fewer than {bound:.0%} of orders "
        "change one"
    )
