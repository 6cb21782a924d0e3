"""A run as lines of text, while it goes on and at its end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.judgement.departures import DOCUMENT
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


def failure(record: ScenarioRecord, where: str, folder: Path | None = None) -> str:
    """Why a scenario is not green: every finding, where the evidence lies, and how to repeat it."""
    findings = [finding for finding in record.findings if not finding.verdict.is_green]
    lines = [where, *(finding.message() for finding in findings)]
    if not findings:
        lines.append(f"{record.verdict}: nothing was judged")
    if record.evidence and folder:
        lines.append(f"evidence: {folder / record.evidence}")
    path = Path(where.rpartition(":")[0])
    chosen = f"--only {record.id}" if "scenarios" in path.parts else str(path)
    lines.append(f"repeat it: nox -s conformance -- {chosen}")
    return "\n".join(lines)


def summary(run: Run) -> list[str]:
    """The end of a run: where the record lies, and the counts of every verdict in the last line."""
    if not run.results and run.footer is None:
        return []
    lines = [f"record: {run.folder / 'record.ndjson'}  (seed {run.seed}, profile {run.profile})"]
    if run.kept:
        lines.append("the cluster is kept: `conformance cluster shell` enters it, `conformance cluster down` ends it")
    return [*departures(run.results), *lines, last(run.results)]


def departures(records: Sequence[ScenarioRecord]) -> list[str]:
    """What is known to depart from Istio, shown again by this run: each with its reason and its link."""
    lines: list[str] = []
    for record in sorted(records, key=lambda record: record.id):
        departed = {(finding.case, finding.check) for finding in record.findings if finding.verdict is Verdict.DEPARTS}
        for each in record.known.departures:
            cases = {name for name, _ in each.claims} if each.proof is None else {""}
            if any((case, DOCUMENT) in departed for case in cases):
                lines.append(f"document departs from Istio: {record.id}: document {each.document} says: {each.claim}")
                lines += [f"  but {each.istio}", f"  {each.reason}  {each.link}"]
        for known in record.known.deviations:
            if any((case, check) in departed for case in known.cases for check in known.checks):
                lines.append(f"Istio {known.versions} departs: {record.id}: {', '.join(known.cases)}")
                lines.append(f"  {known.reason}  {known.link}")
    return lines


_COUNTED = (
    (Verdict.PASS, "pass"),
    (Verdict.DEPARTS, "known deviation"),
    (Verdict.VIOLATES, "violates"),
    (Verdict.UNDECIDED, "undecided"),
    (Verdict.BLOCKED, "blocked"),
)
"""Zeros of these stay, so that nobody has to wonder whether a word was counted."""


def last(records: Sequence[ScenarioRecord]) -> str:
    """How many scenarios ended in which way."""
    counts = counts_of(record.verdict for record in records)
    words = [f"{counts[verdict]} {word}" for verdict, word in _COUNTED]
    others = [verdict for verdict in Verdict if verdict not in dict(_COUNTED)]
    words += [f"{counts[verdict]} {verdict}" for verdict in others if counts[verdict]]
    seconds = sum(record.seconds for record in records)
    return f"conformance: {len(records)} scenarios in {seconds:.1f} s: {', '.join(words)}"
