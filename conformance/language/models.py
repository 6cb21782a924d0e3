"""The words of the scenario language, and which of them may stand together.

Plain values go in, frozen models come out. A rule that one value breaks is checked where the value is; a rule between
values is checked at the model that has both. Names of applications and workloads are checked in load.py, which is
told them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from conformance.judgement.expectation import NOBODY, CaseExpectation, Expected, ExpectedSight, Refusal
from conformance.language.rejections import Rejection
from conformance.language.tokens import UNAVAILABLE, Key, KeyServer, Token
from conformance.language.words import (
    HeaderNames,
    HeaderValues,
    Identifier,
    Label,
    Listed,
    Native,
    Text,
    Url,
)
from conformance.language.words import Words as _Words
from conformance.language.words import contradiction as _contradiction

Method = Literal["get", "post", "put", "delete", "head", "options", "patch"]


class Origin(_Words):
    """Where the promise is written, and what it says in our own words."""

    document: Text
    section: Text
    claim: Text


class Request(_Words):
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
    token: Token | None = None

    @model_validator(mode="after")
    def _has_one_method(self) -> Request:
        given = [method for method in self.METHODS if getattr(self, method) is not None]
        if len(given) != 1:
            problem = f"a request has one method, this one has {' and '.join(given) or 'none'}"
            raise _contradiction(problem, f"write one of {', '.join(self.METHODS)}, followed by the URL")
        return self

    @model_validator(mode="after")
    def _carries_the_token_only_once(self) -> Request:
        token = self.token
        if token and not token.parameter and token.header.lower() in {name.lower() for name in self.headers}:
            problem = f"the header {token.header} is both the token's and in headers"
            raise _contradiction(problem, "keep one of the two", "headers")
        return self

    @property
    def method(self) -> str:
        """In capitals, as it is sent."""
        return next(method.upper() for method in self.METHODS if getattr(self, method) is not None)

    @property
    def url(self) -> str:
        url: str = getattr(self, self.method.lower())
        return url


class Saw(_Words):
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
        self.refuse_both(tuple(self.headers), self.without_headers, "headers")
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
        self.refuse_both(tuple(self.headers), self.without_headers, "headers")
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

    def expected(self) -> CaseExpectation:
        """The promise in the form the judge compares with."""
        return CaseExpectation(self.name, self.expect.expected())


class Phase(_Words):
    """One state of the configuration, and the requests that are sent while it holds."""

    name: Text
    config: Listed[Native] = ()
    key_server: KeyServer = Field({})
    rejected: Listed[Rejection] = ()
    cases: Listed[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Stage:
    """A phase, or a scenario that has none, and where in the file it stands."""

    config: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    steps: tuple[str | int, ...] = ()
    key_server: Mapping[str, tuple[str, ...] | str] = field(default_factory=dict)
    rejected: tuple[Rejection, ...] = ()


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
    keys: dict[Label, Key] = Field({})
    config: Listed[Native] = ()
    key_server: KeyServer = Field({})
    rejected: Listed[Rejection] = ()
    cases: Listed[Case] = ()
    phases: Listed[Phase] = ()

    @property
    def applications(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.app, *self.beside)))

    @property
    def stages(self) -> tuple[Stage, ...]:
        if not self.phases:
            return (_stage(self),)
        return tuple(_stage(phase, "phases", index) for index, phase in enumerate(self.phases))

    @model_validator(mode="after")
    def _sends_something(self) -> Scenario:
        if self.phases and (self.config or self.cases or self.key_server or self.rejected):
            problem = "a scenario with phases has its configuration and its cases in them"
            raise _contradiction(problem, "move config and cases into the phases, or drop the phases", "phases")
        if not (self.phases or self.cases):
            raise _contradiction("the scenario has no cases", "write cases, or phases that have some")
        return self

    @model_validator(mode="after")
    def _are_told_apart(self) -> Scenario:
        seen: set[str] = set()
        for stage in self.stages:
            names = [(case.name, "cases", index) for index, case in enumerate(stage.cases)]
            names += [(each.name, "rejected", index) for index, each in enumerate(stage.rejected)]
            for name, word, index in names:
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

    @model_validator(mode="after")
    def _knows_its_keys(self) -> Scenario:
        """Keys are declared; what trusts them and what replaces a refused kind is there."""
        for named, steps in self._named_keys():
            if named not in self.keys:
                raise _contradiction(f"there is no key {named!r}", f"known here: {', '.join(self.keys)}", *steps)
        policies = {
            each["metadata"]["name"]
            for stage in self.stages
            for each in stage.config
            if each["kind"] == "RequestAuthentication"
        }
        for name, key in self.keys.items():
            for index, policy in enumerate(key.trusted_by):
                if policy not in policies:
                    problem = f"there is no RequestAuthentication {policy!r}"
                    hint = f"known here: {', '.join(sorted(policies)) or 'none'}"
                    raise _contradiction(problem, hint, "keys", name, "trusted_by", index)
        return self

    def _named_keys(self) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        for stage in self.stages:
            for index, case in enumerate(stage.cases):
                if case.request.token and case.request.token.key is not None:
                    yield case.request.token.key, (*stage.steps, "cases", index, "request", "token", "key")
            for uri, offered in stage.key_server.items():
                for index, name in enumerate(() if isinstance(offered, str) else offered):
                    yield name, (*stage.steps, "key_server", uri, index)

    @model_validator(mode="after")
    def _keeps_what_is_served(self) -> Scenario:
        served: dict[str, bool] = {}
        for stage in self.stages:
            for uri, offered in stage.key_server.items():
                if served.setdefault(uri, offered != UNAVAILABLE) != (offered != UNAVAILABLE):
                    problem = f"{uri} is served in one phase and unavailable in another"
                    # It keeps the old keys of what it once had, and stops asking for any others.
                    hint = "take two URIs: istiod asks for no keys at all for a minute when one that it had fails"
                    raise _contradiction(problem, hint, *stage.steps, "key_server", uri)
        return self

    @model_validator(mode="after")
    def _shows_the_replacements(self) -> Scenario:
        for stage in self.stages:
            kinds = {each["kind"] for each in stage.config}
            for index, rejection in enumerate(stage.rejected):
                if rejection.instead is not None and rejection.instead not in kinds:
                    problem = f"no {rejection.instead} is configured, so that nothing shows it in place of the refused"
                    steps = (*stage.steps, "rejected", index, "instead")
                    raise _contradiction(problem, f"configure one, or write one of {', '.join(sorted(kinds))}", *steps)
        return self

    def identity(self, item: Mapping[str, Any]) -> tuple[str, str, str, str]:
        """Group, kind, namespace and name: what the API server tells objects apart by."""
        group = item["apiVersion"].rpartition("/")[0]
        namespace = item["metadata"].get("namespace") or self.namespace
        return group, item["kind"], namespace, item["metadata"]["name"]


def _stage(part: Scenario | Phase, *steps: str | int) -> Stage:
    return Stage(part.config, part.cases, steps, part.key_server, part.rejected)
