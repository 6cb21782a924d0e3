"""Warnings about rules and matches that nothing reaches (validation.go analyzeUnreachable…Rules).

The webhook is modelled, not the truth: it compares texts, so it overlooks much and now and then suspects a rule that
works.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from conformance.router.admission.remark import Remark, Remarks, each, quoted, warned
from conformance.router.objects.virtual_service import (
    HTTPMatchRequest,
    HTTPRoute,
    L4MatchAttributes,
    StringMatch,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
)

Rule = HTTPRoute | TLSRoute | TCPRoute
Match = HTTPMatchRequest | TLSMatchAttributes | L4MatchAttributes


def unreachable_rules(field: str, rules: Sequence[Rule]) -> Remarks:
    """Rules after one without match, and matches that an earlier rule has word for word."""
    first: dict[str, int] = {}
    open_rule = False
    for index, (place, rule) in enumerate(each(field, rules)):
        name = _rule_name(rule, index)
        if not rule.match:
            if open_rule:
                yield warned(place, f"virtualService rule {name} not used (only the last rule can have no matches)")
            open_rule = True
            continue
        repeated = 0
        matches: Sequence[Match] = rule.match
        for number, (match_field, match) in enumerate(each(f"{place}.match", matches)):
            if open_rule:
                yield warned(place, f"virtualService rule {name} not used (route without matches defined before)")
                continue
            conditions = _conditions(match)
            if conditions in first:
                earlier = first[conditions]
                other = _rule_name(rules[earlier], earlier)
                yield _ineffective(match_field, name, _match_name(match, number), other)
                repeated += 1
            first.setdefault(conditions, index)
        if repeated == len(rule.match):
            yield warned(place, f"virtualService rule {name} not used (all matches used by prior rules)")


def overshadowed_prefixes(field: str, rules: Sequence[HTTPRoute]) -> Remarks:
    """Prefix matches that begin with the prefix of an earlier match whose other conditions are the same or wider."""
    prefixes = list(_prefixes(field, rules))
    for index, earlier in enumerate(prefixes):
        for later in prefixes[index + 1 :]:
            if later.prefix != earlier.prefix and earlier.covers(later):
                match = f"{later.name} of prefix {later.prefix}"
                by = f"{earlier.name} of prefix {earlier.prefix} on {earlier.rule}"
                yield _ineffective(later.field, later.rule, match, by)


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A match by prefix, with its other conditions in the form in which the webhook compares them."""

    field: str
    rule: str
    name: str
    prefix: str
    port: int
    texts: tuple[str, str]
    """Of method and authority."""
    maps: tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]
    """Of headers, query parameters and withoutHeaders."""

    def covers(self, other: _Prefix) -> bool:
        return (
            other.prefix.startswith(self.prefix)
            and other.port == self.port
            and all(own.startswith(its) for own, its in zip(self.texts, other.texts, strict=True))
            and all(_wider(own, its) for own, its in zip(self.maps, other.maps, strict=True))
        )


def _wider(own: Mapping[str, str], its: Mapping[str, str]) -> bool:
    return own.keys() == its.keys() and all(value.startswith(its[key]) for key, value in own.items())


def _prefixes(field: str, rules: Sequence[HTTPRoute]) -> Iterator[_Prefix]:
    seen: set[str] = set()
    for index, (place, rule) in enumerate(each(field, rules)):
        if not rule.match:
            # What follows a rule without match is not compared any more: it has its warning already.
            return
        for number, (match_field, match) in enumerate(each(f"{place}.match", rule.match)):
            conditions = _conditions(match)
            if conditions not in seen and match.uri and (prefix := match.uri.prefix):
                yield _prefix(match_field, _rule_name(rule, index), _match_name(match, number), prefix, match)
            seen.add(conditions)


def _prefix(field: str, rule: str, name: str, prefix: str, match: HTTPMatchRequest) -> _Prefix:
    return _Prefix(
        field,
        rule,
        name,
        prefix,
        match.port or 0,
        (_compared(match.method) or "exact:GET", _compared(match.authority)),
        (_all_compared(match.headers), _all_compared(match.query_params), _all_compared(match.without_headers)),
    )


def _all_compared(matches: Mapping[str, StringMatch]) -> Mapping[str, str]:
    return {key: _compared(match) for key, match in matches.items()}


def _compared(match: StringMatch | None) -> str:
    """A regex and the mere presence look the same here: nothing."""
    if match and match.exact:
        return f"exact:{match.exact}"
    return f"prefix:{match.prefix}" if match and match.prefix else ""


def _ineffective(field: str, rule: str, match: str, earlier: str) -> Remark:
    text = f"virtualService rule {rule} match {match} is not used (duplicate/overlapping match in rule {earlier})"
    return warned(field, text)


def _conditions(match: Match) -> str:
    """All of a match but its name, in a form that can be looked up (asJSON)."""
    return json.dumps({**asdict(match), "name": None}, sort_keys=True)


def _rule_name(rule: Rule, index: int) -> str:
    return quoted(rule.name) if isinstance(rule, HTTPRoute) and rule.name else f"#{index}"


def _match_name(match: Match, index: int) -> str:
    return quoted(match.name) if isinstance(match, HTTPMatchRequest) and match.name else f"#{index}"
