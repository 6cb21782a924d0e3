"""Headers that rules set, add and remove, and the Host they send on (specification, sections 13.3 and 13.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.router.codec import JOINED, joined
from conformance.router.objects.virtual_service import HeaderOperations, HTTPRoute, HTTPRouteDestination
from conformance.router.objects.virtual_service import Headers as RuleHeaders
from conformance.router.request import Headers
from conformance.router.versions import Since, Version

HeaderMap = Mapping[str, tuple[str, ...]]

_NEWEST = Version()
_NONE = HeaderOperations()
_NOTHING = RuleHeaders()
_SUBSTITUTION = re.compile(r"%%|%[^%]+%")
_AUTHORITY_NAMES = frozenset({":authority", "host"})
_JOINED_IN_RESPONSES = frozenset(
    "access-control-allow-credentials access-control-allow-headers access-control-allow-methods "
    "access-control-allow-origin access-control-allow-private-network access-control-expose-headers "
    "access-control-max-age age cache-control content-encoding content-type date etag expires grpc-message "
    "grpc-status last-modified location proxy-status vary via x-envoy-attempt-count x-envoy-decorator-operation "
    "x-envoy-degraded x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary "
    "x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time x-request-id".split()
)
"""What JOINED is to requests."""
_FIXED_IN_RESPONSES = frozenset({"server", "connection", "transfer-encoding", "keep-alive", "proxy-connection"})
"""Written or taken away by Envoy after all operations."""


@dataclass(frozen=True, slots=True)
class Value:
    """One header to set or to add; without `is_known` the text has `%…%` that Envoy fills in, as it stands."""

    name: str
    text: str
    is_known: bool
    is_joined: bool
    """Added, it goes behind a comma into the value that is there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One list of Envoy's: first all removals, then all that is set, then all that is added, whatever their order."""

    removed: tuple[str, ...]
    set: tuple[Value, ...]
    added: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """To the headers of requests, or of responses."""

    steps: tuple[Step, ...] = ()
    set_headers: Headers = ()
    """What is sure in the end, names in lower case: these values and no others."""
    added_headers: Headers = ()
    """Beside whatever was there before."""
    removed_headers: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()
    """Names of which nothing is sure, because Envoy fills in the value."""

    def apply(self, headers: HeaderMap) -> HeaderMap:
        """A new mapping. A value that Envoy fills in stands there as it is written in the rule."""
        if not self.steps:
            return headers
        changed = dict(headers)
        for step in self.steps:
            for name in step.removed:
                changed.pop(name, None)
            for value in step.set:
                changed[value.name] = (value.text,)
            for value in step.added:
                changed[value.name] = _with(changed.get(value.name, ()), value)
        return changed


@dataclass(frozen=True, slots=True)
class Operations:
    """All that a rule and one of its destinations do to the headers."""

    request: Changes = Changes()
    response: Changes = Changes()
    rule_authority: str = ""
    destination_authority: str = ""
    is_weighted: bool = False
    """One of several destinations, whose own operations go first."""

    def authority(self, sent: str) -> tuple[str, str | None]:
        """The Host that goes upstream, and the value of X-Envoy-Original-Host; None where Envoy adds none."""
        if not self.is_weighted:
            new = self.rule_authority or self.destination_authority
            return (new, sent) if new else (sent, None)
        before = self.destination_authority or sent
        return (self.rule_authority, before) if self.rule_authority else (before, None)


def compile_operations(
    route: HTTPRoute, destination: HTTPRouteDestination | None, version: Version = _NEWEST
) -> Operations:
    """Of a rule and the destination that was drawn; None for rules that have none.

    With a single destination both are one list of Envoy's, the rule's part first; with several the destination's list
    goes before the rule's.
    """
    rule = route.headers or _NOTHING
    own = (destination and destination.headers) or _NOTHING
    is_weighted = len(route.route) > 1
    requests = (rule.request or _NONE, own.request or _NONE)
    responses = (rule.response or _NONE, own.response or _NONE)
    rewritten = route.rewrite.authority if route.rewrite else None
    return Operations(
        request=_changes(requests, is_weighted=is_weighted),
        response=_changes(responses, is_weighted=is_weighted, is_response=True),
        rule_authority=rewritten or _authority(requests[0]),
        destination_authority=_authority(requests[1]) if version.has(Since.DESTINATION_AUTHORITY) else "",
        is_weighted=is_weighted,
    )


