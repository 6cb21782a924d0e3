"""HTTPMatchRequest, compiled: which requests a route takes (specification, section 12).

Only what depends on the request. Ports, gateways and the source of a match are decided before, when routes are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.router.comparisons import PRESENCE, Comparison, Way, compile_comparison
from conformance.router.conditions import (
    PSEUDO_HEADERS,
    Claim,
    Condition,
    Header,
    Part,
    QueryParameter,
    WithoutHeader,
)
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPMatchRequest, StringMatch
from conformance.router.versions import Since, Version

CLAIMS = "@request.auth.claims"

_ROOT = Comparison(Way.PREFIX, "/")
_PREFIX, _EXACT = Way.PREFIX, Way.EXACT


@dataclass(frozen=True, slots=True)
class Matcher:
    """One match block."""

    uri: Comparison = _ROOT
    ignores_case: bool = False
    """`ignoreUriCase`; regexes keep their own."""
    conditions: tuple[Condition, ...] = ()
    is_catch_all: bool = True
    """Rules after it are cut off, and at a gateway it comes last (section 10.3)."""
    undefined: str = ""
    """Why Envoy would refuse the route, and with it the whole route table; empty if it would not."""

    def mismatch(self, message: Message) -> str | None:
        """None if the request is this route's, else the first reason why not."""
        uri, path = self.uri, message.path
        if self.ignores_case:
            is_met = self._accepts_any_case(path)
        elif uri.way is _PREFIX:
            # Spelt out, because by far the most matches are of this kind.
            is_met = path.startswith(uri.text)
        else:
            is_met = uri.accepts(path)
        if not is_met:
            return f"uri: {uri.refusal} {path}"
        for condition in self.conditions:
            reason = condition.mismatch(message)
            if reason is not None:
                return reason
        return None

    def rest(self, path: str) -> str:
        """What a rewrite keeps of the path: all after a matched prefix, nothing of any other match (section 13.3)."""
        return path[len(self.uri.text) :] if self.uri.way is _PREFIX else ""

    def _accepts_any_case(self, path: str) -> bool:
        wanted, found = self.uri.text.lower(), path.lower()
        return found == wanted if self.uri.way is _EXACT else found.startswith(wanted)


def compile_match(match: HTTPMatchRequest | None, version: Version, field: str) -> Matcher:
    """No match at all is the prefix `/`. Raises ValueError, naming the field, for a regex that is none of RE2's.

    `field` is the match block's: spec.http[0].match[1].
    """
    if match is None:
        return Matcher()
    uri = compile_comparison(match.uri, f"{field}.uri") if match.uri else _ROOT
    if uri is PRESENCE:
        uri = _ROOT
    conditions = tuple(_conditions(match, version, field))
    return Matcher(
        uri=uri,
        ignores_case=bool(match.ignore_uri_case) and uri.way is not Way.REGEX,
        conditions=conditions,
        is_catch_all=not conditions and _takes_every_path(uri, version),
        undefined=_undefined(conditions),
    )


def claim_path(key: str) -> tuple[str, ...]:
    """`@request.auth.claims.a.b` and `@request.auth.claims[a][b]`; empty for what is the name of a header."""
    if not key.lower().startswith(CLAIMS):
        return ()
    rest = key[len(CLAIMS) :]
    if rest.startswith(".") and len(rest) > 1:
        return tuple(rest[1:].split("."))
    if rest.startswith("[") and rest.endswith("]") and len(rest) > 2:
        return tuple(rest[1:-1].split("]["))
    return ()


def _takes_every_path(uri: Comparison, version: Version) -> bool:
    if uri.way is Way.PREFIX:
        return uri.text == "/"
    return uri.way is Way.REGEX and uri.text == ".*" and version.has(Since.REGEX_CATCH_ALL)


def _comparison(match: StringMatch, place: str) -> Comparison:
    """In everything but the path, `*` stands for presence, though it is none of RE2's regexes."""
    return PRESENCE if match.regex == "*" else compile_comparison(match, place)


def _conditions(match: HTTPMatchRequest, version: Version, field: str) -> Iterator[Condition]:
    """Those that are cheap to check and likely to fail come first; their order is not observable."""
    for name, part in (("method", match.method), ("authority", match.authority), ("scheme", match.scheme)):
        if part is not None:
            comparison = _comparison(part, f"{field}.{name}")
            yield Part(name, PSEUDO_HEADERS[f":{name}"], comparison)
    for key, wanted in match.headers.items():
        yield _header(key, wanted, version, field)
    for key, wanted in match.without_headers.items():
        yield _without_header(key, wanted, version, field)
    for key, wanted in match.query_params.items():
        yield _query_parameter(key, wanted, version, field)


def _header(key: str, wanted: StringMatch, version: Version, field: str) -> Condition:
    place = f"headers[{key}]"
    comparison = _comparison(wanted, f"{field}.{place}")
    claims = _claims(key, version)
    if claims:
        return Claim(place, claims, comparison, is_negated=False)
    if wanted == StringMatch() and not version.has(Since.PRESENCE_MATCH):
        comparison = Comparison(Way.EXACT, "")
    name = key.lower()
    if name in PSEUDO_HEADERS:
        return Part(place, PSEUDO_HEADERS[name], comparison)
    return Header(place, name, comparison, joins_values=not version.has(Since.SINGLE_HEADER_VALUES))


def _without_header(key: str, wanted: StringMatch, version: Version, field: str) -> Condition:
    place = f"withoutHeaders[{key}]"
    comparison = _comparison(wanted, f"{field}.{place}")
    claims = _claims(key, version)
    if claims:
        return Claim(place, claims, comparison, is_negated=True)
    name = key.lower()
    if name in PSEUDO_HEADERS:
        return Part(place, PSEUDO_HEADERS[name], comparison, is_negated=True)
    return WithoutHeader(
        field=place,
        name=name,
        comparison=comparison,
        joins_values=not version.has(Since.SINGLE_HEADER_VALUES),
        missing_is_empty=version.has(Since.ABSENT_IS_EMPTY),
    )


def _query_parameter(name: str, wanted: StringMatch, version: Version, field: str) -> Condition:
    place = f"queryParams[{name}]"
    comparison = _comparison(wanted, f"{field}.{place}")
    if comparison.way is Way.PREFIX and not version.has(Since.QUERY_PREFIX):
        # Left out of Envoy's configuration, and without anything to compare with Envoy asks for presence.
        comparison = PRESENCE
    return QueryParameter(place, name, comparison)


def _claims(key: str, version: Version) -> tuple[str, ...]:
    return claim_path(key) if version.has(Since.CLAIM_ROUTING) else ()


def _undefined(conditions: Iterable[Condition]) -> str:
    """What passes istiod but not Envoy, whose answer then depends on the route table it had before."""
    for condition in conditions:
        comparison = condition.comparison
        if comparison.way is Way.PREFIX and not comparison.text:
            return f"{condition.field}: Envoy refuses an empty prefix"
        if comparison is PRESENCE and isinstance(condition, Claim):
            return f"{condition.field}: Envoy refuses a claim without a value to compare with"
    return ""
