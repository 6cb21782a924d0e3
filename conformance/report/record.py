"""The record of a run: one JSON line for the run, one for each scenario, and one that says it is complete.

A scenario's line has everything the judge needs, so that the findings can be made again without a cluster. The same
record has the same bytes: keys are sorted, and the text is ASCII.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from conformance.errors import BadInput, Incomplete
from conformance.judgement.admission import Attempt, ExpectedRejection
from conformance.judgement.departures import Known
from conformance.judgement.expectation import CaseExpectation
from conformance.judgement.findings import Finding
from conformance.judgement.history import Exchange
from conformance.judgement.profile import ProfileName
from conformance.judgement.standings import FactExpectation, Standing
from conformance.judgement.verdict import Verdict, composed
from conformance.judgement.whole import ALL_JUDGED, Promises, Recorded, findings_of
from conformance.report.packing import Repeat, packed, unpacked

FORMAT: Final = 1
"""Changes with every change that makes an older record unreadable or a newer one misread."""


def _with_zone(time: str) -> str:
    if datetime.fromisoformat(time).tzinfo is None:
        raise ValueError("the time lacks its zone")
    return time


Time = Annotated[str, AfterValidator(_with_zone)]
"""ISO 8601, with its zone."""


class _Line(BaseModel):
    """One line; the configuration also holds for the judgement's dataclasses in it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def to_json(self) -> bytes:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode("ascii")


class Header(_Line):
    """The first line: what the run was, and what it ran against."""

    record: Literal["header"] = "header"
    format: Literal[1] = FORMAT
    run: str
    started: Time
    seed: int
    versions: dict[str, str]
    """Of every program of the cluster."""
    sources: dict[str, str]
    """Where each of these programs came from."""
    profile: ProfileName = "full"


class ScenarioRecord(_Line):
    """What one scenario promised, what was recorded, and what follows from it."""

    record: Literal["scenario"] = "scenario"
    id: str
    verdict: Verdict
    seconds: float
    phases: dict[str, float]
    """Seconds spent in each phase."""
    cases: tuple[CaseExpectation, ...]
    exchanges: tuple[Exchange, ...]
    repeats: tuple[Repeat, ...] = ()
    """Only in JSON: what `exchanges` has there is the first of each kind. In a program all are in `exchanges`."""
    findings: tuple[Finding, ...]
    known: Known = Known()
    """What the register of expectations said of it."""
    evidence: str = ""
    """A folder below that of the run, for a scenario that is not green."""
    certificates: dict[str, str] = Field(default={})
    """Fingerprints (SHA-256, hex) of those made for this run, by name; their keys are nowhere."""
    facts: tuple[FactExpectation, ...] = ()
    """What was promised of objects of the cluster."""
    standings: tuple[Standing, ...] = ()
    rejections: tuple[ExpectedRejection, ...] = ()
    """Objects that must be refused."""
    attempts: tuple[Attempt, ...] = ()
    """What the API server said to them."""

    def to_json(self) -> bytes:
        kinds, repeats = packed(self.exchanges)
        return _Line.to_json(self.model_copy(update={"exchanges": kinds, "repeats": repeats}))

    def unpacked(self) -> Self:
        """As it was before it was JSON; ValueError for repeats that do not fit."""
        exchanges = unpacked(self.exchanges, self.repeats)
        return self.model_copy(update={"exchanges": exchanges, "repeats": ()})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        return cls.model_validate_json(text).unpacked()

    @model_validator(mode="after")
    def _follows_from_findings(self) -> Self:
        verdict = composed(finding.verdict for finding in self.findings)
        if verdict != self.verdict:
            raise ValueError(f"the verdict is {self.verdict}, but the findings say {verdict}")
        return self


class Footer(_Line):
    """The last line: without it the run was cut off."""

    record: Literal["footer"] = "footer"
    counts: dict[Verdict, int]
    """Every word of Verdict, with the number of scenarios that ended so."""
    ended: Time


Line = Annotated[Header | ScenarioRecord | Footer, Field(discriminator="record")]
_LINE: TypeAdapter[Header | ScenarioRecord | Footer] = TypeAdapter(Line)


@dataclass(frozen=True)
class RunRecord:
    """A complete record."""

    header: Header
    scenarios: tuple[ScenarioRecord, ...]
    footer: Footer


