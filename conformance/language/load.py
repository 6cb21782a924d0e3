"""Files in, checked scenarios out. Every problem of a file is reported at once, with its line and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from conformance.errors import BadInput, Problem
from conformance.judgement.expectation import NOBODY
from conformance.language.invalid import Vocabulary, nearest, problem_of
from conformance.language.models import Case, Expectation, Origin, Phase, Request, Saw, Scenario, Share
from conformance.language.source import Source, Step, read_source

WORDS = Vocabulary(
    whole="the scenario",
    root=Scenario,
    models={
        "phases": Phase,
        "cases": Case,
        "source": Origin,
        "request": Request,
        "expect": Expectation,
        "document": Expectation,
        "saw": Saw,
        "shares": Share,
    },
    patterns={
        "id": "write lower-case segments joined by slashes, such as routing/headers/end-user",
        "path": "write it as it is sent, beginning with a slash, without spaces",
        "method": "write it in capitals",
        "principal": "write the caller's spiffe:// URI, or none",
        "app": "write lower-case letters, digits and hyphens",
        "beside": "write lower-case letters, digits and hyphens",
        "namespace": "write lower-case letters, digits and hyphens",
        "from": "write lower-case letters, digits and hyphens",
        "answered_by": f"write the name of a workload, or {NOBODY}",
    },
)


@dataclass(frozen=True)
class Application:
    """Who can be named in the scenarios of one application."""

    name: str
    clients: frozenset[str]
    """Who may send besides the workloads: outside, internet, service names, probe clients."""
    workloads: frozenset[str]

    def and_also(self, other: Application) -> Application:
        """Both in one namespace."""
        return replace(self, clients=self.clients | other.clients, workloads=self.workloads | other.workloads)


@dataclass(frozen=True)
class Loaded:
    """A scenario that knows where it is written."""

    scenario: Scenario
    source: Source

    def line(self, *steps: Step) -> int:
        """Where a part begins; the steps ("config", 2) lead to the third configuration object."""
        return self.source.line(*steps)

    def where(self, *steps: Step) -> str:
        """File and line of a part, for the beginning of a message."""
        return f"{self.source.path}:{self.line(*steps)}"


def load_scenario(path: Path, applications: Mapping[str, Application] | None = None) -> Loaded:
    """Reads one file. Names of applications, clients and workloads are checked if the applications are given."""
    source = read_source(path)
    problems = [] if applications is None else list(_unknown_names(source, applications))
    try:
        scenario = Scenario.model_validate(source.value)
    except ValidationError as invalid:
        problems += (problem_of(error, source, WORDS) for error in invalid.errors(include_url=False))
        raise BadInput.joined(sorted(problems, key=lambda problem: problem.line or 0)) from invalid
    if problems:
        raise BadInput.joined(problems)
    return Loaded(scenario, source)


def load_catalogue(root: Path, applications: Mapping[str, Application] | None = None) -> tuple[Loaded, ...]:
    """Reads every scenario below a folder, sorted by id; ids are unique among them."""
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    for path in sorted(path for path in root.rglob("*") if path.suffix.lower() in {".yaml", ".yml"}):
        try:
            loaded.append(load_scenario(path, applications))
        except BadInput as bad:
            problems += bad.problems
    problems += _repeated_ids(loaded)
    if problems:
        raise BadInput.joined(problems)
    if not loaded:
        hint = "name a folder of .yaml files"
        raise BadInput(path=str(root), line=None, problem="there is no scenario here", hint=hint)
    return tuple(sorted(loaded, key=lambda one: one.scenario.id))


def _repeated_ids(loaded: Iterable[Loaded]) -> Iterator[Problem]:
    first: dict[str, Loaded] = {}
    for one in loaded:
        earlier = first.setdefault(one.scenario.id, one)
        if earlier is not one:
            problem = f"the id {one.scenario.id} is taken by {earlier.where('id')}"
            yield one.source.problem("id", problem=problem, hint="give one of the two another id")


def _unknown_names(source: Source, applications: Mapping[str, Application]) -> Iterator[Problem]:
    """Looks at the values as they were read, so that a fault elsewhere in the file does not hide these."""
    name = source.at("app")
    if not isinstance(name, str):
        return
    found = applications.get(name)
    if found is None:
        yield source.problem("app", problem=f"there is no application {name!r}", hint=nearest(name, applications))
        return
    application = found
    beside = source.at("beside")
    for index, other in enumerate(beside if isinstance(beside, list) else ()):
        if isinstance(other, str) and other in applications:
            application = application.and_also(applications[other])
        elif isinstance(other, str):
            problem = f"there is no application {other!r}"
            yield source.problem("beside", index, problem=problem, hint=nearest(other, applications))
    senders = application.clients | application.workloads
    answerers = application.workloads | {NOBODY}
    phases = source.at("phases")
    places: list[tuple[Step, ...]] = [()]
    places += [("phases", index) for index in range(len(phases) if isinstance(phases, list) else 0)]
    for place in places:
        cases = source.at(*place, "cases")
        for index in range(len(cases) if isinstance(cases, list) else 0):
            case = (*place, "cases", index)
            yield from _unknown_name(source, senders, f"{name} has no client", *case, "from")
            yield from _unknown_name(source, answerers, f"{name} has no workload", *case, "expect", "answered_by")
            yield from _unknown_name(source, answerers, f"{name} has no workload", *case, "document", "answered_by")
            yield from _unknown_among_many(source, application, *case)


def _unknown_among_many(source: Source, application: Application, *case: Step) -> Iterator[Problem]:
    """Names in the words that have several workloads."""
    shares = source.at(*case, "expect", "shares")
    for number in range(len(shares) if isinstance(shares, list) else 0):
        share = (*case, "expect", "shares", number)
        yield from _unknown_name(
            source, application.workloads | {NOBODY}, f"{application.name} has no workload", *share, "answered_by"
        )
    for word in ("arrivals", "turns"):
        counted = source.at(*case, "expect", word)
        for workload in counted if isinstance(counted, dict) else ():
            if isinstance(workload, str) and workload not in application.workloads:
                hint = nearest(workload, application.workloads)
                problem = f"{application.name} has no workload {workload!r}"
                yield source.problem(*case, "expect", word, workload, problem=problem, hint=hint)


def _unknown_name(source: Source, known: frozenset[str], problem: str, *steps: Step) -> Iterator[Problem]:
    name = source.at(*steps)
    if isinstance(name, str) and name not in known:
        yield source.problem(*steps, problem=f"{problem} {name!r}", hint=nearest(name, known))
