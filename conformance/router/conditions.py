"""What a match block asks of a request beside its path (specification, section 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter

from conformance.router.comparisons import Comparison, Way
from conformance.router.message import Message

PSEUDO_HEADERS: Mapping[str, Callable[[Message], str]] = {
    ":method": attrgetter("method"),
    ":path": attrgetter("target"),
    ":scheme": attrgetter("scheme"),
    ":authority": attrgetter("authority"),
    # To Envoy, Host is another name of :authority.
    "host": attrgetter("authority"),
}

_ABSENT = "it is absent"


@dataclass(frozen=True, slots=True)
class Part:
    """`method`, `scheme`, `authority` and the pseudo-headers: each request has exactly one value of them."""

    field: str
    value_of: Callable[[Message], str]
    comparison: Comparison
    is_negated: bool = False

    def mismatch(self, message: Message) -> str | None:
        value = self.value_of(message)
        if self.comparison.accepts(value) is not self.is_negated:
            return None
        return _excluded(self.field, value) if self.is_negated else _different(self.field, self.comparison, value)


@dataclass(frozen=True, slots=True)
class Header:
    """HTTPMatchRequest.headers."""

    field: str
    name: str
    comparison: Comparison
    joins_values: bool
    """Repeated values are compared as one, with commas between; else one of them must do."""

    def mismatch(self, message: Message) -> str | None:
        values = message.headers.get(self.name)
        if values is None:
            return _missing(self.field, self.comparison)
        if self.joins_values:
            values = (",".join(values),)
        accepts = self.comparison.accepts
        for value in values:
            if accepts(value):
                return None
        return _different(self.field, self.comparison, ", ".join(values))


@dataclass(frozen=True, slots=True)
class WithoutHeader:
    """HTTPMatchRequest.withoutHeaders: no value may be like this."""

    field: str
    name: str
    comparison: Comparison
    joins_values: bool
    missing_is_empty: bool
    """A header that is not there is compared as an empty one; else the condition is not met."""

    def mismatch(self, message: Message) -> str | None:
        values = message.headers.get(self.name)
        if values is None:
            return self._mismatch_of_missing()
        if self.joins_values:
            values = (",".join(values),)
        accepts = self.comparison.accepts
        for value in values:
            if accepts(value):
                return _excluded(self.field, value)
        return None

    def _mismatch_of_missing(self) -> str | None:
        if self.comparison.way is Way.PRESENCE:
            return None
        if not self.missing_is_empty:
            return f"{self.field}: {_ABSENT}, which before Istio 1.22 met no condition"
        if self.comparison.accepts(""):
            return f"{self.field}: {_ABSENT}, which counts as empty"
        return None


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """HTTPMatchRequest.queryParams: raw text, the first of several, names in their case."""

    field: str
    name: str
    comparison: Comparison

    def mismatch(self, message: Message) -> str | None:
        value = first_value(message.query, self.name)
        if value is None:
            return _missing(self.field, self.comparison)
        return None if self.comparison.accepts(value) else _different(self.field, self.comparison, value)


@dataclass(frozen=True, slots=True)
class Claim:
    """A key `@request.auth.claims…` of headers or withoutHeaders: a string, or one of a list of them."""

    field: str
    path: tuple[str, ...]
    comparison: Comparison
    is_negated: bool

    def mismatch(self, message: Message) -> str | None:
        value = self._value(message.claims)
        values = value if isinstance(value, (list, tuple)) else (value,)
        accepts = self.comparison.accepts
        is_met = any(isinstance(each, str) and accepts(each) for each in values)
        if is_met is not self.is_negated:
            return None
        if self.is_negated:
            return _excluded(self.field, str(value))
        if value is None:
            return _missing(self.field, self.comparison)
        return _different(self.field, self.comparison, str(value))

    def _value(self, claims: object) -> object:
        for key in self.path:
            if not isinstance(claims, Mapping):
                return None
            claims = claims.get(key)
        return claims


Condition = Part | Header | WithoutHeader | QueryParameter | Claim
"""One of those that must all be met; `mismatch` is None if it is, else why it is not."""


def first_value(query: str | None, name: str) -> str | None:
    """The raw value of a query's parameter; empty where it has no equals sign, None where it is not named."""
    if query is None or name not in query:
        return None
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return value
    return None


def _different(field: str, comparison: Comparison, value: str) -> str:
    return f"{field}: {comparison.refusal} {value}"


def _missing(field: str, comparison: Comparison) -> str:
    return f"{field}: {comparison.wanted} asked for, but {_ABSENT}"


def _excluded(field: str, value: str) -> str:
    return f"{field}: excluded, but it is {value}"
