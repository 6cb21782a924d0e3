"""The catalogue as it is written: areas of promises, and documents whose sections make them."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from conformance.language.words import Identifier, Listed, Text


class _Words(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Promise(_Words):
    """One thing that a reader of the documents may rely on, in our own words."""

    id: Identifier
    documents: Listed[Text] = Field(min_length=1)
    claim: Text
    # No key that stands without a value is taken for one that is not there: None is no text.
    departs: Text = ""
    """Where today's Istio does something else, what that is; empty where it does what the document says."""


class Area(_Words):
    name: Text
    promises: Listed[Promise] = Field(min_length=1)


class Remark(_Words):
    """A statement about traffic that is no promise of its section."""

    says: Text
    because: Text


class Section(_Words):
    heading: Text
    """As scenarios name it."""
    title: Text
    promises: Listed[Identifier] = Field((), min_length=1)
    none: Text = ""
    """Why the section makes no promise; empty where it makes some."""
    besides: Listed[Remark] = Field((), min_length=1)


class Document(_Words):
    id: Text
    title: Text
    sections: Listed[Section] = Field(min_length=1)


class Catalogue(_Words):
    areas: Listed[Area] = Field(min_length=1)
    documents: Listed[Document] = Field(min_length=1)

    def promises(self) -> Iterator[Promise]:
        for area in self.areas:
            yield from area.promises
