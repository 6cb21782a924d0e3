"""A run as lines of text, while it goes on and at its end. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.judgement.verdict import Verdict
from conformance.report.record import ScenarioRecord, counts_of

if TYPE_CHECKING:
    from conformance.run import Run


def line(scenario: str, record: ScenarioRecord | None, done: int, total: int) -> str:
    """One scenario: `[3/10] routing/headers/end-user  4 checks  0.6 s`, with the verdict unless it is pass."""
    position = f"[{done:>{len(str(total))}}/{total}] {scenario}"
    if record is None:
        return f"{position}  NOT RUN: see below"
    count = f"{len(record.findings)} checks  {record.seconds:.1f} s"
    verdict = "" if record.verdict is Verdict.PASS else f"  {str(record.verdict).upper()}"
    return f"{position}  {count}{verdict}"


def failure(record: ScenarioRecord, where: str) -> str:
    """Why a scenario is not green: every finding, and how to repeat it."""
    findings = [finding for finding in record.findings if not finding.verdict.is_green]
    lines = [where, *(finding.message() for finding in findings)]
    if not findings:
        lines.append(f"{record.verdict}: nothing was judged")
    lines.append(f"repeat it: nox -s conformance -- --only {record.id}")
    return "\n".join(lines)


def summary(run: Run) -> list[str]:
    """The end of a run: where the record lies, and the counts of every verdict in the last line."""
    if not run.results and run.footer is None:
        return []
    lines = [f"record: {run.folder / 'record.ndjson'}  (seed {run.seed})"]
    if run.kept:
        lines.append("the cluster is kept: `conformance cluster shell` enters it, `conformance cluster down` ends it")
    counts = counts_of(record.verdict for record in run.results)
    # Green first, as one reads it; zeros stay, so that nobody has to wonder whether a word was counted.
    ordered = sorted(counts.items(), key=lambda each: not each[0].is_green)
    words = ", ".join(f"{count} {verdict}" for verdict, count in ordered)
    seconds = sum(record.seconds for record in run.results)
    return [*lines, f"conformance: {len(run.results)} scenarios in {seconds:.1f} s: {words}"]
