"""Where the time of a run goes: the slowest scenarios, and the seconds of each phase."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from conformance.report.record import ScenarioRecord, read_record

SLOWEST = 10


def measure(runs: Path) -> tuple[ScenarioRecord, ...]:
    """Runs the whole catalogue in a process of its own, which shows its progress; what it recorded below `runs`.

    Raises BadInput when the record is incomplete.
    """
    before = set(runs.glob("*/record.ndjson"))
    subprocess.run([sys.executable, "-m", "conformance", "run"], check=False)
    (record,) = set(runs.glob("*/record.ndjson")) - before
    return read_record(record).scenarios


def table(records: Sequence[ScenarioRecord]) -> str:
    """For a person: all scenarios in one row, then the slowest, each with its two longest phases."""
    phases: Counter[str] = Counter()
    for record in records:
        phases.update(record.phases)
    whole = sum(record.seconds for record in records)
    slowest = sorted(records, key=lambda each: -each.seconds)[:SLOWEST]
    rows = (f"{each.seconds:>7.1f} s  {each.id}  ({_seconds(Counter(each.phases), 2)})" for each in slowest)
    return "\n".join([f"{len(records)} scenarios, {whole:.1f} s: {_seconds(phases)}", f"the {SLOWEST} slowest", *rows])


def _seconds(phases: Counter[str], most: int | None = None) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phases.most_common(most))
