"""The words of the scenario language, and which of them may stand together.

Plain values go in, frozen models come out. A rule that one value breaks is checked where the value is; a rule between
values is checked at the model that has both. Names of applications and workloads are checked in load.py, which is
told them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from conformance.judgement.expectation import (
    NOBODY,
    CaseExpectation,
    Expected,
    ExpectedSight,
    FlowExpectation,
    Refusal,
)
from conformance.language.contradictions import contradiction as _contradiction
from conformance.language.facts import Fact
from conformance.language.protocols import CallAddress, Protocol, StreamAddress, Url, require_fit
from conformance.language.words import Identifier, Label, Listed, Text
from conformance.language.words import Words as _Words


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


HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$")]
HeaderValues = Annotated[dict[HeaderName, HeaderValue], AfterValidator(_distinct)]
HeaderNames = Annotated[Listed[HeaderName], AfterValidator(_distinct)]
Native = Annotated[dict[str, Any], AfterValidator(_native)]
"""A Kubernetes object as it stands in the file."""

Method = Literal["get", "post", "put", "delete", "head", "options", "patch", "tcp", "grpc"]


class Origin(_Words):
    """Where the promise is written, and what it says in our own words."""

    document: Text
    section: Text
    claim: Text


class Request(_Words):
    """Exactly one method with its URL; or a line sent over TCP; or a gRPC call, whose `headers` are metadata."""

    METHODS: ClassVar[tuple[Method, ...]] = ("get", "post", "put", "delete", "head", "options", "patch", "tcp", "grpc")

    get: Url | None = None
    post: Url | None = None
    put: Url | None = None
    delete: Url | None = None
    head: Url | None = None
    options: Url | None = None
    patch: Url | None = None
    tcp: StreamAddress | None = None
    grpc: CallAddress | None = None
    headers: HeaderValues = Field({})
    body: str | None = None
    """Over TCP one line."""
    http: Literal["1.1", "2"] = "1.1"

    @model_validator(mode="after")
    def _has_one_method(self) -> Request:
        given = [method for method in self.METHODS if getattr(self, method) is not None]
        if len(given) != 1:
            problem = f"a request has one method, this one has {' and '.join(given) or 'none'}"
            raise _contradiction(problem, f"write one of {', '.join(self.METHODS)}, followed by the URL")
        return self

    @model_validator(mode="after")
    def _speaks_one_protocol(self) -> Request:
        unfit = {"tcp": {"headers", "http"}, "grpc": {"http"}, "http": set()}[self.protocol] & self.model_fields_set
        if unfit:
            hint = f"remove it, or send the request over HTTP: {self.protocol} has its own form"
            raise _contradiction(f"a {self.protocol} request has no {min(unfit)}", hint, min(unfit))
        if self.protocol == "tcp" and "\n" in (self.body or ""):
            raise _contradiction("the body of a tcp request has several lines", "write one line", "body")
        return self

    @property
    def _way(self) -> Method:
        return next(method for method in self.METHODS if getattr(self, method) is not None)

    @property
    def protocol(self) -> Protocol:
        return "tcp" if self.tcp is not None else "grpc" if self.grpc is not None else "http"

    @property
    def method(self) -> str:
        """In capitals, as it is sent; TCP for a connection."""
        return "POST" if self._way == "grpc" else self._way.upper()

    @property
    def url(self) -> str:
        url: str = getattr(self, self._way)
        return url


class Saw(_Words):
    """What the answering workload sees of the request."""

    path: Annotated[str, StringConstraints(pattern=r"^/[\x21-\x7e]*$")] | None = None
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")] | None = None
    host: Text | None = None
    headers: HeaderValues = Field({}, min_length=1)
    without_headers: HeaderNames = Field((), min_length=1)
    principal: Annotated[str, StringConstraints(pattern=r"^(none|spiffe://[!-~]+)$")] | None = None
    http_version: Literal["1.1", "2"] | None = None
    """Which need not be the client's: a proxy stands between the two."""

    @model_validator(mode="after")
    def _is_possible(self) -> Saw:
        if not self.model_fields_set:
            raise _contradiction("saw promises nothing", f"write one of {', '.join(Saw.model_fields)}")
        self._refuse_both(tuple(self.headers), self.without_headers, "headers")
        return self

    def expected(self) -> ExpectedSight:
        return ExpectedSight(
            path=self.path,
            method=self.method,
            host=self.host,
            headers=tuple(self.headers.items()),
            without_headers=self.without_headers,
            principal=self.principal,
            http_version=self.http_version,
        )


