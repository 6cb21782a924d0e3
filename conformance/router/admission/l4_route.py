"""One rule of `tls` or `tcp` in a VirtualService."""

from __future__ import annotations

from conformance.router.admission import addresses, ports
from conformance.router.admission.destinations import destination, weights
from conformance.router.admission.gateway_names import gateway_names
from conformance.router.admission.hosts import gateway_domain_fault, wildcard_domain_fault
from conformance.router.admission.names import labels
from conformance.router.admission.remark import Remarks, denied, each, quoted, refusals, warned
from conformance.router.names import covers, is_address
from conformance.router.objects.virtual_service import L4MatchAttributes, TCPRoute, TLSMatchAttributes, TLSRoute
from conformance.router.versions import Version


def tls_route(field: str, rule: TLSRoute, hosts: tuple[str, ...], version: Version, *, at_gateway: bool) -> Remarks:
    """Istio's validateTLSRoute; `hosts` are the VirtualService's."""
    if not rule.match:
        yield denied(f"{field}.match", "TLS route must have at least one match condition")
    for place, match in each(f"{field}.match", rule.match):
        if not match.sni_hosts:
            yield denied(f"{place}.sniHosts", "TLS match must have at least one SNI host")
        for name_field, name in each(f"{place}.sniHosts", match.sni_hosts):
            yield from _sni_host(name_field, name, hosts, at_gateway=at_gateway)
        yield from _l4_match(place, match)
        yield from gateway_names(f"{place}.gateways", match.gateways)
    if not rule.route:
        yield denied(field, "TLS route is required")
    yield from _destinations(field, rule, version)


def tcp_route(field: str, rule: TCPRoute, version: Version) -> Remarks:
    """Istio's validateTCPRoute."""
    for place, match in each(f"{field}.match", rule.match):
        yield from _l4_match(place, match)
        yield from refusals(gateway_names(f"{place}.gateways", match.gateways))
    if not rule.route:
        yield denied(field, "TCP route is required")
    yield from _destinations(field, rule, version)


def _sni_host(field: str, name: str, hosts: tuple[str, ...], *, at_gateway: bool) -> Remarks:
    fault = gateway_domain_fault(name, by_sni=True) if at_gateway else wildcard_domain_fault(name)
    if fault and is_address(name):
        text = f"using an IP address ({quoted(name)}) goes against SNI spec and most clients do not support this"
        yield warned(field, text)
    elif fault:
        yield denied(field, fault)
    elif not any(covers(host, name) for host in hosts):
        text = f"SNI host {quoted(name)} is not a compatible subset of any of the virtual service hosts"
        yield denied(field, f"{text}: [{', '.join(hosts)}]")


def _l4_match(field: str, match: TLSMatchAttributes | L4MatchAttributes) -> Remarks:
    for place, subnet in each(f"{field}.destinationSubnets", match.destination_subnets):
        yield from addresses.subnet(place, subnet)
    yield from ports.optional_port(f"{field}.port", match.port)
    yield from labels(f"{field}.sourceLabels", match.source_labels)


def _destinations(field: str, rule: TLSRoute | TCPRoute, version: Version) -> Remarks:
    for place, route in each(f"{field}.route", rule.route):
        yield from destination(f"{place}.destination", route.destination)
    yield from weights(f"{field}.route", rule.route, version)
