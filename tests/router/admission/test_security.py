"""PeerAuthentications and RequestAuthentications (specification, section 24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.admission.rows import Row, check, parameters

SELECTOR = "selector: {matchLabels: {app: a}}"
KEYS = """'{"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}]}'"""


def peer(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"{{{accepted}}}"
    return Row(behaviour, "PeerAuthentication", f"{{{spec}}}", field, text, accepted=neighbour, **more)


def request(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"{{{accepted}}}"
    return Row(behaviour, "RequestAuthentication", f"{{{spec}}}", field, text, accepted=neighbour, **more)


def jwt(behaviour: str, rule: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about one JWT rule; `field` is relative to it."""
    neighbour = None if accepted is None else f"jwtRules: [{{{accepted}}}]"
    place = f"spec.jwtRules[0].{field}" if field else "spec.jwtRules[0]"
    return request(behaviour, f"jwtRules: [{{{rule}}}]", place, text, accepted=neighbour, **more)


PEERS = [
    peer(
        "modes of ports without a selector are refused",
        "portLevelMtls: {80: {mode: STRICT}}",
        "spec",
        "portLevelMtls requires selector",
        by="schema",
        accepted=f"{SELECTOR}, portLevelMtls: {{80: {{mode: STRICT}}}}",
    ),
    peer(
        "modes of ports with a selector of no labels are refused",
        "selector: {}, portLevelMtls: {80: {mode: STRICT}}",
        "spec",
        "portLevelMtls requires selector",
        by="schema",
    ),
    peer(
        "an empty map of ports is refused",
        f"{SELECTOR}, portLevelMtls: {{}}",
        "spec.portLevelMtls",
        "spec.portLevelMtls in body should have at least 1 properties",
        by="schema",
    ),
    peer(
        "the mode of port 0 is refused",
        f"{SELECTOR}, portLevelMtls: {{0: {{mode: STRICT}}}}",
        "spec.portLevelMtls",
        "port must be between 1-65535",
        by="schema",
    ),
    peer(
        "the mode of a port above 65535 is refused",
        f"{SELECTOR}, portLevelMtls: {{65536: {{mode: STRICT}}}}",
        "spec.portLevelMtls",
        "port must be between 1-65535",
        by="schema",
    ),
    peer(
        "the mode of a port that is a word is refused",
        f"{SELECTOR}, portLevelMtls: {{http: {{mode: STRICT}}}}",
        "spec.portLevelMtls",
        "port must be between 1-65535",
        by="schema",
    ),
    peer(
        "an unknown mode is refused",
        "mtls: {mode: FOO}",
        "spec.mtls.mode",
        'Unsupported value: "FOO": supported values: "UNSET", "DISABLE", "PERMISSIVE", "STRICT"',
        by="schema",
        accepted="mtls: {mode: STRICT}",
    ),
    peer(
        "a selector without labels is stored with a warning",
        "selector: {}, mtls: {mode: STRICT}",
        "spec.selector",
        "workload selector specified without labels",
        severity="warned",
    ),
    peer(
        "a selector with a wildcard in a value is refused",
        "selector: {matchLabels: {app: '*'}}",
        "spec.selector.matchLabels[app]",
        "wildcard not allowed in label value match",
        by="schema",
    ),
    peer(
        "a selector with a value of 64 characters is refused",
        f"selector: {{matchLabels: {{app: {'a' * 64}}}}}",
        "spec.selector.matchLabels[app]",
        "Too long: may not be more than 63 bytes",
        by="schema",
        accepted=f"selector: {{matchLabels: {{app: {'a' * 63}}}}}",
    ),
    peer(
        "a selector with a wildcard in a key is refused",
        "selector: {matchLabels: {'*': a}}",
        "spec.selector.matchLabels",
        "wildcard not allowed in label key match",
        by="schema",
    ),
    peer(
        "a selector with an empty key is refused",
        "selector: {matchLabels: {'': a}}",
        "spec.selector.matchLabels",
        "key must not be empty",
        by="schema",
    ),
]

