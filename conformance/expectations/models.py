"""The register as it is written."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from conformance.language.words import CONTRADICTION, Identifier, Label, Listed, Text

Link = Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+/[!-~]*$")]
Minor = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*\.(0|[1-9][0-9]*)$")]


def _is_a_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise PydanticCustomError(
            CONTRADICTION, "{problem}", {"problem": f"{text!r} is no day", "hint": "write it as 2027-03-31", "at": ()}
        ) from error
    return text


Day = Annotated[str, AfterValidator(_is_a_day)]


class _Words(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class DocumentEntry(_Words):
    """A document that departs from today's Istio."""

    scenario: Identifier
    cases: Listed[Text] = Field((), min_length=1)
    """Each has `document:`, what the request would come to if the document were right."""
    proof: Label | None = None
    """Where no expectation can say what the document claims: the check that shows it to be wrong."""
    claims: Text
    istio: Text
    """What Istio does instead."""
    reason: Text
    link: Link

    @model_validator(mode="after")
    def _has_a_proof(self) -> DocumentEntry:
        if bool(self.cases) == bool(self.proof):
            problem = (
                f"the entry has {'both' if self.proof else 'neither'} cases {'and' if self.proof else 'nor'} proof"
            )
            hint = "list the cases that have `document:`, or name the check that shows the departure"
            raise PydanticCustomError(CONTRADICTION, "{problem}", {"problem": problem, "hint": hint, "at": ()})
        return self


class Versions(_Words):
    """Istio minors: from the one, up to but not including the other; None is no bound."""

    since: Minor | None = None
    before: Minor | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> Versions:
        if not self.model_fields_set or (self.since and self.before and _minor(self.since) >= _minor(self.before)):
            hint = 'write since, before or both, such as {since: "1.28", before: "1.30"}'
            raise PydanticCustomError(
                CONTRADICTION, "{problem}", {"problem": "no version is in this range", "hint": hint, "at": ()}
            )
        return self

    def has(self, minor: tuple[int, int]) -> bool:
        return (not self.since or _minor(self.since) <= minor) and (not self.before or minor < _minor(self.before))

    def __str__(self) -> str:
        since, before = f"since {self.since}" if self.since else "", f"before {self.before}" if self.before else ""
        return " ".join(filter(None, (since, before)))


def _minor(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)


class VersionEntry(_Words):
    """An Istio that departs from what the scenario states."""

    scenario: Identifier
    cases: Listed[Text] = Field(min_length=1)
    checks: Listed[Label] = Field(min_length=1)
    versions: Versions
    reason: Text
    link: Link
    expires: Day
    """The day on which somebody looks whether this still is so."""


class Register(_Words):
    documents: Listed[DocumentEntry] = ()
    versions: Listed[VersionEntry] = ()
