"""Run records as Markdown: one as the summary of a job, two side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from conformance.report.record import RunRecord, ScenarioRecord

_SHOWN_PARTS = ("pilot-discovery", "kubelet", "kube-apiserver", "envoy", "kind", "docker")


def summary(run: RunRecord) -> str:
    """Counts, versions, and every scenario that is not green with what was promised and seen."""
    counts = ", ".join(f"{number} {verdict}" for verdict, number in run.footer.counts.items() if number)
    red = [each for each in run.scenarios if not each.verdict.is_green]
    lines = [
        f"## {len(run.scenarios)} scenarios: {counts or 'none'}",
        "",
        f"Run `{run.header.run}`, seed {run.header.seed}, {_wall_seconds(run):.0f} s. {_versions(run)}",
    ]
    if red:
        lines += ["", *_table(("scenario", "verdict", "case", "expected", "observed"), _rows(red))]
    return "\n".join(lines) + "\n"


def _rows(red: Iterable[ScenarioRecord]) -> list[tuple[str, ...]]:
    return [
        (each.id, str(finding.verdict), finding.case, finding.expected, finding.observed)
        for each in red
        for finding in each.findings
        if not finding.verdict.is_green
    ]


def side_by_side(first: RunRecord, second: RunRecord, names: tuple[str, str]) -> str:
    """Every scenario of either with both verdicts and durations; differences first."""
    by_id = [{each.id: each for each in run.scenarios} for run in (first, second)]
    ids = sorted({*by_id[0], *by_id[1]})
    pairs = [(each, by_id[0].get(each), by_id[1].get(each)) for each in ids]
    different = [each for each, one, other in pairs if _word(one) != _word(other)]
    rows = [
        (f"**{each}**" if each in different else each, _word(one), _word(other), _seconds(one), _seconds(other))
        for each, one, other in sorted(pairs, key=lambda pair: pair[0] not in different)
    ]
    wall = ("wall time of the scenarios", "", "", f"{_wall_seconds(first):.0f}", f"{_wall_seconds(second):.0f}")
    heading = ("scenario", *names, f"{names[0]} s", f"{names[1]} s")
    said = f"{len(ids)} scenarios, {len(different)} with different verdicts"
    return "\n".join((f"{said}.", "", *_table(heading, [*rows, wall]))) + "\n"


def _word(record: ScenarioRecord | None) -> str:
    return str(record.verdict) if record else "not run"


def _seconds(record: ScenarioRecord | None) -> str:
    return f"{record.seconds:.1f}" if record else ""


def _wall_seconds(run: RunRecord) -> float:
    began, ended = (datetime.fromisoformat(each) for each in (run.header.started, run.footer.ended))
    return (ended - began).total_seconds()


def _versions(run: RunRecord) -> str:
    known = ((name, run.header.versions.get(name)) for name in _SHOWN_PARTS)
    return ", ".join(f"{name} {version}" for name, version in known if version)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heading, ["---"] * len(heading), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines]
