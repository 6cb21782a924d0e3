"""A scenario: what it configures, what it sends, what is promised of each request, and which of these may go together.

Plain values go in, frozen models come out. Names of applications and workloads are checked in load.py, which is told
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from conformance.judgement.expectation import CaseExpectation, FlowExpectation
from conformance.judgement.profile import FULL
from conformance.language.behaviours import Behaviour
from conformance.language.certificates import CertificateOf, SecretOf, Steps, Tls, unknown_names
from conformance.language.expectations import Expectation
from conformance.language.facts import Fact
from conformance.language.protocols import require_fit
from conformance.language.rejections import Rejection
from conformance.language.requests import Request
from conformance.language.tokens import UNAVAILABLE, Key, KeyServer
from conformance.language.words import Identifier, Label, Listed, Native, Text, Words, contradiction


class Origin(Words):
    """Where the promise is written, and what it says in our own words."""

    document: Text
    section: Text
    claim: Text


MOST_AT_ONCE = 500
"""Each of them is a thread of the client's."""


class Sender(Words):
    """What cases and flows have in common: who sends what."""

    name: Text
    client: Label = Field(alias="from")
    request: Request


class Case(Sender):
    """One request, sent once, and what is promised about it; or several that are alike, each with its own token.

    `expect` holds for each of the `times` requests, which follow each other or all leave in the same moment. Shares and
    turns take as many as are needed to tell.
    """

    expect: Expectation
    document: Expectation | None = None
    """What the document claims, where today's Istio does otherwise: the register of expectations has the reason."""
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    at_once: Literal[True] | None = None
    after: Annotated[float, Field(strict=False, gt=0, le=60)] | None = None
    """Seconds that pass before it is sent, where the promise is about time."""
    connection: Literal["kept"] | None = None
    """All requests of the case go over one connection, so one worker of the caller's proxy sees all of them."""
    behaviours: Listed[Behaviour] = ()
    """What workloads do with these requests only; it comes before what they do in the whole stage."""

    @property
    def said(self) -> tuple[tuple[str, Expectation], ...]:
        """By its word in the file: what is expected, and what the document claims beside it."""
        both = (("expect", self.expect), ("document", self.document))
        return tuple((word, each) for word, each in both if each is not None)

    @model_validator(mode="after")
    def _expects_what_can_be(self) -> Case:
        for word, each in self.said:
            require_fit(self.request.protocol, each.model_fields_set, word)
        if self.document == self.expect:
            problem = "the document claims just what is expected"
            raise contradiction(problem, "remove document: it is for claims that Istio contradicts", "document")
        return self

    @model_validator(mode="after")
    def _claims_what_can_be_tried(self) -> Case:
        """A claim that the requests of the case cannot decide would always depart, or never."""
        if self.document is None:
            return self
        hint = "write what becomes of each request; or leave it out, and name in the register the check that is proof"
        if self.document.is_distribution:
            problem = "as many requests are sent as expect needs, which tells nothing of a claim about shares or turns"
            raise contradiction(problem, hint, "document")
        if self.document.counts and self.expect.is_distribution:
            problem = "the document counts requests, and shares and turns send as many as they need"
            raise contradiction(problem, hint, "document", "counts")
        return self

    @model_validator(mode="after")
    def _is_countable(self) -> Case:
        if self.at_once and not 2 <= self.times <= MOST_AT_ONCE:
            problem = f"{self.times} requests cannot be sent at once"
            raise contradiction(problem, f"write times, from 2 to {MOST_AT_ONCE}, or drop at_once", "at_once")
        for word, said in self.said:
            least, most = (sum(each.count[end] for each in said.counts) for end in (0, 1))
            if said.counts and not least <= self.times <= most:
                problem = f"the counts add up to {least} at least and {most} at most, but it is sent {self.times} times"
                raise contradiction(problem, "make room for as many as times says", word, "counts")
        return self

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Case:
        if not self.expect.is_distribution:
            if self.connection:
                problem = "one request has no connection to share with others"
                raise contradiction(problem, "drop it: connection: kept is for shares and turns", "connection")
            return self
        if not self.request.url.startswith("http://"):
            raise contradiction("shares and turns are measured over http only", "write an http URL", "request")
        if unfit := {"times", "at_once", "after", "behaviours"} & self.model_fields_set:
            problem = f"{min(unfit)} does not go with shares and turns, which send what they need"
            raise contradiction(problem, "remove it; a stage may have behaviours", min(unfit))
        if (self.expect.turns or self.expect.draws) and not self.connection:
            problem = "turns and draws are taken by each worker of a proxy, and connections are spread over them"
            raise contradiction(problem, "add connection: kept to the case", "expect")
        return self

    def expected(self, effect: float = FULL.effect) -> CaseExpectation:
        """The promise in the form the judge compares with; `effect` is the profile's."""
        return CaseExpectation(
            self.name,
            self.expect.expected(),
            times=self.times,
            shares=self.expect.expected_shares(effect),
            turns=self.expect.expected_turns(),
        )


class Flow(Sender):
    """A request that is sent again and again, from before a phase's change until its cases are done.

    The first expectation holds before the change, the last once the gate has passed, and in between any of them.
    """

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


class State(Words):
    """What holds while a stage's requests are sent."""

    secrets: Listed[SecretOf] = ()
    config: Listed[Native] = ()
    key_server: KeyServer = Field({})
    rejected: Listed[Rejection] = ()
    behaviours: Listed[Behaviour] = ()
    """What workloads do with all requests of the cases."""
    cluster: Listed[Fact] = ()
    together: Literal[True] | None = None
    """The cases begin at the same time instead of one after the other, so that those that wait wait together.

    It is for cases that do not depend on each other, and the writer says so: where a configuration counts (limits,
    errors in a row, turns) each case would see the others' requests.
    """

    @property
    def is_some(self) -> bool:
        """Whether any of it is written."""
        return bool(State.model_fields.keys() & self.model_fields_set)


