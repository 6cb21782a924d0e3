"""The words of the scenario language, and which of them may stand together.

Plain values go in, frozen models come out. A rule that one value breaks is checked where the value is; a rule between
values is checked at the model that has both. Names of applications and workloads are checked in load.py, which is
told them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from conformance.judgement.expectation import (
    NOBODY,
    Alternative,
    CaseExpectation,
    Expected,
    ExpectedSight,
    Refusal,
    Shares,
    Turns,
)
from conformance.judgement.profile import FULL
from conformance.judgement.shares import effect_of

Element = TypeVar("Element")
Listed = Annotated[tuple[Element, ...], Field(strict=False)]
"""YAML has lists, a frozen model has tuples: this is the only conversion."""

CONTRADICTION = "contradiction"
"""The type of the errors raised here; their context has `hint` and `at`, the steps from the model to the culprit."""


def _contradiction(problem: str, hint: str, *at: str | int) -> PydanticCustomError:
    # pydantic fills braces in the template from the context; the text itself must not be taken for a template.
    return PydanticCustomError(CONTRADICTION, "{problem}", {"problem": problem, "hint": hint, "at": at})


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


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")]
"""One line without space around it."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$", max_length=120)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Url = Annotated[str, AfterValidator(_absolute)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$")]
HeaderValues = Annotated[dict[HeaderName, HeaderValue], AfterValidator(_distinct)]
HeaderNames = Annotated[Listed[HeaderName], AfterValidator(_distinct)]
Native = Annotated[dict[str, Any], AfterValidator(_native)]
"""A Kubernetes object as it stands in the file."""

Method = Literal["get", "post", "put", "delete", "head", "options", "patch"]


class _Words(BaseModel):
    """A mapping with a closed set of keys, none of which may be there without a value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_values(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key, value in values.items():
                if value is None:
                    raise _contradiction(f"{key} has no value", "write one, or remove the key", key)
        return values

    def _refuse_both(self, names: tuple[str, ...], absent: tuple[str, ...], *at: str) -> None:
        both = sorted({name.lower() for name in names} & {name.lower() for name in absent})
        if both:
            problem = f"{', '.join(both)} is both in headers and in without_headers"
            raise _contradiction(problem, "no request and no answer can be both; keep one", *at)


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
    headers: HeaderValues = {}
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
        )


def _ascending(band: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= band[0] < band[1]:
        raise _contradiction(f"the band {list(band)} is empty", "write the least and the most seconds, such as [5, 6]")
    return band


def _percent(value: Any) -> Fraction:
    """A number, or one that decimals cannot write: 100/3."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6}|/[1-9]\d?)?", text) or Fraction(text) > 100:
        raise _contradiction(f"{value!r} is no share", "write percents, from 0 to 100, such as 30, 0.5 or 100/3")
    return Fraction(text)


Percent = Annotated[Fraction, BeforeValidator(_percent)]
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
    shares: Annotated[Listed[Share], Field(min_length=1)] | None = None
    """Of many requests alike; each is the first of these that it keeps all promises of."""
    effect: Annotated[float, Field(ge=1, lt=100, strict=False)] | None = None
    """By how many points of a hundred shares must be wrong to be convicted; 5 where nothing is written."""
    draws: Literal["independent"] | None = None
    """Beside equal shares: what becomes of a request has nothing to do with what became of the one before."""
    turns: Annotated[dict[Label, Annotated[int, Field(ge=1)]], Field(min_length=1)] | None = None
    """Pods by workload that are taken in turn, always in the same order."""

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
        self._is_a_distribution()
        return self

    @property
    def is_distribution(self) -> bool:
        """Whether many requests are needed to tell."""
        return self.shares is not None or self.turns is not None

    def _is_a_distribution(self) -> None:
        if self.shares is None:
            if lonely := self.model_fields_set & {"effect", "draws"}:
                word = min(lonely)
                raise _contradiction(f"{word} is about shares, and there are none", "write shares beside it", word)
            if self.turns is not None and sum(self.turns.values()) < 2:
                raise _contradiction("one pod takes no turns", "name two pods at least", "turns")
            return
        if besides := self.model_fields_set - {"shares", "effect", "draws"}:
            problem = f"{', '.join(sorted(besides))} beside shares is promised of no request in particular"
            raise _contradiction(problem, "write it in each of the shares that it is promised of", min(besides))
        if (total := sum(each.share for each in self.shares)) != 100:
            raise _contradiction(f"the shares add up to {float(total):g} %", "they are percents: make it 100", "shares")
        if self.draws and (len({each.share for each in self.shares}) > 1 or len(self.shares) == 1):
            problem = "draws: independent is tested by how often one repeats the one before, which needs equal shares"
            raise _contradiction(problem, "make the shares equal, or drop draws", "draws")

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

    def expected_shares(self, effect: float = FULL.effect) -> Shares | None:
        """`effect` is the profile's; a case may ask for a larger one."""
        if self.shares is None:
            return None
        alternatives = tuple(Alternative(each.share, each.expected()) for each in self.shares)
        return Shares(alternatives, effect_of(self.effect, effect), independent=self.draws is not None)

    def expected_turns(self) -> Turns | None:
        return None if self.turns is None else Turns(tuple(self.turns.items()))


