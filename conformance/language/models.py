"""The words of the scenario language, and which of them may stand together.

Plain values go in, frozen models come out. A rule that one value breaks is checked where the value is; a rule between
values is checked at the model that has both. Names of applications and workloads are checked in load.py, which is
told them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from conformance.judgement.expectation import NOBODY, CaseExpectation, Counted, Expected, ExpectedSight, Refusal
from conformance.language.behaviours import Behaviour
from conformance.language.words import Label, Listed, Text, Words
from conformance.language.words import contradiction as _contradiction


def _absolute(url: str) -> str:
    hint = "write it as http://host/path or https://host:port/path"
    if re.search(r"[^\x21-\x7e]", url):
        raise _contradiction(f"the URL {url!r} has a space or a character beyond ASCII", hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _contradiction(f"the URL {url!r} cannot be read: {error}", hint) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise _contradiction(f"the URL {url!r} is not absolute", hint)
    if parts.fragment or parts.username is not None:
        raise _contradiction(f"the URL {url!r} has a fragment or a user, which no request carries", hint)
    return url


def _distinct(names: Mapping[str, Any] | tuple[str, ...]) -> Any:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            problem = f"{seen[name.lower()]!r} and {name!r} are one header"
            raise _contradiction(problem, "keep one of them: header names have no case")
        seen[name.lower()] = name
    return names


def _native(value: dict[str, Any]) -> dict[str, Any]:
    """Checks only what is needed to tell the object from others; the rest is the API server's business."""
    missing = [key for key in ("apiVersion", "kind") if not (isinstance(value.get(key), str) and value[key])]
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    if not (isinstance(metadata.get("name"), str) and metadata["name"]):
        missing.append("metadata.name")
    if not isinstance(metadata.get("namespace", ""), str):
        missing.append("a metadata.namespace that is a string")
    if missing:
        hint = "write it as for kubectl apply; each of these is a string that is not empty"
        raise _contradiction(f"a configuration object lacks {', '.join(missing)}", hint)
    return value


Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$", max_length=120)]
Url = Annotated[str, AfterValidator(_absolute)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$")]
HeaderValues = Annotated[dict[HeaderName, HeaderValue], AfterValidator(_distinct)]
HeaderNames = Annotated[Listed[HeaderName], AfterValidator(_distinct)]
Native = Annotated[dict[str, Any], AfterValidator(_native)]
"""A Kubernetes object as it stands in the file."""

Method = Literal["get", "post", "put", "delete", "head", "options", "patch"]


def _refuse_both(names: tuple[str, ...], absent: tuple[str, ...], *at: str) -> None:
    both = sorted({name.lower() for name in names} & {name.lower() for name in absent})
    if both:
        problem = f"{', '.join(both)} is both in headers and in without_headers"
        raise _contradiction(problem, "no request and no answer can be both; keep one", *at)


class Origin(Words):
    """Where the promise is written, and what it says in our own words."""

    document: Text
    section: Text
    claim: Text


class Request(Words):
    """Exactly one method with its URL."""

    METHODS: ClassVar[tuple[Method, ...]] = ("get", "post", "put", "delete", "head", "options", "patch")

    get: Url | None = None
    post: Url | None = None
    put: Url | None = None
    delete: Url | None = None
    head: Url | None = None
    options: Url | None = None
    patch: Url | None = None
    headers: HeaderValues = Field({})
    body: str | None = None

    @model_validator(mode="after")
    def _has_one_method(self) -> Request:
        given = [method for method in self.METHODS if getattr(self, method) is not None]
        if len(given) != 1:
            problem = f"a request has one method, this one has {' and '.join(given) or 'none'}"
            raise _contradiction(problem, f"write one of {', '.join(self.METHODS)}, followed by the URL")
        return self

    @property
    def method(self) -> str:
        """In capitals, as it is sent."""
        return next(method.upper() for method in self.METHODS if getattr(self, method) is not None)

    @property
    def url(self) -> str:
        url: str = getattr(self, self.method.lower())
        return url


class Saw(Words):
    """What the answering workload sees of the request."""

    path: Annotated[str, StringConstraints(pattern=r"^/[\x21-\x7e]*$")] | None = None
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")] | None = None
    host: Text | None = None
    headers: HeaderValues = Field({}, min_length=1)
    without_headers: HeaderNames = Field((), min_length=1)
    principal: Annotated[str, StringConstraints(pattern=r"^(none|spiffe://[!-~]+)$")] | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Saw:
        if not self.model_fields_set:
            raise _contradiction("saw promises nothing", f"write one of {', '.join(Saw.model_fields)}")
        _refuse_both(tuple(self.headers), self.without_headers, "headers")
        return self

    def expected(self) -> ExpectedSight:
        return ExpectedSight(
            path=self.path,
            method=self.method,
            host=self.host,
            headers=tuple(self.headers.items()),
            without_headers=self.without_headers,
            principal=self.principal,
        )


def _ascending(band: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= band[0] < band[1]:
        raise _contradiction(f"the band {list(band)} is empty", "write the least and the most seconds, such as [5, 6]")
    return band


Band = Annotated[tuple[float, float], Field(strict=False), AfterValidator(_ascending)]


class Expectation(Words):
    """What becomes of the request; at least one key, and none that excludes another."""

    status: Annotated[int, Field(ge=100, le=599)] | None = None
    answered_by: Label | None = None
    body: Annotated[str, StringConstraints(min_length=1)] | None = None
    headers: HeaderValues = Field({}, min_length=1)
    without_headers: HeaderNames = Field((), min_length=1)
    saw: Saw | None = None
    refused: Refusal | None = None
    takes: Band | None = None
    """Seconds until the end: at least, at most."""
    arrivals: dict[Label, Annotated[int, Field(ge=1)]] | None = None
    """Attempts and copies by workload: how often the journal of each has the request."""
    counts: Listed[Alternative] = Field((), min_length=1)
    """Of many requests: each is one of these alternatives (the first that it keeps), and each of them so often."""

    @model_validator(mode="after")
    def _is_possible(self) -> Expectation:
        given = self.model_fields_set
        if not given:
            raise _contradiction("the case expects nothing", f"write one of {', '.join(Expectation.model_fields)}")
        if self.refused is not None:
            self._is_possible_without_answer()
        if self.saw is not None and self.answered_by == NOBODY:
            problem = "saw tells what a workload saw, and answered_by that nobody did"
            raise _contradiction(problem, "keep one of the two", "saw")
        _refuse_both(tuple(self.headers), self.without_headers, "headers")
        return self

    def _is_possible_without_answer(self) -> None:
        of_answers = self.model_fields_set - {"refused", "answered_by", "takes", "arrivals", "count"}
        if self.answered_by not in {None, NOBODY}:
            of_answers |= {"answered_by"}
        if of_answers:
            problem = f"a refused request has no answer, so {', '.join(sorted(of_answers))} cannot be expected"
            raise _contradiction(problem, f"keep refused, with answered_by: {NOBODY} at most", "refused")

    def expected(self) -> Expected:
        return Expected(
            status=self.status,
            answered_by=self.answered_by,
            body=self.body,
            headers=tuple(self.headers.items()),
            without_headers=self.without_headers,
            saw=self.saw.expected() if self.saw else None,
            refused=self.refused,
            takes=self.takes,
            arrivals=None if self.arrivals is None else tuple(self.arrivals.items()),
            counts=tuple(Counted(*each.count, each.expected()) for each in self.counts),
        )


def _whole_range(count: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= count[0] <= count[1]:
        raise _contradiction(f"the count {list(count)} is empty", "write the least and the most, such as [2, 4]")
    return count


Range = Annotated[tuple[int, int], Field(strict=False), AfterValidator(_whole_range)]


class Alternative(Expectation):
    """An expectation, and how many of a case's requests meet it: at least, at most."""

    count: Range

    @model_validator(mode="after")
    def _is_one_of_many(self) -> Alternative:
        if self.counts:
            raise _contradiction("an alternative has alternatives of its own", "list them side by side", "counts")
        if self.model_fields_set == {"count"}:
            raise _contradiction("the alternative expects nothing", "say what becomes of so many requests")
        return self


Expectation.model_rebuild()


MOST_AT_ONCE = 500
"""Each of them is a thread of the client's."""


class Case(Words):
    """One request, sent once, and what is promised about it; or several that are alike, each with its own token.

    `expect` holds for each of the `times` requests. They follow each other, or all leave in the same moment.
    """

    name: Text
    client: Label = Field(alias="from")
    request: Request
    expect: Expectation
    document: Expectation | None = None
    """What the document claims, where today's Istio does otherwise: the register of expectations has the reason."""
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    at_once: Literal[True] | None = None
    after: Annotated[float, Field(strict=False, gt=0, le=60)] | None = None
    """Seconds that pass before it is sent, where the promise is about time."""
    behaviours: Listed[Behaviour] = ()
    """What workloads do with these requests only; it comes before what they do in the whole stage."""

    @model_validator(mode="after")
    def _is_contradicted(self) -> Case:
        if self.document == self.expect:
            problem = "the document claims just what is expected"
            raise _contradiction(problem, "remove document: it is for claims that Istio contradicts", "document")
        return self

    @model_validator(mode="after")
    def _is_countable(self) -> Case:
        if self.at_once and not 2 <= self.times <= MOST_AT_ONCE:
            problem = f"{self.times} requests cannot be sent at once"
            raise _contradiction(problem, f"write times, from 2 to {MOST_AT_ONCE}, or drop at_once", "at_once")
        least = sum(each.count[0] for each in self.expect.counts)
        most = sum(each.count[1] for each in self.expect.counts)
        if self.expect.counts and not least <= self.times <= most:
            problem = f"the counts add up to {least} at least and {most} at most, but it is sent {self.times} times"
            raise _contradiction(problem, "make room for as many as times says", "expect", "counts")
        return self

    def expected(self) -> CaseExpectation:
        """The promise in the form the judge compares with."""
        return CaseExpectation(self.name, self.expect.expected(), times=self.times)


class Phase(Words):
    """One state of the configuration, and the requests that are sent while it holds."""

    name: Text
    config: Listed[Native] = ()
    behaviours: Listed[Behaviour] = ()
    together: Literal[True] | None = None
    cases: Listed[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Stage:
    """A phase, or a scenario that has none, and where in the file it stands."""

    config: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    steps: tuple[str | int, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    together: bool = False


class Scenario(Words):
    """One promise of a document: a configuration and the requests that show it.

    Or phases, where the order matters: what one brings and the next does not is taken away between the two.
    """

    id: Identifier
    title: Text
    source: Origin
    app: Label
    beside: Listed[Label] = ()
    """Other applications in the same namespace."""
    namespace: Label = "default"
    """Where the applications live, and every configuration object that does not name a namespace."""
    config: Listed[Native] = ()
    behaviours: Listed[Behaviour] = ()
    """What workloads do with all requests of the cases."""
    together: Literal[True] | None = None
    """The cases begin at the same time instead of one after the other, so that those that wait wait together.

    It is for cases that do not depend on each other, and the writer says so: where a configuration counts (limits,
    errors in a row, turns) each case would see the others' requests.
    """
    cases: Listed[Case] = ()
    phases: Listed[Phase] = ()

    @property
    def applications(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.app, *self.beside)))

    @property
    def stages(self) -> tuple[Stage, ...]:
        if not self.phases:
            return (Stage(self.config, self.cases, (), self.behaviours, bool(self.together)),)
        return tuple(
            Stage(phase.config, phase.cases, ("phases", index), phase.behaviours, bool(phase.together))
            for index, phase in enumerate(self.phases)
        )

    @model_validator(mode="after")
    def _sends_something(self) -> Scenario:
        if self.phases and (self.config or self.cases or self.behaviours or self.together):
            problem = "a scenario with phases has its configuration and its cases in them"
            raise _contradiction(problem, "move config and cases into the phases, or drop the phases", "phases")
        if not (self.phases or self.cases):
            raise _contradiction("the scenario has no cases", "write cases, or phases that have some")
        return self

    @model_validator(mode="after")
    def _are_told_apart(self) -> Scenario:
        seen: set[str] = set()
        for stage in self.stages:
            for index, case in enumerate(stage.cases):
                if case.name in seen:
                    problem = f"two cases are named {case.name!r}"
                    raise _contradiction(problem, "give this one another name", *stage.steps, "cases", index, "name")
                seen.add(case.name)
        return self

    @model_validator(mode="after")
    def _overwrites_nothing(self) -> Scenario:
        for stage in self.stages:
            seen: set[tuple[str, str, str, str]] = set()
            for index, item in enumerate(stage.config):
                identity = self.identity(item)
                if identity in seen:
                    problem = f"{identity[1]} {identity[3]} of namespace {identity[2]} is here a second time"
                    hint = "rename or remove one: the later replaces the earlier"
                    raise _contradiction(problem, hint, *stage.steps, "config", index)
                seen.add(identity)
        return self

    def identity(self, item: Mapping[str, Any]) -> tuple[str, str, str, str]:
        """Group, kind, namespace and name: what the API server tells objects apart by."""
        group = item["apiVersion"].rpartition("/")[0]
        namespace = item["metadata"].get("namespace") or self.namespace
        return group, item["kind"], namespace, item["metadata"]["name"]
