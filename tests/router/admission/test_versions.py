"""What older minors refuse, store or call otherwise (specification, sections 24 and 25)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.router.versions import Version
from tests.router.admission.rows import Row, check, http, parameters, policy, remarks, rule

SE = "hosts: [a.com]\nports: [{number: 80, name: http, protocol: HTTP}]\n"
JWT = "issuer: a\n"


def row(version: str, behaviour: str, kind: str, *said: str) -> Row:
    """`said` are spec, field and text, as of any row."""
    spec, field, text = said
    return Row(behaviour, kind, spec, field, text, version=Version.of(version))


def entry(behaviour: str, spec: str, field: str, text: str) -> Row:
    return row("1.22", behaviour, "ServiceEntry", spec, field, text)


def jwt(behaviour: str, rule: str, field: str, text: str) -> Row:
    return row("1.22", behaviour, "RequestAuthentication", f"jwtRules: [{{{rule}}}]", f"spec.jwtRules[0]{field}", text)


WEBHOOK_ONLY = [
    replace(
        rule("a timeout of 0s is the webhook's affair up to 1.22", "timeout: 0s", "timeout", "greater than 1ms"),
        version=Version.of("1.22"),
    ),
    replace(
        rule("a timeout without a unit cannot be decoded up to 1.22", "timeout: '5'", "timeout", "bad Duration: time:"),
        version=Version.of("1.22"),
    ),
    replace(
        policy(
            "a TCP idleTimeout of 0s is refused up to 1.22",
            "connectionPool: {tcp: {idleTimeout: 0s}}",
            "connectionPool.tcp.idleTimeout",
            "duration must be greater than 1ms",
        ),
        version=Version.of("1.22"),
    ),
    row(
        "1.22",
        "modes of ports without a selector are the webhook's affair up to 1.22",
        "PeerAuthentication",
        "portLevelMtls: {80: {mode: STRICT}}",
        "spec.portLevelMtls",
        "mesh/namespace peer authentication cannot have port level mTLS",
    ),
    row(
        "1.22",
        "an empty map of ports is the webhook's affair up to 1.22",
        "PeerAuthentication",
        "selector: {matchLabels: {a: b}}\nportLevelMtls: {}",
        "spec.portLevelMtls",
        "port level mTLS, if defined, must have at least one element",
    ),
    row(
        "1.22",
        "the mode of port 0 is the webhook's affair up to 1.22",
        "PeerAuthentication",
        "selector: {matchLabels: {a: b}}\nportLevelMtls: {0: {mode: STRICT}}",
        "spec.portLevelMtls",
        "port must be in range 1..65535",
    ),
    row(
        "1.22",
        "a selector with a wildcard is the webhook's affair up to 1.22",
        "PeerAuthentication",
        "selector: {matchLabels: {app: 'a*'}}",
        "spec.selector.matchLabels[app]",
        'wildcard is not supported in selector: "app=a*"',
    ),
    row(
        "1.22",
        "a selector with an empty key is the webhook's affair up to 1.22",
        "PeerAuthentication",
        "selector: {matchLabels: {'': a}}",
        "spec.selector.matchLabels[]",
        'empty key is not supported in selector: "=a"',
    ),
    row(
        "1.22",
        "a selector beside a target is the webhook's affair up to 1.22",
        "AuthorizationPolicy",
        "selector: {matchLabels: {a: b}}\ntargetRef: {kind: Service, name: a}",
        "spec",
        "only one of targetRefs or workloadSelector can be set",
    ),
    row(
        "1.22",
        "a target in another namespace is the webhook's affair up to 1.22",
        "AuthorizationPolicy",
        "targetRef: {kind: Service, name: a, namespace: bank}",
        "spec.targetRef.namespace",
        "targetRef namespace must not be set; cross namespace referencing is not supported",
    ),
    row(
        "1.22",
        "service accounts beside namespaces are the webhook's affair up to 1.22",
        "AuthorizationPolicy",
        "rules: [{from: [{source: {serviceAccounts: [a], namespaces: [b]}}]}]",
        "spec.rules[0].from[0].source",
        "cannot set serviceAccounts with namespaces or principals, found at rule 0",
    ),
]

ENTRIES = [
    entry(
        "an empty list of hosts is the webhook's affair up to 1.22",
        "hosts: []",
        "spec.hosts",
        "service entry must have at least one host",
    ),
    entry("host * is the webhook's affair up to 1.22", "hosts: ['*']", "spec.hosts[0]", "invalid host *"),
    entry(
        "two ports of one number are the webhook's affair up to 1.22",
        "hosts: [a.com]\nports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: b, protocol: HTTP}]",
        "spec.ports[1].number",
        "service entry port 80 already defined",
    ),
    entry(
        "two ports of one name are the webhook's affair up to 1.22",
        "hosts: [a.com]\nports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: a, protocol: HTTP}]",
        "spec.ports[1].name",
        'service entry port name "a" already defined',
    ),
    entry(
        "port 0 is the webhook's affair up to 1.22",
        "hosts: [a.com]\nports: [{number: 0, name: a, protocol: HTTP, targetPort: 0}]",
        "spec.ports[0].number",
        "port number 0 must be in the range 1..65535",
    ),
    entry(
        "endpoints where the original destination is kept are the webhook's affair up to 1.22",
        f"{SE}endpoints: [{{address: 10.0.0.1}}]",
        "spec.endpoints",
        "no endpoints should be provided for resolution type none",
    ),
    entry(
        "a block of addresses where DNS is asked is the webhook's affair up to 1.22",
        f"{SE}resolution: DNS\naddresses: [10.0.0.0/8]",
        "spec.addresses",
        "CIDR addresses are allowed only for NONE/STATIC resolution types",
    ),
    entry(
        "a selector beside endpoints is the webhook's affair up to 1.22",
        f"{SE}resolution: STATIC\nendpoints: [{{address: 10.0.0.1}}]\nworkloadSelector: {{labels: {{a: b}}}}",
        "spec",
        "only one of WorkloadSelector or Endpoints is allowed in Service Entry",
    ),
    entry(
        "a second endpoint where DNS is asked in turn is the webhook's affair up to 1.22",
        f"{SE}resolution: DNS_ROUND_ROBIN\nendpoints: [{{address: a.com}}, {{address: b.com}}]",
        "spec.endpoints",
        "there must only be 0 or 1 endpoint for resolution mode DNS_ROUND_ROBIN",
    ),
    entry(
        "a selector with a wildcard in a value is the webhook's affair up to 1.22",
        f"{SE}resolution: STATIC\nworkloadSelector: {{labels: {{a: '*'}}}}",
        "spec.workloadSelector.labels[a]",
        'wildcard is not supported in selector: "a=*"',
    ),
    entry(
        "an endpoint's port name is the webhook's affair up to 1.22",
        f"{SE}resolution: STATIC\nendpoints: [{{address: 10.0.0.1, ports: {{a_b: 80}}}}]",
        "spec.endpoints[0].ports[a_b]",
        "invalid port name: a_b",
    ),
    row(
        "1.22",
        "a workload without address is the webhook's affair up to 1.22",
        "WorkloadEntry",
        "ports: {http: 80}",
        "spec",
        "address is required",
    ),
    row(
        "1.22",
        "a relative Unix path is the webhook's affair up to 1.22",
        "WorkloadEntry",
        "address: 'unix://run/x'",
        "spec.address",
        "run/x is not an absolute path to a file",
    ),
    row(
        "1.22",
        "a Unix address with ports is the webhook's affair up to 1.22",
        "WorkloadEntry",
        "address: 'unix:///run/x'\nports: {http: 80}",
        "spec",
        "unix endpoint unix:///run/x must not include ports",
    ),
    row(
        "1.24",
        "a TCP port without addresses is warned about as long as istiod gives none by itself",
        "ServiceEntry",
        "hosts: [a.com]\nports: [{number: 3306, name: tcp, protocol: TCP}]\nresolution: STATIC",
        "spec.ports[0]",
        "addresses are required for ports serving TCP (or unset) protocol",
    ),
]
ENTRIES[-1] = replace(ENTRIES[-1], severity="warned")

TOKENS = [
    jwt(
        "a URI that is neither http nor https is the webhook's affair up to 1.22",
        "issuer: a, jwksUri: 'ftp://a.com'",
        ".jwksUri",
        'URI scheme "ftp" is not supported',
    ),
    jwt(
        "an empty audience is the webhook's affair up to 1.22",
        "issuer: a, audiences: ['']",
        ".audiences[0]",
        "audience must be non-empty string",
    ),
    jwt(
        "an empty header name is the webhook's affair up to 1.22",
        "issuer: a, fromHeaders: [{name: ''}]",
        ".fromHeaders[0].name",
        "location header name must be non-empty string",
    ),
    jwt(
        "an empty parameter name is the webhook's affair up to 1.22",
        "issuer: a, fromParams: ['']",
        ".fromParams[0]",
        "location query must be non-empty string",
    ),
    jwt(
        "an empty claim is the webhook's affair up to 1.22",
        "issuer: a, outputClaimToHeaders: [{header: a, claim: ''}]",
        ".outputClaimToHeaders[0]",
        "outputClaimToHeaders header and claim value must be non-empty string",
    ),
    jwt(
        "a claim's header with bad characters is the webhook's affair up to 1.22",
        "issuer: a, outputClaimToHeaders: [{header: 'a b', claim: c}]",
        ".outputClaimToHeaders[0].header",
        "header name a b is not a valid header name",
    ),
    row(
        "1.26",
        "a JWT rule without issuer is refused up to 1.26",
        "RequestAuthentication",
        "jwtRules: [{jwksUri: 'https://a.com'}]",
        "spec.jwtRules[0]",
        "issuer must be non-empty string",
    ),
]

WEIGHTS = http("route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 7}]")
CHANGED = [
    row(
        "1.15",
        "weights that do not add up to 100 are refused up to 1.15",
        "VirtualService",
        WEIGHTS,
        "spec.http[0].route",
        "total destination weight 8 != 100",
    ),
    row(
        "1.15",
        "a weight above 100 is refused up to 1.15",
        "VirtualService",
        http("route: [{destination: {host: a}, weight: 101}]"),
        "spec.http[0].route[0].weight",
        "percentage 101 is not in range 0..100",
    ),
    row(
        "1.14",
        "an abort with a gRPC status is refused up to 1.14",
        "VirtualService",
        http("fault: {abort: {grpcStatus: UNAVAILABLE}}"),
        "spec.http[0].fault.abort.grpcStatus",
        "gRPC abort fault injection not supported yet",
    ),
    row(
        "1.30",
        "excluding a namespace from a Sidecar's egress is refused up to 1.30",
        "Sidecar",
        "egress: [{hosts: ['~bank/*']}]",
        "spec.egress[0].hosts[0]",
        'invalid namespace value "~bank" in sidecar',
    ),
]

UNKNOWN = [
    replace(row(version, f"{path.rpartition('.')[2]} is unknown up to {version}", kind, spec, path, text), by="schema")
    for version, kind, spec, path in (
        ("1.19", "VirtualService", http("mirrors: [{destination: {host: a}}]"), "spec.http[0].mirrors"),
        (
            "1.18",
            "VirtualService",
            http("rewrite: {uriRegexRewrite: {match: a, rewrite: b}}"),
            "spec.http[0].rewrite.uriRegexRewrite",
        ),
        ("1.30", "VirtualService", http("redirect: {prefixRewrite: /}"), "spec.http[0].redirect.prefixRewrite"),
        ("1.25", "VirtualService", http("retries: {backoff: 1s}"), "spec.http[0].retries.backoff"),
        (
            "1.25",
            "VirtualService",
            http("retries: {retryIgnorePreviousHosts: true}"),
            "spec.http[0].retries.retryIgnorePreviousHosts",
        ),
        (
            "1.22",
            "VirtualService",
            http("corsPolicy: {unmatchedPreflights: IGNORE}"),
            "spec.http[0].corsPolicy.unmatchedPreflights",
        ),
        (
            "1.13",
            "DestinationRule",
            "host: a\nworkloadSelector: {matchLabels: {a: b}}",
            "spec.workloadSelector",
        ),
        (
            "1.26",
            "DestinationRule",
            "host: a\ntrafficPolicy: {retryBudget: {percent: 20}}",
            "spec.trafficPolicy.retryBudget",
        ),
        (
            "1.20",
            "RequestAuthentication",
            f"jwtRules: [{{{JWT.strip()}, fromCookies: [a]}}]",
            "spec.jwtRules[0].fromCookies",
        ),
    )
    for text in [f'unknown field "{path}"']
]
UNKNOWN.append(
    replace(
        row(
            "1.29",
            "DYNAMIC_DNS is unknown up to 1.29",
            "ServiceEntry",
            f"{SE}resolution: DYNAMIC_DNS",
            "spec.resolution",
            'Unsupported value: "DYNAMIC_DNS": supported values: "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN"',
        ),
        by="schema",
    )
)

ROWS = [*WEBHOOK_ONLY, *ENTRIES, *TOKENS, *CHANGED, *UNKNOWN]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)


@pytest.mark.parametrize(
    ("version", "kind", "spec"),
    [
        pytest.param(
            "1.21", "VirtualService", http("match: [{headers: {x: {prefix: ''}}}]"), id="an empty prefix up to 1.21"
        ),
        pytest.param(
            "1.11",
            "VirtualService",
            http("match: [{headers: {'@request.auth.claims.a': {exact: b}}}]"),
            id="a match by JWT claim in the mesh up to 1.11, where it means nothing",
        ),
        pytest.param(
            "1.21",
            "AuthorizationPolicy",
            "rules: [{to: [{operation: {paths: ['/{a}']}}]}]",
            id="braces in a path up to 1.21, where they mean themselves",
        ),
        pytest.param("1.22", "ServiceEntry", f"{SE}resolution: DNS", id="an ordinary entry in 1.22"),
        pytest.param(
            "1.22",
            "ServiceEntry",
            f"{SE}resolution: DNS_ROUND_ROBIN\nendpoints: [{{address: a.com}}]",
            id="one endpoint where DNS is asked in turn in 1.22",
        ),
        pytest.param(
            "1.22",
            "ServiceEntry",
            f"{SE}resolution: STATIC\nendpoints: [{{address: 10.0.0.1}}, {{address: 10.0.0.2}}]",
            id="two static endpoints in 1.22",
        ),
        pytest.param("1.22", "VirtualService", http("timeout: 1ms"), id="a timeout of a millisecond in 1.22"),
        pytest.param("1.22", "WorkloadEntry", "address: 'unix:///run/x'", id="a Unix address in 1.22"),
        pytest.param(
            "1.22",
            "AuthorizationPolicy",
            "rules: [{from: [{source: {serviceAccounts: [a]}}]}]",
            id="a service account in 1.22",
        ),
        pytest.param("1.22", "PeerAuthentication", "mtls: {mode: STRICT}", id="a mode for the namespace in 1.22"),
        pytest.param(
            "1.22",
            "RequestAuthentication",
            "jwtRules: [{issuer: a, jwksUri: 'https://a', audiences: [b], fromHeaders: [{name: x}], fromParams: [p],"
            " outputClaimToHeaders: [{header: a, claim: b}]}]",
            id="a JWT rule in 1.22",
        ),
        pytest.param(
            "1.22",
            "Gateway",
            "servers: [{port: {number: 443, name: a, protocol: HTTPS}, hosts: ['*'],"
            " tls: {mode: SIMPLE, credentialName: a}}]",
            id="a Gateway in 1.22",
        ),
        pytest.param(
            "1.15",
            "VirtualService",
            http("route: [{destination: {host: a}, weight: 50}, {destination: {host: b}, weight: 50}]"),
            id="weights that add up to 100 in 1.15",
        ),
        pytest.param("1.30", "Sidecar", "egress: [{hosts: ['~/*']}]", id="importing nothing up to 1.30"),
    ],
)
def test_older_minors_store(version: str, kind: str, spec: str) -> None:
    manifest = Row("", kind, spec, "", "").manifest()
    assert not remarks(manifest, Version.of(version))
