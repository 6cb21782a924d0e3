"""Files in, checked scenarios out. Every problem of a file is reported at once, with its line and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from conformance.errors import BadInput, Problem
from conformance.judgement.expectation import NOBODY
from conformance.language.applications import Application, unknown_names
from conformance.language.behaviours import Behaviour
from conformance.language.certificates import CertificateOf, Content, SecretOf, Tls
from conformance.language.expectations import Count, Expectation, Saw, Share
from conformance.language.facts import Fact
from conformance.language.invalid import Vocabulary, problem_of
from conformance.language.models import Case, Flow, Origin, Phase, Scenario
from conformance.language.rejections import Rejection
from conformance.language.requests import Request
from conformance.language.source import Source, Step, read_source
from conformance.language.tokens import Key, Token

_NAME = "write lower-case letters, digits and hyphens"

WORDS = Vocabulary(
    whole="the scenario",
    root=Scenario,
    models={
        "phases": Phase,
        "cases": Case,
        "meanwhile": Flow,
        "cluster": Fact,
        "source": Origin,
        "request": Request,
        "expect": Expectation,
        "document": Expectation,
        "counts": Count,
        "shares": Share,
        "behaviours": Behaviour,
        "saw": Saw,
        "tls": Tls,
        "certificates": CertificateOf,
        "secrets": SecretOf,
        "data": Content,
        "token": Token,
        "keys": Key,
        "rejected": Rejection,
    },
    patterns={
        "id": "write lower-case segments joined by slashes, such as routing/headers/end-user",
        "path": "write it as it is sent, beginning with a slash, without spaces",
        "method": "write it in capitals",
        "principal": "write the caller's spiffe:// URI, or none",
        "app": _NAME,
        "beside": _NAME,
        "namespace": _NAME,
        "from": _NAME,
        "authority": _NAME,
        "sni": "write a host in lower case, or none",
        "hosts": "write a host in lower case, such as api.example.com or *.example.com",
        "alert": "write it as RFC 8446 does, such as certificate_required",
        "served": "write the name of one of the scenario's certificates",
        "key": "write the name of one of the keys, in lower-case letters, digits and hyphens",
        "keys": "name each key in lower-case letters, digits and hyphens",
        "header": "write the name of a header",
        "parameter": "write letters, digits, hyphens and underscores",
        "workload": "write the name of a workload",
        "answered_by": f"write the name of a workload, or {NOBODY}",
    },
)

SUFFIXES = (".yaml", ".yml")
"""Of scenario files."""


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
    problems = [] if applications is None else list(unknown_names(source, applications))
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
    for path in sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES):
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
