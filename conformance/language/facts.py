"""The word `cluster`: what stands in the cluster while a stage's requests are sent."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from conformance.judgement.standings import ExpectedStanding, FactExpectation
from conformance.language.words import Label, Listed, Text, Words, contradiction


class Standing(Words):
    """What is promised of an object; at least one key."""

    exists: bool = True
    """For a Deployment also that all of its pods are ready, and that there is one."""
    containers: Listed[Label] = Field((), min_length=1)
    """All that run in each pod of a Deployment, in any order; a sidecar is one, whichever list of the pod has it."""
    ports: dict[Label, Annotated[int, Field(ge=1, le=65535)]] = Field({}, min_length=1)
    """Of a Service, by name; it may have more."""
    unchanged: bool = True
    """Of a Deployment: the containers that ran when the scenario began still run, none was started again."""

    def expected(self) -> ExpectedStanding:
        return ExpectedStanding(
            exists=self.exists,
            containers=tuple(sorted(self.containers)),
            ports=tuple(sorted(self.ports.items())),
            is_unchanged="unchanged" in self.model_fields_set and self.unchanged,
        )


class Fact(Words):
    """One Deployment or one Service, and what is promised of it."""

    name: Text
    deployment: Label | None = None
    service: Label | None = None
    namespace: Label
    expect: Standing

    @model_validator(mode="after")
    def _is_of_one_object(self) -> Fact:
        if (self.deployment is None) == (self.service is None):
            problem = "a fact of the cluster is about one object"
            raise contradiction(problem, "write deployment or service, followed by its name")
        given = self.expect.model_fields_set
        if not given:
            raise contradiction(
                "the fact promises nothing", f"write one of {', '.join(Standing.model_fields)}", "expect"
            )
        unfit = given & ({"ports"} if self.service is None else {"containers", "unchanged"})
        if unfit:
            word = min(unfit)
            problem = f"a {'Deployment' if self.service is None else 'Service'} has no {word}"
            raise contradiction(problem, "ports are a Service's, containers are a Deployment's", "expect", word)
        if not self.expect.exists and given != {"exists"}:
            problem = "what does not exist has nothing else"
            raise contradiction(problem, "keep exists: false alone", "expect")
        if "unchanged" in given and not self.expect.unchanged:
            problem = "that something changes cannot be promised"
            raise contradiction(problem, "remove it, or write unchanged: true", "expect", "unchanged")
        return self

    @property
    def kind(self) -> str:
        return "Deployment" if self.service is None else "Service"

    @property
    def object(self) -> str:
        return self.deployment or self.service or ""

    def expected(self) -> FactExpectation:
        """The promise in the form the judge compares with."""
        return FactExpectation(self.name, self.kind, self.namespace, self.object, self.expect.expected())
