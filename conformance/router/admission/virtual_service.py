"""VirtualService (specification, section 24; ValidateVirtualService)."""

from __future__ import annotations

from itertools import combinations

from conformance.router.admission.exports import export_to
from conformance.router.admission.gateway_names import gateway_names
from conformance.router.admission.headers import is_claim
from conformance.router.admission.hosts import gateway_domain_fault, wildcard_domain_fault
from conformance.router.admission.http_route import http_route
from conformance.router.admission.l4_route import tcp_route, tls_route
from conformance.router.admission.redundancy import overshadowed_prefixes, unreachable_rules
from conformance.router.admission.remark import Remarks, denied, each, entries
from conformance.router.names import MESH, is_address, overlap
from conformance.router.objects.virtual_service import VirtualService, VirtualServiceSpec
from conformance.router.versions import Since, Version


def virtual_service(given: VirtualService, version: Version) -> Remarks:
    """One without hosts is a delegate: it has http rules only, and no gateways."""
    spec = given.spec
    is_delegate = not spec.hosts
    at_gateway = bool(spec.gateways) and MESH not in spec.gateways
    if is_delegate:
        yield from _delegate(spec)
    yield from gateway_names("spec.gateways", spec.gateways)
    if not at_gateway and version.has(Since.CLAIM_ROUTING):
        yield from _claims(spec)
    yield from _hosts(spec, at_gateway=at_gateway)
    if not (spec.http or spec.tls or spec.tcp):
        yield denied("spec", "http, tcp or tls must be provided in virtual service")
    for place, http_rule in each("spec.http", spec.http):
        yield from http_route(place, http_rule, version, in_delegate=is_delegate)
    for place, tls_rule in each("spec.tls", spec.tls):
        # Unlike above, no gateways at all count as gateways here (isGateway).
        yield from tls_route(place, tls_rule, spec.hosts, version, at_gateway=MESH not in spec.gateways)
    for place, tcp_rule in each("spec.tcp", spec.tcp):
        yield from tcp_route(place, tcp_rule, version)
    yield from export_to(given.metadata.namespace, spec.export_to)
    yield from unreachable_rules("spec.http", spec.http)
    yield from overshadowed_prefixes("spec.http", spec.http)
    yield from unreachable_rules("spec.tcp", spec.tcp)
    yield from unreachable_rules("spec.tls", spec.tls)


def _delegate(spec: VirtualServiceSpec) -> Remarks:
    if spec.gateways:
        yield denied("spec.gateways", "delegate virtual service must have no gateways specified")
    if spec.tls:
        yield denied("spec.tls", "delegate virtual service must have no tls route specified")
    if spec.tcp:
        yield denied("spec.tcp", "delegate virtual service must have no tcp route specified")


def _claims(spec: VirtualServiceSpec) -> Remarks:
    """Sidecars know no claims of a JWT when they route."""
    bound = f"[{' '.join(spec.gateways)}]"
    for place, rule in each("spec.http", spec.http):
        for match_field, match in each(f"{place}.match", rule.match):
            named = (("headers", match.headers), ("withoutHeaders", match.without_headers))
            for name, headers in named:
                for field, key, _ in entries(f"{match_field}.{name}", headers):
                    if is_claim(key):
                        text = f"JWT claim based routing (key: {key}) is only supported for gateway"
                        yield denied(field, f"{text}, found no gateways: {bound}")


def _hosts(spec: VirtualServiceSpec, *, at_gateway: bool) -> Remarks:
    by_sni = any(match.sni_hosts for rule in spec.tls for match in rule.match)
    all_valid = True
    for place, host in each("spec.hosts", spec.hosts):
        fault = gateway_domain_fault(host, by_sni=by_sni) if at_gateway else wildcard_domain_fault(host)
        if fault and not is_address(host):
            all_valid = False
            yield denied(place, fault)
        elif not at_gateway and host == "*":
            all_valid = False
            yield denied(place, "wildcard host * is not allowed for virtual services bound to the mesh gateway")
    if all_valid:
        for one, other in combinations(spec.hosts, 2):
            if overlap(one, other):
                yield denied("spec.hosts", f"duplicate hosts in virtual service: {one} & {other}")