class Share(Expectation):
    """One of the ways many requests may end; it promises nothing but its share of them where it has no other word."""

    share: Percent

    @model_validator(mode="after")
    def _is_of_one_request(self) -> Share:
        if many := self.model_fields_set & {"shares", "effect", "draws", "turns"}:
            word = min(many)
            raise _contradiction(
                f"{word} is about many requests, a share about each", f"move {word} beside shares", word
            )
        if self.model_fields_set == {"share"}:
            hint = "write what becomes of such a request, answered_by or status"
            raise _contradiction("the share has nothing that tells it from the others", hint)
        return self


class Case(_Words):
    """One request, sent once, and what is promised about it; or sent as often as it takes to tell shares or turns."""

    name: Text
    client: Label = Field(alias="from")
    request: Request
    expect: Expectation
    connection: Literal["kept"] | None = None
    """All requests of the case go over one connection, so one worker of the caller's proxy sees all of them."""
    document: Expectation | None = None
    """What the document claims, where today's Istio does otherwise: the register of expectations has the reason."""

    @model_validator(mode="after")
    def _is_contradicted(self) -> Case:
        if self.document == self.expect:
            problem = "the document claims just what is expected"
            raise _contradiction(problem, "remove document: it is for claims that Istio contradicts", "document")
        return self

    @model_validator(mode="after")
    def _has_its_connection(self) -> Case:
        if self.expect.is_distribution and not self.request.url.startswith("http://"):
            raise _contradiction("shares and turns are measured over http only", "write an http URL", "request")
        if self.connection and not self.expect.is_distribution:
            problem = "one request has no connection to share with others"
            raise _contradiction(problem, "drop it: connection: kept is for shares and turns", "connection")
        if (self.expect.turns or self.expect.draws) and not self.connection:
            problem = "turns and draws are taken by each worker of a proxy, and connections are spread over them"
            raise _contradiction(problem, "add connection: kept to the case", "expect")
        return self

    def expected(self, effect: float = FULL.effect) -> CaseExpectation:
        """The promise in the form the judge compares with; `effect` is the profile's."""
        expect = self.expect
        return CaseExpectation(
            self.name, expect.expected(), shares=expect.expected_shares(effect), turns=expect.expected_turns()
        )


class Phase(_Words):
    """One state of the configuration, and the requests that are sent while it holds."""

    name: Text
    config: Listed[Native] = ()
    cases: Listed[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Stage:
    """A phase, or a scenario that has none, and where in the file it stands."""

    config: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    steps: tuple[str | int, ...] = ()


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
    cases: Listed[Case] = ()
    phases: Listed[Phase] = ()

    @property
    def applications(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.app, *self.beside)))

    @property
    def stages(self) -> tuple[Stage, ...]:
        if not self.phases:
            return (Stage(self.config, self.cases),)
        return tuple(Stage(phase.config, phase.cases, ("phases", index)) for index, phase in enumerate(self.phases))

    @model_validator(mode="after")
    def _sends_something(self) -> Scenario:
        if self.phases and (self.config or self.cases):
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
