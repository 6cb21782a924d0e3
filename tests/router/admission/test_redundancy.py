"""Rules and matches that nothing reaches are stored with a warning (specification, section 24)."""

from __future__ import annotations

import time

import pytest

from tests.router.admission.rows import Row, check, parameters, remarks

TO = "route: [{destination: {host: a}}]"


def row(behaviour: str, rules: list[str], field: str, text: str, accepted: list[str] | None = None) -> Row:
    neighbour = None if accepted is None else spec(accepted)
    return Row(behaviour, "VirtualService", spec(rules), field, text, severity="warned", accepted=neighbour)


def spec(rules: list[str]) -> str:
    return "hosts: [a]\nhttp:\n" + "".join(f"- {{{rule}, {TO}}}\n" if rule else f"- {{{TO}}}\n" for rule in rules)


ROWS = [
    row(
        "a second rule without match is unused",
        ["", "name: last"],
        "spec.http[1]",
        'virtualService rule "last" not used (only the last rule can have no matches)',
        ["match: [{uri: {prefix: /a}}]", ""],
    ),
    row(
        "a rule after one without match is unused",
        ["", "match: [{uri: {prefix: /a}}]"],
        "spec.http[1]",
        "virtualService rule #1 not used (route without matches defined before)",
    ),
    row(
        "a match that an earlier rule has, under another name, is unused",
        ["name: one, match: [{name: m, uri: {exact: /a}}]", "match: [{name: n, uri: {exact: /a}}, {port: 80}]"],
        "spec.http[1].match[0]",
        'virtualService rule #1 match "n" is not used (duplicate/overlapping match in rule "one")',
    ),
    row(
        "a rule of which every match stands earlier is unused",
        ["match: [{uri: {exact: /a}}]", "match: [{uri: {exact: /a}}]"],
        "spec.http[1]",
        "virtualService rule #1 not used (all matches used by prior rules)",
        ["match: [{uri: {exact: /a}}]", "match: [{uri: {exact: /b}}]"],
    ),
    row(
        "a rule of which every one of several matches stands earlier is unused",
        ["match: [{port: 80}, {port: 81}]", "match: [{port: 81}, {port: 80}]"],
        "spec.http[1]",
        "virtualService rule #1 not used (all matches used by prior rules)",
        ["match: [{port: 80}, {port: 81}]", "match: [{port: 82}, {port: 83}]"],
    ),
    row(
        "a match with the same headers in another order is unused",
        [
            "match: [{headers: {x: {exact: a}, y: {exact: b}}}]",
            "match: [{headers: {y: {exact: b}, x: {exact: a}}}, {port: 80}]",
        ],
        "spec.http[1].match[0]",
        "virtualService rule #1 match #0 is not used (duplicate/overlapping match in rule #0)",
    ),
    row(
        "a prefix below an earlier prefix is unused",
        ["match: [{uri: {prefix: /a}}]", "match: [{uri: {prefix: /a/b}}]"],
        "spec.http[1].match[0]",
        "virtualService rule #1 match #0 of prefix /a/b is not used "
        "(duplicate/overlapping match in rule #0 of prefix /a on #0)",
        ["match: [{uri: {prefix: /a/b}}]", "match: [{uri: {prefix: /a}}]"],
    ),
    row(
        "a prefix below an earlier prefix is unused, by the names of rules and matches",
        ["name: one, match: [{name: m, uri: {prefix: /a}}]", "name: two, match: [{name: n, uri: {prefix: /a/b}}]"],
        "spec.http[1].match[0]",
        'virtualService rule "two" match "n" of prefix /a/b is not used '
        '(duplicate/overlapping match in rule "m" of prefix /a on "one")',
        # Of two matches only one of which is by prefix, the webhook says nothing.
        ["match: [{headers: {x: {}}}]", "match: [{uri: {prefix: /a}, headers: {x: {}}}]"],
    ),
    row(
        "a prefix that stands there twice below another one is named once for that",
        [
            "match: [{uri: {prefix: /a}}]",
            "match: [{uri: {prefix: /a/b}}]",
            "match: [{uri: {prefix: /a/b}}, {port: 80}]",
        ],
        "spec.http[1].match[0]",
        "virtualService rule #1 match #0 of prefix /a/b is not used",
    ),
    row(
        "a prefix below an earlier one with the same other conditions is unused",
        [
            "match: [{uri: {prefix: /a}, headers: {x: {exact: y}}, queryParams: {q: {}}, port: 80}]",
            "match: [{uri: {prefix: /a/b}, headers: {x: {exact: y}}, queryParams: {q: {regex: z}}, port: 80}]",
        ],
        "spec.http[1].match[0]",
        "match #0 of prefix /a/b is not used",
        ["match: [{uri: {prefix: /a}, headers: {x: {exact: y}}}]", "match: [{uri: {prefix: /a/b}}]"],
    ),
    *(
        row(
            f"a prefix below an earlier one with the same {name} is unused, with another it is not",
            [f"match: [{{uri: {{prefix: /a}}, {same}}}]", f"match: [{{uri: {{prefix: /a/b}}, {same}}}]"],
            "spec.http[1].match[0]",
            "match #0 of prefix /a/b is not used",
            [f"match: [{{uri: {{prefix: /a}}, {same}}}]", f"match: [{{uri: {{prefix: /a/b}}, {other}}}]"],
        )
        for name, same, other in (
            ("header", "headers: {x: {exact: a}}", "headers: {x: {exact: b}}"),
            ("authority", "authority: {exact: a}", "authority: {exact: b}"),
            ("port", "port: 1", "name: any"),
        )
    ),
    row(
        "a prefix of GET requests below one of all methods is unused, for no method counts as GET",
        ["match: [{uri: {prefix: /a}}]", "match: [{uri: {prefix: /a/b}, method: {exact: GET}}]"],
        "spec.http[1].match[0]",
        "match #0 of prefix /a/b is not used",
        ["match: [{uri: {prefix: /a}}]", "match: [{uri: {prefix: /a/b}, method: {prefix: P}}]"],
    ),
    row(
        "prefixes on two ports do not overlap, a third one on the first port does",
        [
            "match: [{uri: {prefix: /a}, port: 80}]",
            "match: [{uri: {prefix: /a/b}, port: 81}]",
            "match: [{uri: {prefix: /a/c}, port: 80}]",
        ],
        "spec.http[2].match[0]",
        "match #0 of prefix /a/c is not used",
        ["match: [{uri: {prefix: /a}, port: 80}]", "match: [{uri: {prefix: /a/b}, port: 81}]"],
    ),
    Row(
        "a second tcp rule without match is unused",
        "VirtualService",
        f"hosts: [a]\ntcp: [{{{TO}}}, {{{TO}}}]",
        "spec.tcp[1]",
        "virtualService rule #1 not used (only the last rule can have no matches)",
        severity="warned",
    ),
    Row(
        "a tls match that an earlier rule has is unused",
        "VirtualService",
        f"hosts: [a]\ntls: [{{match: [{{sniHosts: [a]}}], {TO}}}, {{match: [{{sniHosts: [a]}}], {TO}}}]",
        "spec.tls[1].match[0]",
        "virtualService rule #1 match #0 is not used (duplicate/overlapping match in rule #0)",
        severity="warned",
    ),
]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)


def test_a_rule_after_one_without_match_is_named_for_each_of_its_matches() -> None:
    manifest = Row("", "VirtualService", spec(["", "match: [{port: 80}, {port: 81}]"]), "", "").manifest()
    text = "spec.http[1]: virtualService rule #1 not used (route without matches defined before)"
    assert list(map(str, remarks(manifest))) == [text, text]


def test_a_thousand_rules_are_compared_within_a_second() -> None:
    manifest = Row("", "VirtualService", spec(["timeout: 1s"]), "", "").manifest()
    route = [{"destination": {"host": "a"}}]
    matches = ([{"uri": {"prefix": f"/{number}"}, "headers": {"x": {"exact": "y"}}}] for number in range(1000, 2000))
    manifest["spec"]["http"] = [{"match": match, "route": route} for match in matches]
    begun = time.process_time()
    assert not remarks(manifest)
    assert time.process_time() - begun < 1
