"""One rule of `http` in a VirtualService (pkg/config/validation/virtualservice.go)."""

from __future__ import annotations

from conformance.router.admission import http_actions, ports, string_matches
from conformance.router.admission.cors import cors_policy
from conformance.router.admission.destinations import destination, weights
from conformance.router.admission.durations import duration
from conformance.router.admission.gateway_names import gateway_names
from conformance.router.admission.headers import authority_set_once, matched_name, operations
from conformance.router.admission.http_faults import http_fault
from conformance.router.admission.names import is_dns_label, labels
from conformance.router.admission.remark import Remarks, denied, each, entries, refusals
from conformance.router.objects.virtual_service import HTTPMatchRequest, HTTPRoute
from conformance.router.versions import Version


def http_route(field: str, rule: HTTPRoute, version: Version, *, in_delegate: bool) -> Remarks:
    """Istio's validateHTTPRoute; a rule of a delegate has rules of its own, and so has one that leads to a delegate."""
    yield from _conflicts(field, rule, in_delegate=in_delegate)
    for place, match in each(f"{field}.match", rule.match):
        yield from _match(place, match, version)
    yield from operations(f"{field}.headers", rule.headers)
    yield from cors_policy(f"{field}.corsPolicy", rule.cors_policy, version)
    yield from http_fault(f"{field}.fault", rule.fault, version)
    yield from http_actions.mirrors(field, rule)
    yield from http_actions.redirect(f"{field}.redirect", rule)
    yield from http_actions.direct_response(f"{field}.directResponse", rule.direct_response)
    yield from http_actions.retries(f"{field}.retries", rule.retries, version)
    yield from http_actions.rewrite(f"{field}.rewrite", rule.rewrite)
    yield from authority_set_once(f"{field}.headers", rule.rewrite, rule.headers)
    for place, route in each(f"{field}.route", rule.route):
        yield from operations(f"{place}.headers", route.headers)
        yield from destination(f"{place}.destination", route.destination)
    yield from weights(f"{field}.route", rule.route, version)
    yield from duration(f"{field}.timeout", rule.timeout, version)


def _conflicts(field: str, rule: HTTPRoute, *, in_delegate: bool) -> Remarks:
    if rule.delegate and not in_delegate:
        for name in ("redirect", "route"):
            if getattr(rule, name):
                yield denied(f"{field}.{name}", f"root HTTP route {rule.name or ''} must not specify {name}")
        return
    if rule.delegate:
        yield denied(f"{field}.delegate", "delegate HTTP route cannot contain delegate")
    if rule.redirect:
        yield from _beside_redirect(field, rule)
    elif rule.direct_response:
        yield from _beside_direct_response(field, rule)
    elif not rule.route:
        yield denied(field, "HTTP route, redirect or direct_response is required")
    if rule.mirror and rule.mirrors:
        yield denied(field, "HTTP route cannot contain both mirror and mirrors")


def _beside_redirect(field: str, rule: HTTPRoute) -> Remarks:
    if rule.route:
        yield denied(field, "HTTP route cannot contain both route and redirect")
    if rule.fault:
        yield denied(field, "HTTP route cannot contain both fault and redirect")
    if rule.rewrite:
        yield denied(field, "HTTP route rule cannot contain both rewrite and redirect")
    if rule.direct_response:
        yield denied(field, "HTTP route rule cannot contain both direct_response and redirect")


def _beside_direct_response(field: str, rule: HTTPRoute) -> Remarks:
    if rule.route:
        yield denied(field, "HTTP route cannot contain both route and direct_response")
    if rule.fault:
        yield denied(field, "HTTP route cannot contain both fault and direct_response")
    if rule.rewrite:
        yield denied(field, "HTTP route rule cannot contain both rewrite and direct_response")


def _match(field: str, match: HTTPMatchRequest, version: Version) -> Remarks:
    for place, name, header in entries(f"{field}.headers", match.headers):
        yield from matched_name(place, name)
        yield from string_matches.string_match(place, header, "headers", version)
    for place, name, header in entries(f"{field}.withoutHeaders", match.without_headers):
        yield from matched_name(place, name)
        # A lone asterisk is no RE2; Istio makes it "the header is present".
        if header.regex != "*":
            yield from string_matches.string_match(place, header, "withoutHeaders", version)
    yield from string_matches.regex_match(f"{field}.uri", match.uri, "uri")
    yield from string_matches.string_match(f"{field}.scheme", match.scheme, "scheme", version)
    yield from string_matches.string_match(f"{field}.method", match.method, "method", version)
    yield from string_matches.string_match(f"{field}.authority", match.authority, "authority", version)
    for place, _, parameter in entries(f"{field}.queryParams", match.query_params):
        yield from string_matches.string_match(place, parameter, "queryParams", version)
    yield from ports.optional_port(f"{field}.port", match.port)
    yield from labels(f"{field}.sourceLabels", match.source_labels)
    yield from refusals(gateway_names(f"{field}.gateways", match.gateways))
    if match.source_namespace and not is_dns_label(match.source_namespace):
        text = f"sourceNamespace match {match.source_namespace} is invalid"
        yield denied(f"{field}.sourceNamespace", text)