class RecordWriter:
    """Writes a record as the run goes on; what a killed run leaves behind can be read up to its last whole line."""

    def __init__(self, path: Path, header: Header) -> None:
        """Begins a new file: FileExistsError rather than a second record in an old one."""
        self._file: BinaryIO = path.open("xb")
        self._verdicts: dict[str, Verdict] = {}
        self._append(header)

    def add(self, scenario: ScenarioRecord) -> None:
        """Writes one scenario's line; ValueError if it has one already."""
        if scenario.id in self._verdicts:
            raise ValueError(f"the record has {scenario.id} already")
        self._append(scenario)
        self._verdicts[scenario.id] = scenario.verdict

    def finish(self, ended: str) -> Footer:
        """Writes the footer and closes the file."""
        footer = Footer(counts=counts_of(self._verdicts.values()), ended=ended)
        self._append(footer)
        self._file.close()
        return footer

    def abandon(self) -> None:
        """Closes the file without a footer, as a run that was cut off leaves it."""
        self._file.close()

    def _append(self, line: _Line) -> None:
        self._file.write(line.to_json() + b"\n")
        self._file.flush()


def counts_of(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    """How often each word occurs, zeros too."""
    counts = Counter(verdicts)
    return {verdict: counts[verdict] for verdict in Verdict}


def read_record(path: Path) -> RunRecord:
    """Reads a complete record; Incomplete if its footer is missing, BadInput if anything else is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"the record cannot be read: {error.strerror}"
        raise BadInput(path=str(path), line=None, problem=problem, hint="name the record of a run") from error
    *texts, torn = content.split(b"\n")
    lines = [_parsed(text, str(path), number) for number, text in enumerate(texts, start=1)]
    if torn or not lines or not any(isinstance(line, Footer) for line in lines):
        hint = "the run was cut off, and its record proves nothing: run it again"
        raise Incomplete(path=str(path), line=len(lines) or None, problem="the record has no footer", hint=hint)
    return _assembled(lines, str(path))


def replay(scenario: ScenarioRecord) -> tuple[Finding, ...]:
    """Judges a recorded scenario again.

    Findings that are not the judge's (a refused configuration, say) stand as recorded, before the judge's.
    """
    others = tuple(finding for finding in scenario.findings if finding.check not in ALL_JUDGED)
    if not scenario.exchanges and any(finding.verdict is Verdict.BLOCKED for finding in others):
        # It was blocked before anything was sent, so nothing was judged.
        return others
    promised = Promises(scenario.cases, scenario.facts, scenario.rejections, scenario.known)
    recorded = Recorded(scenario.exchanges, scenario.standings, scenario.attempts)
    return others + findings_of(scenario.id, promised, recorded)


def findings_to_json(findings: tuple[Finding, ...]) -> bytes:
    """The canonical bytes of findings, to compare a replay with its record."""
    plain = TypeAdapter(tuple[Finding, ...]).dump_python(findings, mode="json")
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def _parsed(text: bytes, path: str, number: int) -> Header | ScenarioRecord | Footer:
    try:
        line = _LINE.validate_json(text)
        return line.unpacked() if isinstance(line, ScenarioRecord) else line
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        problem = f"{place}: {first['msg']}"
        hint = f"a record is written by this program, format {FORMAT}, and not edited; take the original"
        raise BadInput(path=path, line=number, problem=problem, hint=hint) from invalid
    except ValueError as wrong:
        raise _misplaced(path, number, str(wrong)) from wrong


def _assembled(lines: list[Header | ScenarioRecord | Footer], path: str) -> RunRecord:
    header, *middle, footer = lines if len(lines) > 1 else (lines[0], lines[0])
    if not isinstance(header, Header):
        raise _misplaced(path, 1, "the first line is not a header")
    if not isinstance(footer, Footer):
        raise _misplaced(path, len(lines), "there is a line after the footer")
    first: dict[str, int] = {}
    scenarios: list[ScenarioRecord] = []
    for number, line in enumerate(middle, start=2):
        if not isinstance(line, ScenarioRecord):
            raise _misplaced(path, number, f"a second {line.record} is here")
        if line.id in first:
            raise _misplaced(path, number, f"{line.id} is here a second time, after line {first[line.id]}")
        first[line.id] = number
        scenarios.append(line)
    if footer.counts != counts_of(tuple(scenario.verdict for scenario in scenarios)):
        raise _misplaced(path, len(lines), "the footer's counts are not those of the scenarios")
    return RunRecord(header, tuple(scenarios), footer)


def _misplaced(path: str, line: int, problem: str) -> BadInput:
    hint = "a record is the work of one run, without gaps or additions; take the original"
    return BadInput(path=path, line=line, problem=problem, hint=hint)