class Phase(State):
    """One state of the configuration, and the requests that are sent while it holds and while it comes about."""

    name: Text
    meanwhile: Listed[Flow] = ()
    cases: Listed[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Stage:
    """A phase, or a scenario that has none, and where in the file it stands."""

    config: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    steps: tuple[str | int, ...] = ()
    secrets: tuple[SecretOf, ...] = ()
    key_server: Mapping[str, tuple[str, ...] | str] = field(default_factory=dict)
    rejected: tuple[Rejection, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    cluster: tuple[Fact, ...] = ()
    together: bool = False
    meanwhile: tuple[Flow, ...] = ()

    @property
    def senders(self) -> tuple[Sender, ...]:
        """All that send requests."""
        return (*self.cases, *self.meanwhile)


NOTHING = Stage(config=(), cases=())
"""What holds before the first stage."""


def _stage(part: Scenario | Phase, *steps: str | int) -> Stage:
    return Stage(
        config=part.config,
        cases=part.cases,
        steps=steps,
        secrets=part.secrets,
        key_server=part.key_server,
        rejected=part.rejected,
        behaviours=part.behaviours,
        cluster=part.cluster,
        together=bool(part.together),
        meanwhile=part.meanwhile if isinstance(part, Phase) else (),
    )


class Scenario(State):
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
    certificates: dict[Label, CertificateOf] = Field({})
    """Made anew for every run, with a key each."""
    keys: dict[Label, Key] = Field({})
    """The same for those that sign tokens."""
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
        if self.phases and (self.is_some or self.cases):
            problem = "a scenario with phases has its configuration and its cases in them"
            raise contradiction(problem, "move all of it into the phases, or drop the phases", "phases")
        if not (self.phases or self.cases):
            raise contradiction("the scenario has no cases", "write cases, or phases that have some")
        return self

    @model_validator(mode="after")
    def _are_told_apart(self) -> Scenario:
        seen: set[str] = set()
        for stage in self.stages:
            for word in ("cases", "meanwhile", "cluster", "rejected"):
                for index, each in enumerate(getattr(stage, word)):
                    if each.name in seen:
                        problem = f"two cases are named {each.name!r}"
                        hint = "give this one another name"
                        raise contradiction(problem, hint, *stage.steps, word, index, "name")
                    seen.add(each.name)
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
                    raise contradiction(problem, hint, *stage.steps, "config", index)
                seen.add(identity)
        return self

    @model_validator(mode="after")
    def _knows_its_certificates(self) -> Scenario:
        secrets: list[tuple[Steps, SecretOf]] = []
        handshakes: list[tuple[Steps, Tls]] = []
        served: list[tuple[Steps, str]] = []
        for stage in self.stages:
            secrets += [((*stage.steps, "secrets", index), each) for index, each in enumerate(stage.secrets)]
            for at, each in _senders(stage):
                if each.request.tls is not None:
                    handshakes.append(((*at, "request", "tls"), each.request.tls))
            for index, case in enumerate(stage.cases):
                for word, said in case.said:
                    if said.served is not None:
                        served.append(((*stage.steps, "cases", index, word, "served"), said.served))
        for problem, hint, steps in unknown_names(self.certificates, secrets, handshakes, served):
            raise contradiction(problem, hint, *steps)
        return self

    @model_validator(mode="after")
    def _knows_its_keys(self) -> Scenario:
        """Keys are declared, and what trusts them is there."""
        for named, steps in self._named_keys():
            if named not in self.keys:
                raise contradiction(f"there is no key {named!r}", f"known here: {', '.join(self.keys)}", *steps)
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
                    raise contradiction(problem, hint, "keys", name, "trusted_by", index)
        return self

    def _named_keys(self) -> Iterator[tuple[str, Steps]]:
        for stage in self.stages:
            for at, each in _senders(stage):
                if each.request.token and each.request.token.key is not None:
                    yield each.request.token.key, (*at, "request", "token", "key")
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
                    raise contradiction(problem, hint, *stage.steps, "key_server", uri)
        return self

    @model_validator(mode="after")
    def _shows_the_replacements(self) -> Scenario:
        for stage in self.stages:
            kinds = {each["kind"] for each in stage.config}
            for index, rejection in enumerate(stage.rejected):
                if rejection.instead is not None and rejection.instead not in kinds:
                    problem = f"no {rejection.instead} is configured, so that nothing shows it in place of the refused"
                    steps = (*stage.steps, "rejected", index, "instead")
                    raise contradiction(problem, f"configure one, or write one of {', '.join(sorted(kinds))}", *steps)
        return self

    def identity(self, item: Mapping[str, Any]) -> tuple[str, str, str, str]:
        """Group, kind, namespace and name: what the API server tells objects apart by."""
        group = item["apiVersion"].rpartition("/")[0]
        namespace = item["metadata"].get("namespace") or self.namespace
        return group, item["kind"], namespace, item["metadata"]["name"]


def _senders(stage: Stage) -> Iterator[tuple[Steps, Sender]]:
    """All that send requests, and where in the file they stand."""
    yield from (((*stage.steps, "cases", index), case) for index, case in enumerate(stage.cases))
    yield from (((*stage.steps, "meanwhile", index), flow) for index, flow in enumerate(stage.meanwhile))
