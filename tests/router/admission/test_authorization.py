"""AuthorizationPolicies (specification, section 24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.admission.rows import Row, check, parameters

PROVIDER = "action: CUSTOM, provider: {name: opa}"


def policy(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"{{{accepted}}}"
    return Row(behaviour, "AuthorizationPolicy", f"{{{spec}}}", field, text, accepted=neighbour, **more)


def rule(behaviour: str, snippet: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about one rule; `field` is relative to it."""
    neighbour = None if accepted is None else f"rules: [{{{accepted}}}]"
    place = f"spec.rules[0].{field}" if field else "spec.rules[0]"
    return policy(behaviour, f"rules: [{{{snippet}}}]", place, text, accepted=neighbour, **more)


def source(behaviour: str, snippet: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"from: [{{source: {{{accepted}}}}}]"
    place = f"from[0].source.{field}" if field else "from[0].source"
    return rule(behaviour, f"from: [{{source: {{{snippet}}}}}]", place, text, accepted=neighbour, **more)


def path(behaviour: str, value: str, text: str, *, accepted: str) -> Row:
    return rule(
        behaviour,
        f"to: [{{operation: {{paths: ['{value}']}}}}]",
        "to[0].operation.paths[0]",
        text,
        accepted=f"to: [{{operation: {{paths: ['{accepted}']}}}}]",
    )


def condition(behaviour: str, key: str, values: str, field: str, text: str, *, accepted: str | None = None) -> Row:
    """A row about one condition; the neighbour has other values."""
    neighbour = None if accepted is None else f"when: [{{key: '{key}', {accepted}}}]"
    place = f"when[0].{field}" if field else "when[0]"
    return rule(behaviour, f"when: [{{key: '{key}', {values}}}]", place, text, accepted=neighbour)


ACTIONS = [
    policy(
        "DENY without rules is refused",
        "action: DENY",
        "spec",
        "DENY action without `rules` is meaningless as it will never be triggered",
        accepted="action: ALLOW",  # stored without a word, though it denies everything
    ),
    policy(
        "CUSTOM without rules is refused",
        PROVIDER,
        "spec",
        "CUSTOM action without `rules` is meaningless as it will never be triggered",
        accepted=f"{PROVIDER}, rules: [{{}}]",
    ),
    policy(
        "CUSTOM without a provider is refused",
        "action: CUSTOM, rules: [{}]",
        "spec.provider.name",
        "`provider.name` must not be empty",
    ),
    policy(
        "a provider without CUSTOM is refused",
        "provider: {name: opa}, rules: [{}]",
        "spec.provider",
        "`provider` must not be with non CUSTOM action, found ALLOW",
    ),
    policy(
        "an unknown action is refused",
        "action: LOG, rules: [{}]",
        "spec.action",
        'Unsupported value: "LOG": supported values: "ALLOW", "DENY", "AUDIT", "CUSTOM"',
        by="schema",
        accepted="action: AUDIT, rules: [{}]",
    ),
    policy(
        "CUSTOM by an identity is refused",
        f"{PROVIDER}, rules: [{{from: [{{source: {{notNamespaces: [a]}}}}]}}]",
        "spec.rules[0].from[0].source.notNamespaces",
        "From.NotNamespaces is currently not supported with CUSTOM action",
        accepted=f"{PROVIDER}, rules: [{{from: [{{source: {{ipBlocks: [10.0.0.0/8]}}}}]}}]",
    ),
    policy(
        "CUSTOM by a JWT is refused",
        f"{PROVIDER}, rules: [{{from: [{{source: {{requestPrincipals: ['*']}}}}]}}]",
        "spec.rules[0].from[0].source.requestPrincipals",
        "From.RequestPrincipals is currently not supported with CUSTOM action",
    ),
    policy(
        "CUSTOM by a claim is refused",
        f"{PROVIDER}, rules: [{{when: [{{key: 'request.auth.claims[a]', values: [b]}}]}}]",
        "spec.rules[0].when[0].key",
        "request.auth.claims[a] is currently not supported with CUSTOM action",
        accepted=f"{PROVIDER}, rules: [{{when: [{{key: 'request.headers[a]', values: [b]}}]}}]",
    ),
    policy(
        "CUSTOM with a source that says nothing is refused",
        f"{PROVIDER}, rules: [{{from: [{{}}]}}]",
        "spec.rules[0].from[0].source",
        "`from.source` must not be nil, found at rule 0",
    ),
    policy(
        "DENY by nothing but HTTP is stored with a warning",
        "action: DENY, rules: [{to: [{operation: {paths: [/a]}}]}]",
        "spec.rules[0]",
        "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope",
        severity="warned",
        accepted="action: DENY, rules: [{to: [{operation: {paths: [/a], ports: ['80']}}]}]",
    ),
    policy(
        "DENY by nothing but a JWT is stored with a warning",
        "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]",
        "spec.rules[0]",
        "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope",
        severity="warned",
        accepted="action: DENY, rules: [{from: [{source: {namespaces: [a]}}]}]",
    ),
    policy(
        "a selector beside targetRefs is refused",
        "selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]",
        "spec",
        "only one of targetRefs or selector can be set",
        by="schema",
    ),
    policy(
        "a target that is a Deployment is refused",
        "targetRefs: [{kind: Service, name: a}, {group: apps, kind: Deployment, name: a}]",
        "spec.targetRefs[1]",
        "but was apps/Deployment",
    ),
    policy(
        "a selector with a wildcard is refused",
        "selector: {matchLabels: {a: '*'}}",
        "spec.selector.matchLabels[a]",
        "wildcard not allowed in label value match",
        by="schema",
    ),
]

SOURCES = [
    rule(
        "a source that is absent is refused",
        "from: [{}]",
        "from[0].source",
        "`from.source` must not be nil, found at rule 0",
        accepted="from: []",  # stored, and as if it were not there
    ),
    source("an empty source is refused", "", "", "`from.source` must not be empty, found at rule 0"),
    source(
        "an empty principal is refused",
        "principals: ['']",
        "principals[0]",
        "empty value not allowed, found in Principals",
        accepted="principals: ['*'], notIpBlocks: ['2001:db8::/32']",
    ),
    source(
        "an address that is none is refused",
        "ipBlocks: [10.0.0.256]",
        "ipBlocks[0]",
        "bad IP address (10.0.0.256)",
        accepted="ipBlocks: [10.0.0.1, 10.0.0.0/8]",
    ),
    source(
        "a block that is none is refused",
        "notRemoteIpBlocks: [10.0.0.0/33]",
        "notRemoteIpBlocks[0]",
        "bad CIDR range (10.0.0.0/33)",
        accepted="notRemoteIpBlocks: [10.0.0.1/32]",
    ),
    source("a block of a name is refused", "ipBlocks: [a.com/8]", "ipBlocks[0]", "bad CIDR range (a.com/8)"),
    source(
        "a block with a zone is refused",
        "ipBlocks: ['fe80::1%eth0/64']",
        "ipBlocks[0]",
        "bad CIDR range (fe80::1%eth0/64)",
        accepted="ipBlocks: ['fe80::1/64']",
    ),
    source(
        "service accounts beside namespaces are refused",
        "serviceAccounts: [a], namespaces: [b]",
        "",
        "Cannot set serviceAccounts with namespaces or principals",
        by="schema",
        accepted="serviceAccounts: [a, b/c]",
    ),
    source(
        "an empty list of service accounts beside principals is refused",
        "serviceAccounts: [], notPrincipals: [b]",
        "",
        "Cannot set serviceAccounts with namespaces or principals",
        by="schema",
    ),
    source(
        "a service account with a wildcard is refused",
        "serviceAccounts: ['a/*']",
        "serviceAccounts[0]",
        "wildcard not allowed, found in ServiceAccounts",
    ),
    source(
        "an empty service account is refused",
        "serviceAccounts: ['']",
        "serviceAccounts[0]",
        "empty value not allowed, found in ServiceAccounts",
    ),
    source(
        "a service account with two slashes is refused",
        "notServiceAccounts: [a/b/c]",
        "notServiceAccounts[0]",
        "expected format 'serviceAccount' or 'namespace/serviceAccount', found \"a/b/c\" in NotServiceAccounts",
    ),
    source(
        "a service account without its namespace is refused",
        "serviceAccounts: [/a]",
        "serviceAccounts[0]",
        "expected format 'serviceAccount' or 'namespace/serviceAccount'",
    ),
    source(
        "seventeen service accounts are refused",
        f"serviceAccounts: [{', '.join('a' * 17)}]",
        "serviceAccounts",
        "Too many: 17: must have at most 16 items",
        by="schema",
    ),
]

OPERATIONS = [
    rule(
        "an operation that is absent is refused",
        "to: [{}]",
        "to[0].operation",
        "`to.operation` must not be nil, found at rule 0",
        accepted="to: []",
    ),
    rule(
        "an empty operation is refused",
        "to: [{operation: {}}]",
        "to[0].operation",
        "`to.operation` must not be empty, found at rule 0",
    ),
    rule(
        "a port that is a word is refused",
        "to: [{operation: {ports: [http]}}]",
        "to[0].operation.ports[0]",
        "bad port (http)",
        accepted="to: [{operation: {ports: ['0', '65535'], methods: [GET], hosts: ['*.a.com'], notPaths: [/x*]}}]",
    ),
    rule(
        "a port above 65535 is refused",
        "to: [{operation: {notPorts: ['65536']}}]",
        "to[0].operation.notPorts[0]",
        "bad port (65536)",
    ),
    rule(
        "an empty method is refused",
        "to: [{operation: {methods: ['']}}]",
        "to[0].operation.methods[0]",
        "empty value not allowed, found in Methods",
    ),
    path(
        "a path with braces around anything but asterisks is refused",
        "/a/{b}",
        "Contains '{' or '}' beyond a supported path template",
        accepted="/a/{*}/b/{**}",
    ),
    path(
        "a path with {**} before the end is refused",
        "/{**}/{*}",
        "invalid or unsupported path {**}/{*}, found in Paths. {**} is not the last operator",
        accepted="/{**}/a",
    ),
    path(
        "a path template with an asterisk beside it is refused",
        "/{*}/a*",
        "Contains segment a* with invalid string literal",
        accepted="/a*",
    ),
]

CONDITIONS = [
    rule("a condition without a key is refused", "when: [{values: [a]}]", "when[0].key", "Required value", by="schema"),
    condition("a condition with an empty key is refused", "", "values: [a]", "key", "`key` must not be empty"),
    condition(
        "a condition without values is refused",
        "source.ip",
        "values: []",
        "",
        "at least one of `values` or `notValues` must be set for key source.ip",
        accepted="notValues: [10.0.0.1]",
    ),
    condition(
        "an empty value is refused",
        "connection.sni",
        "values: ['']",
        "values",
        "invalid `value` for `key` connection.sni: empty value not allowed, found in connection.sni",
        accepted="values: [a.com]",
    ),
    condition(
        "a header without a name is refused",
        "request.headers",
        "values: [a]",
        "values",
        "invalid `value` for `key` request.headers: bad key (request.headers): should have format a[b]",
    ),
    condition(
        "an address that is none is refused in notValues, too",
        "remote.ip",
        "notValues: [a]",
        "notValues",
        "bad IP address (a)",
        accepted="values: [10.0.0.0/8]",
    ),
    condition(
        "a port above 65535 is refused in a condition",
        "destination.port",
        "values: ['65536']",
        "values",
        "bad port (65536)",
        accepted="values: ['80']",
    ),
    condition(
        "a service account with a wildcard is refused in a condition",
        "source.serviceAccount",
        "values: ['*']",
        "values",
        "wildcard not allowed, found in source.serviceAccount",
        accepted="values: [a/b]",
    ),
    condition(
        "a trust domain with two wildcards is refused",
        "source.trustDomain",
        "values: ['*a*']",
        "values",
        'at most one wildcard is allowed, found in source.trustDomain: "*a*"',
        accepted="values: ['*a']",
    ),
    condition(
        "a trust domain with a wildcard in the middle is refused",
        "source.trustDomain",
        "values: ['a*b']",
        "values",
        'wildcard is only allowed at the start or end, found in source.trustDomain: "a*b"',
    ),
    condition(
        "a service account of more than 320 characters is refused in a condition",
        "source.serviceAccount",
        f"values: [{'a' * 321}]",
        "values",
        "value cannot exceed 320 characters",
        accepted=f"values: [{'a' * 320}]",
    ),
]

KEYS = [
    rule(
        f"a condition on {key} is refused",
        f"when: [{{key: '{key}', values: [a]}}]",
        "when[0].values",
        f"invalid `value` for `key` {key}: {text}",
        accepted="when: [{key: 'experimental.envoy.filters.a[b]', values: [a]}]",
    )
    for key, text in (
        ("source.colour", "unknown attribute: source.colour"),
        ("destination.namespace", "attribute destination.namespace is replaced by the metadata.namespace"),
        ("destination.labels[a]", "attribute destination.labels[a] is replaced by the workload selector"),
        ("destination.user", "deprecated attribute destination.user: only supported in v1alpha1"),
    )
]

ROWS = [*ACTIONS, *SOURCES, *OPERATIONS, *CONDITIONS, *KEYS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
