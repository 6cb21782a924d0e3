"""register.yaml in, what it says of a scenario out. An entry that fits nothing, or is too old, is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from conformance.errors import BadInput, Problem
from conformance.expectations.models import DocumentEntry, Register, VersionEntry, Versions
from conformance.judgement.departures import Departure, Deviation, Known
from conformance.judgement.expectation import Expected
from conformance.language.invalid import Vocabulary, nearest, problem_of
from conformance.language.load import Loaded
from conformance.language.models import Case
from conformance.language.source import Source, Step, read_source
from conformance.router.versions import Version

REGISTER = Path(__file__).parent / "register.yaml"
CATALOGUE = Path(__file__).parents[1] / "scenarios"

WORDS = Vocabulary(
    whole="the register",
    root=Register,
    models={"documents": DocumentEntry, "versions": VersionEntry, "since": Versions, "before": Versions},
    patterns={
        "scenario": "write the id of a scenario, such as routing/headers/end-user",
        "link": "write an https:// address: of Istio's documentation, an issue or a release note",
        "since": 'write a minor in quotes, such as "1.30"',
        "before": 'write a minor in quotes, such as "1.30"',
        "checks": "write the names of checks, as findings have them behind #",
        "proof": "write the name of a check, as findings have them behind #",
    },
)


@dataclass(frozen=True)
class Entries:
    """A register that has been read."""

    register: Register
    source: Source

    def known(self, loaded: Loaded, version: Version) -> Known:
        """What is known of the scenario on this Istio; BadInput for entries and claims that do not fit each other."""
        cases = {case.name: case for stage in loaded.scenario.stages for case in stage.cases}
        problems = [*self._misfits(loaded.scenario.id, cases), *self._unregistered(loaded)]
        if problems:
            raise BadInput.joined(problems)
        return Known(
            departures=tuple(
                Departure(
                    document=loaded.scenario.source.document,
                    claim=entry.claims,
                    istio=entry.istio,
                    reason=entry.reason,
                    link=entry.link,
                    claims=tuple((name, _claimed(cases[name])) for name in entry.cases),
                    proof=entry.proof,
                )
                for entry in self.register.documents
                if entry.scenario == loaded.scenario.id
            ),
            deviations=tuple(
                Deviation(
                    versions=str(entry.versions),
                    reason=entry.reason,
                    link=entry.link,
                    cases=entry.cases,
                    checks=entry.checks,
                )
                for entry in self.register.versions
                if entry.scenario == loaded.scenario.id and entry.versions.has(version.minor)
            ),
        )

    def _misfits(self, scenario: str, cases: Mapping[str, Case]) -> Iterator[Problem]:
        listed: dict[str, tuple[Step, ...]] = {}
        for kind, index, entry in self.all():
            if entry.scenario != scenario:
                continue
            for number, name in enumerate(entry.cases):
                place = (kind, index, "cases", number)
                if name not in cases:
                    problem = f"{scenario} has no case {name!r}"
                    yield self.source.problem(*place, problem=problem, hint=nearest(name, cases))
                elif kind == "documents":
                    yield from self._unclaimed(scenario, cases[name], place)
                    first = listed.setdefault(name, place)
                    if first != place:
                        problem = f"the case {name!r} is in line {self.source.line(*first)} already"
                        yield self.source.problem(*place, problem=problem, hint="keep one of the two")

    def _unclaimed(self, scenario: str, case: Case, place: tuple[Step, ...]) -> Iterator[Problem]:
        if case.document is None:
            problem = f"the case {case.name!r} of {scenario} does not say what the document claims"
            yield self.source.problem(*place, problem=problem, hint="give it `document:`, or remove it here")

    def _unregistered(self, loaded: Loaded) -> Iterator[Problem]:
        scenario = loaded.scenario
        known = {name for entry in self.register.documents if entry.scenario == scenario.id for name in entry.cases}
        for stage in scenario.stages:
            for index, case in enumerate(stage.cases):
                if case.document is not None and case.name not in known:
                    problem = f"the register has no entry for the claim of the case {case.name!r}"
                    hint = f"add it to the documents of {REGISTER.name} with reason and link, or remove `document:`"
                    yield loaded.source.problem(*stage.steps, "cases", index, "document", problem=problem, hint=hint)

    def all(self) -> Iterator[tuple[str, int, DocumentEntry | VersionEntry]]:
        for index, document in enumerate(self.register.documents):
            yield "documents", index, document
        for index, version in enumerate(self.register.versions):
            yield "versions", index, version


def _claimed(case: Case) -> Expected:
    assert case.document is not None, "misfits are refused before"
    return case.document.expected()


@cache
def register() -> Entries:
    """The project's own, of today."""
    return read_register(REGISTER, CATALOGUE, datetime.now(UTC).date())


def read_register(path: Path, catalogue: Path, today: date) -> Entries:
    """Raises BadInput with every problem of the file: its words, entries of no scenario, entries that expired."""
    source = read_source(path)
    try:
        entries = Entries(Register.model_validate(source.value), source)
    except ValidationError as invalid:
        problems = [problem_of(error, source, WORDS) for error in invalid.errors(include_url=False)]
        raise BadInput.joined(sorted(problems, key=lambda problem: problem.line or 0)) from invalid
    problems = [*_lost(entries, catalogue), *_expired(entries, today)]
    if problems:
        raise BadInput.joined(sorted(problems, key=lambda problem: problem.line or 0))
    return entries


def _lost(entries: Entries, catalogue: Path) -> Iterator[Problem]:
    """A scenario's id is its place in the catalogue."""
    for kind, index, entry in entries.all():
        if not (catalogue / f"{entry.scenario}.yaml").is_file():
            known = [str(path.relative_to(catalogue).with_suffix("")) for path in catalogue.rglob("*.yaml")]
            near = [each for each in known if each.startswith(f"{entry.scenario.partition('/')[0]}/")]
            problem = f"the catalogue has no scenario {entry.scenario}"
            yield entries.source.problem(kind, index, "scenario", problem=problem, hint=nearest(entry.scenario, near))


def _expired(entries: Entries, today: date) -> Iterator[Problem]:
    for index, entry in enumerate(entries.register.versions):
        if date.fromisoformat(entry.expires) < today:
            problem = f"the entry for {entry.scenario} on Istio {entry.versions} expired on {entry.expires}"
            hint = "look whether it still is so: then name a later day, otherwise remove the entry"
            yield entries.source.problem("versions", index, "expires", problem=problem, hint=hint)