def _ascending(band: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= band[0] < band[1]:
        raise _contradiction(f"the band {list(band)} is empty", "write the least and the most seconds, such as [5, 6]")
    return band


Band = Annotated[tuple[float, float], Field(strict=False), AfterValidator(_ascending)]


class Expectation(_Words):
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
    grpc_status: Annotated[int, Field(ge=0, le=16)] | None = None
    trailers: HeaderValues = Field({}, min_length=1)
    arrivals: dict[Label, Annotated[int, Field(ge=1)]] | None = None
    """Attempts and copies by workload: how often the journal of each has the request."""

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
        self._refuse_both(tuple(self.headers), self.without_headers, "headers")
        return self

    def _is_possible_without_answer(self) -> None:
        of_answers = self.model_fields_set - {"refused", "answered_by", "takes", "arrivals"}
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
            grpc_status=self.grpc_status,
            trailers=tuple(self.trailers.items()),
            takes=self.takes,
            arrivals=None if self.arrivals is None else tuple(self.arrivals.items()),
        )


class Case(_Words):
    """One request, sent once, and what is promised about it."""

    name: Text
    client: Label = Field(alias="from")
    request: Request
    expect: Expectation
    document: Expectation | None = None
    """What the document claims, where today's Istio does otherwise: the register of expectations has the reason."""

    @model_validator(mode="after")
    def _is_contradicted(self) -> Case:
        if self.document == self.expect:
            problem = "the document claims just what is expected"
            raise _contradiction(problem, "remove document: it is for claims that Istio contradicts", "document")
        return self

    @model_validator(mode="after")
    def _expects_what_can_be(self) -> Case:
        require_fit(self.request.protocol, self.expect.model_fields_set, "expect")
        return self

    def expected(self) -> CaseExpectation:
        """The promise in the form the judge compares with."""
        return CaseExpectation(self.name, self.expect.expected())


class Flow(_Words):
    """A request that is sent again and again, from before a phase's change until its cases are done.

    The first expectation holds before the change, the last once the gate has passed, and in between any of them.
    """

    name: Text
    client: Label = Field(alias="from")
    request: Request
    connection: Literal["fresh", "kept"] = "fresh"
    expect: Listed[Expectation] = Field(min_length=1)

    @model_validator(mode="after")
    def _expects_what_can_be(self) -> Flow:
        for index, each in enumerate(self.expect):
            require_fit(self.request.protocol, each.model_fields_set, "expect", index)
        return self

    def expected(self) -> CaseExpectation:
        alternatives = tuple(each.expected() for each in self.expect)
        return CaseExpectation(self.name, alternatives[-1], flow=FlowExpectation(alternatives))


class Phase(_Words):
    """One state of the configuration, and the requests that are sent while it holds and while it comes about."""

    name: Text
    config: Listed[Native] = ()
    meanwhile: Listed[Flow] = ()
    cluster: Listed[Fact] = ()
    cases: Listed[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Stage:
    """A phase, or a scenario that has none, and where in the file it stands."""

    config: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    steps: tuple[str | int, ...] = ()
    meanwhile: tuple[Flow, ...] = ()
    cluster: tuple[Fact, ...] = ()

    @property
    def sent(self) -> tuple[Case | Flow, ...]:
        """Everything that sends requests."""
        return (*self.cases, *self.meanwhile)


class Scenario(_Words):
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
    cluster: Listed[Fact] = ()
    cases: Listed[Case] = ()
    phases: Listed[Phase] = ()

    @property
    def applications(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.app, *self.beside)))

    @property
    def stages(self) -> tuple[Stage, ...]:
        if not self.phases:
            return (Stage(self.config, self.cases, cluster=self.cluster),)
        return tuple(
            Stage(phase.config, phase.cases, ("phases", index), phase.meanwhile, phase.cluster)
            for index, phase in enumerate(self.phases)
        )

    @model_validator(mode="after")
    def _sends_something(self) -> Scenario:
        if self.phases and (self.config or self.cases or self.cluster):
            problem = "a scenario with phases has its configuration and its cases in them"
            raise _contradiction(problem, "move config and cases into the phases, or drop the phases", "phases")
        if not (self.phases or self.cases):
            raise _contradiction("the scenario has no cases", "write cases, or phases that have some")
        return self

    @model_validator(mode="after")
    def _are_told_apart(self) -> Scenario:
        seen: set[str] = set()
        for stage in self.stages:
            named = [("cases", index, case.name) for index, case in enumerate(stage.cases)]
            named += [("meanwhile", index, flow.name) for index, flow in enumerate(stage.meanwhile)]
            named += [("cluster", index, fact.name) for index, fact in enumerate(stage.cluster)]
            for word, index, name in named:
                if name in seen:
                    problem = f"two cases are named {name!r}"
                    raise _contradiction(problem, "give this one another name", *stage.steps, word, index, "name")
                seen.add(name)
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