_Pair = tuple[HeaderOperations, HeaderOperations]
"""Of the rule, and of the destination."""


def _authority(operations: HeaderOperations) -> str:
    """Host or :authority, which is not changed as a header; `set` before `add`."""
    pairs = [*operations.set.items(), *operations.add.items()]
    return next((value for key, value in pairs if key.lower() in _AUTHORITY_NAMES and value), "")


def _changes(pair: _Pair, *, is_weighted: bool, is_response: bool = False) -> Changes:
    lists: Sequence[Sequence[HeaderOperations]] = [pair[1:], pair[:1]] if is_weighted else [pair]
    made = (_step(parts, is_response=is_response) for parts in lists)
    steps = tuple(step for step in made if step.removed or step.set or step.added)
    if not steps:
        return Changes()
    ends = _ends(steps)
    known = {name: end for name, end in ends.items() if all(value.is_known for value in end.values)}
    # Without a date Envoy puts in its own.
    lasting = frozenset({"date"}) if is_response else frozenset()
    return Changes(
        steps=steps,
        set_headers=tuple((name, text) for name, end in known.items() if end.is_replaced for text in end.texts()),
        added_headers=tuple(
            (name, value.text) for name, end in known.items() if not end.is_replaced for value in end.values
        ),
        removed_headers=tuple(name for name, end in known.items() if not end.values and name not in lasting),
        unknown=frozenset(ends.keys() - known.keys()),
    )


def _step(parts: Sequence[HeaderOperations], *, is_response: bool) -> Step:
    removed = (name.lower() for part in parts for name in part.remove)
    return Step(
        removed=tuple(name for name in removed if _may_change(name, is_response=is_response)),
        set=tuple(value for part in parts for value in _values(part.set, is_response=is_response)),
        added=tuple(value for part in parts for value in _values(part.add, is_response=is_response)),
    )


def _may_change(name: str, *, is_response: bool) -> bool:
    return not (name.startswith(":") or name == "host" or (is_response and name in _FIXED_IN_RESPONSES))


def _values(headers: Mapping[str, str], *, is_response: bool) -> Iterator[Value]:
    """Sorted as istiod does it; without empty values, which Envoy leaves out."""
    names = _JOINED_IN_RESPONSES if is_response else JOINED
    for key, text in sorted(headers.items()):
        name = key.lower()
        if text and _may_change(name, is_response=is_response):
            is_known = all(found == "%%" for found in _SUBSTITUTION.findall(text))
            yield Value(name, text.replace("%%", "%") if is_known else text, is_known, name in names)


@dataclass(frozen=True, slots=True)
class _End:
    """What has become of one header after some steps."""

    is_replaced: bool = False
    values: tuple[Value, ...] = ()

    def texts(self) -> tuple[str, ...]:
        texts: tuple[str, ...] = ()
        for value in self.values:
            texts = _with(texts, value)
        return texts


def _ends(steps: Iterable[Step]) -> dict[str, _End]:
    ends: dict[str, _End] = {}
    for step in steps:
        for name in step.removed:
            ends[name] = _End(is_replaced=True)
        for value in step.set:
            # One that may turn out empty, and then sets nothing, is unknown anyhow.
            ends[value.name] = _End(is_replaced=True, values=(value,))
        for value in step.added:
            before = ends.get(value.name, _End())
            ends[value.name] = _End(before.is_replaced, (*before.values, value))
    return ends


def _with(texts: tuple[str, ...], value: Value) -> tuple[str, ...]:
    return (joined(texts[0], value.text),) if texts and value.is_joined else (*texts, value.text)