REQUESTS = [
    request(
        "a selector beside targetRefs is refused",
        f"{SELECTOR}, targetRefs: [{{kind: Service, name: a}}]",
        "spec",
        "only one of targetRefs or selector can be set",
        by="schema",
        accepted="targetRefs: [{kind: Service, name: a}, {group: networking.istio.io, kind: ServiceEntry, name: b}]",
    ),
    request(
        "a selector beside targetRef is refused",
        f"{SELECTOR}, targetRef: {{kind: Service, name: a}}",
        "spec",
        "only one of targetRefs or selector can be set",
        by="schema",
    ),
    request(
        "a selector with a wildcard is refused",
        "selector: {matchLabels: {app: '*'}}",
        "spec.selector.matchLabels[app]",
        "wildcard not allowed in label value match",
        by="schema",
    ),
    request(
        "a target in another namespace is refused",
        "targetRef: {kind: Service, name: a, namespace: bank}",
        "spec.targetRef.namespace",
        "cross namespace referencing is not currently supported",
        by="schema",
    ),
    request(
        "one of several targets in another namespace is refused",
        "targetRefs: [{kind: Service, name: a}, {kind: Service, name: b, namespace: bank}]",
        "spec.targetRefs[1].namespace",
        "cross namespace referencing is not currently supported",
        by="schema",
    ),
    request(
        "a target that is a Deployment is refused",
        "targetRefs: [{group: apps, kind: Deployment, name: a}]",
        "spec.targetRefs[0]",
        "but was apps/Deployment",
    ),
    request(
        "a target whose kind has bad characters is refused",
        "targetRefs: [{kind: Ser_vice, name: a}]",
        "spec.targetRefs[0].kind",
        "should match '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'",
        by="schema",
    ),
    request(
        "a target without a name is refused",
        "targetRefs: [{kind: Service}]",
        "spec.targetRefs[0].name",
        "Required value",
        by="schema",
    ),
    request(
        "a target with an empty name is refused",
        "targetRefs: [{kind: Service, name: ''}]",
        "spec.targetRefs[0].name",
        "should be at least 1 chars long",
        by="schema",
    ),
]

RULES = [
    jwt(
        "inline keys beside a URI are refused",
        f"issuer: a, jwks: {KEYS}, jwksUri: 'https://a.com'",
        "",
        "only one of jwks or jwksUri can be set",
        by="schema",
        accepted=f"issuer: a, jwks: {KEYS}",
    ),
    jwt(
        "a rule without issuer and URI is refused",
        "audiences: [a]",
        "",
        "issuer or jwksUri must be non-empty string",
        accepted="jwksUri: 'https://a.com'",
    ),
    jwt(
        "a URI that is neither http nor https is refused",
        "issuer: a, jwksUri: 'ftp://a.com'",
        "jwksUri",
        "url must have scheme http:// or https://",
        by="schema",
        accepted="issuer: a, jwksUri: 'http://a.com:8080/keys'",
    ),
    jwt(
        "inline keys that are no JSON are refused",
        "issuer: a, jwks: foo",
        "jwks",
        "jwks parse error: failed to unmarshal JWK set",
    ),
    jwt(
        "inline keys that are a list are refused",
        "issuer: a, jwks: '[]'",
        "jwks",
        "jwks parse error: failed to unmarshal JWK set",
    ),
    jwt(
        "an inline key of no type is refused",
        """issuer: a, jwks: '{"keys": [{}]}'""",
        "jwks",
        "jwks parse error: failed to unmarshal JWK set",
        accepted="""issuer: a, jwks: '{"keys": []}'""",
    ),
    jwt(
        "a private key is stored with a warning",
        """issuer: a, jwks: '{"keys": [{"kty": "oct", "k": "AQ"}]}'""",
        "jwks",
        "jwks key at index 0 contains private key material",
        severity="warned",
    ),
    *(
        jwt(
            f"an empty {name} is refused",
            f"issuer: a, {snippet}",
            field,
            "should be at least 1 chars long",
            by="schema",
            accepted=f"issuer: a, {snippet.replace(chr(39) * 2, 'x')}",
        )
        for name, snippet, field in (
            ("audience", "audiences: ['']", "audiences[0]"),
            ("header name", "fromHeaders: [{name: ''}]", "fromHeaders[0].name"),
            ("parameter name", "fromParams: ['']", "fromParams[0]"),
            ("cookie name", "fromCookies: ['']", "fromCookies[0]"),
            ("claim", "outputClaimToHeaders: [{header: a, claim: ''}]", "outputClaimToHeaders[0].claim"),
            ("claim's header", "outputClaimToHeaders: [{header: '', claim: a}]", "outputClaimToHeaders[0].header"),
        )
    ),
    jwt(
        "an empty issuer is refused",
        "issuer: '', jwksUri: 'https://a.com'",
        "issuer",
        "should be at least 1 chars long",
        by="schema",
    ),
    jwt(
        "a header without a name is refused",
        "issuer: a, fromHeaders: [{prefix: 'Bearer '}]",
        "fromHeaders[0].name",
        "Required value",
        by="schema",
    ),
    jwt(
        "a claim's header with bad characters is refused",
        "issuer: a, outputClaimToHeaders: [{header: 'a b', claim: c}]",
        "outputClaimToHeaders[0].header",
        "should match '^[-_A-Za-z0-9]+$'",
        by="schema",
    ),
    jwt(
        "a timeout of 0s is refused",
        "issuer: a, timeout: 0s",
        "timeout",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    jwt(
        "a timeout finer than milliseconds is refused",
        "issuer: a, timeout: 1500us",
        "timeout",
        "only durations to ms precision are supported",
    ),
]

ROWS = [*PEERS, *REQUESTS, *RULES]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
