"""PeerAuthentication and RequestAuthentication (specification, section 24)."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from conformance.router.admission import ports
from conformance.router.admission.durations import duration
from conformance.router.admission.headers import is_strict_name
from conformance.router.admission.remark import Remarks, denied, each, quoted, unfit, warned
from conformance.router.admission.selectors import label_selector, one_way_to_select, targets
from conformance.router.objects.security import JWTRule, PeerAuthentication, RequestAuthentication
from conformance.router.versions import Since, Version


def peer_authentication(given: PeerAuthentication, version: Version) -> Remarks:
    """ValidatePeerAuthentication: ports are for workloads, hence for policies with a selector."""
    spec = given.spec
    selects = spec.selector is not None and bool(spec.selector.match_labels)
    by_schema = version.has(Since.SCHEMA_RULES)
    refuse = unfit if by_schema else denied
    field = "spec.portLevelMtls"
    if spec.port_level_mtls is not None:
        if by_schema and not selects:
            yield unfit("spec", "portLevelMtls requires selector")
        elif spec.port_level_mtls and not selects:
            yield denied(field, "mesh/namespace peer authentication cannot have port level mTLS")
        if not spec.port_level_mtls:
            older = "port level mTLS, if defined, must have at least one element"
            yield refuse(field, f"{field} in body should have at least 1 properties" if by_schema else older)
        if not all(map(ports.is_port, spec.port_level_mtls)):
            yield refuse(field, "port must be between 1-65535" if by_schema else "port must be in range 1..65535")
    yield from label_selector("spec.selector", spec.selector, version)


def request_authentication(given: RequestAuthentication, version: Version) -> Remarks:
    """ValidateRequestAuthentication."""
    spec = given.spec
    yield from one_way_to_select(spec.selector, spec.target_ref, spec.target_refs, version)
    yield from label_selector("spec.selector", spec.selector, version)
    yield from targets(spec.target_ref, spec.target_refs, version)
    for place, rule in each("spec.jwtRules", spec.jwt_rules):
        yield from _keys(place, rule, version)
        yield from _issuer(place, rule, version)
        if not version.has(Since.SCHEMA_RULES):
            yield from _older_rules(place, rule)
        yield from duration(f"{place}.timeout", rule.timeout, version)


def _issuer(field: str, rule: JWTRule, version: Version) -> Remarks:
    if rule.issuer:
        return
    if not version.has(Since.OPTIONAL_ISSUER):
        yield denied(field, "issuer must be non-empty string")
    elif not rule.jwks_uri:
        yield denied(field, "issuer or jwksUri must be non-empty string")


def _keys(field: str, rule: JWTRule, version: Version) -> Remarks:
    by_schema = version.has(Since.SCHEMA_RULES)
    if by_schema and rule.jwks is not None and rule.jwks_uri is not None:
        yield unfit(field, "only one of jwks or jwksUri can be set")
    if rule.jwks_uri:
        scheme = urlsplit(rule.jwks_uri).scheme
        if scheme not in {"http", "https"} and by_schema:
            yield unfit(f"{field}.jwksUri", "url must have scheme http:// or https://")
        elif scheme not in {"http", "https"}:
            yield denied(f"{field}.jwksUri", f"URI scheme {quoted(scheme)} is not supported")
    if rule.jwks:
        yield from _inline_keys(f"{field}.jwks", rule.jwks)


def _inline_keys(field: str, text: str) -> Remarks:
    """A key set, or a single key; whether the numbers in it are keys is left to Envoy."""
    try:
        document = json.loads(text)
    except ValueError as error:
        yield denied(field, f"jwks parse error: failed to unmarshal JWK set: {error}")
        return
    keys = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) and "kty" in key for key in keys):
        yield denied(field, "jwks parse error: failed to unmarshal JWK set: no keys in it")
        return
    for index, key in enumerate(keys):
        if "d" in key or "k" in key:
            text = f"jwks key at index {index} contains private key material"
            yield warned(field, f"{text}; only public keys are used for verification")


def _older_rules(field: str, rule: JWTRule) -> Remarks:
    """What the schema refuses since 1.23."""
    for place, audience in each(f"{field}.audiences", rule.audiences):
        if not audience:
            yield denied(place, "audience must be non-empty string")
    for place, header in each(f"{field}.fromHeaders", rule.from_headers):
        if not header.name:
            yield denied(f"{place}.name", "location header name must be non-empty string")
    for place, parameter in each(f"{field}.fromParams", rule.from_params):
        if not parameter:
            yield denied(place, "location query must be non-empty string")
    for place, claim in each(f"{field}.outputClaimToHeaders", rule.output_claim_to_headers):
        if not (claim.claim and claim.header):
            text = "outputClaimToHeaders header and claim value must be non-empty string"
            yield denied(place, text)
        elif not is_strict_name(claim.header):
            yield denied(f"{place}.header", f"header name {claim.header} is not a valid header name")
