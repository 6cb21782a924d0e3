"""What is said about one place of an object, and how places are named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remark:
    """One refusal or warning (specification, section 24)."""

    severity: Literal["refused", "warned"]
    by: Literal["schema", "webhook"]
    """The schema speaks first: when it refuses, the webhook is not asked."""
    field: str
    """As the API server names it: spec.http[0].match[1].headers[end-user]; "spec" for the object as a whole."""
    text: str
    """Istio's, without what is put around it: the object's name, the field, "configuration is invalid"."""

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


Remarks = Iterator[Remark]


def unfit(field: str, text: str) -> Remark:
    """The schema refuses."""
    return Remark("refused", "schema", field, text)


def denied(field: str, text: str) -> Remark:
    """The webhook refuses."""
    return Remark("refused", "webhook", field, text)


def warned(field: str, text: str) -> Remark:
    """The webhook warns; the object is stored."""
    return Remark("warned", "webhook", field, text)


def refusals(remarks: Remarks) -> Remarks:
    """Without the warnings: in some places Istio's webhook loses them on their way up (AppendErrors)."""
    return (remark for remark in remarks if remark.severity == "refused")


def each(field: str, values: Iterable[T] | None) -> Iterator[tuple[str, T]]:
    """The members of a list, each with its own field; none where there is no list."""
    for index, value in enumerate(values or ()):
        yield f"{field}[{index}]", value


def entries(field: str, values: Mapping[str, T]) -> Iterator[tuple[str, str, T]]:
    """The entries of a map: field, key and value."""
    for key, value in values.items():
        yield f"{field}[{key}]", key, value


def quoted(text: str) -> str:
    """As Go's %q writes a string."""
    return json.dumps(text, ensure_ascii=False)


def api_name(attribute: str) -> str:
    """The API's name of an attribute: http1_max_pending_requests is http1MaxPendingRequests, from_ is from."""
    first, *rest = attribute.split("_")
    return first + "".join(part.capitalize() for part in rest)
