"""ServiceEntry (specification, section 24; ValidateServiceEntry)."""

from __future__ import annotations

from conformance.router.admission import ports
from conformance.router.admission.addresses import subnet
from conformance.router.admission.exports import export_to
from conformance.router.admission.hosts import domain_fault, partial_wildcard_fault, wildcard_domain_fault
from conformance.router.admission.names import labels, port_name
from conformance.router.admission.protocols import is_http, is_tcp, is_tls, protocol
from conformance.router.admission.remark import Remark, Remarks, denied, each, quoted, unfit, warned
from conformance.router.admission.selectors import workload_selector
from conformance.router.admission.workload_entry import endpoint_ports, network_address, schema_rules, webhook_rules
from conformance.router.objects.service_entry import ServiceEntry, ServiceEntrySpec, ServicePort
from conformance.router.versions import Since, Version

_DYNAMIC_PROTOCOLS = frozenset({"http", "tls", "grpc", "http2"})
_WAYPOINT = "istio.io/use-waypoint"
_ALLOCATE = "networking.istio.io/enable-autoallocate-ip"


def service_entry(given: ServiceEntry, version: Version) -> Remarks:
    spec = given.spec
    yield from workload_selector("spec.workloadSelector", spec.workload_selector, "service entry", version)
    yield from (_schema_rules if version.has(Since.SCHEMA_RULES) else _older_rules)(spec)
    for place, host in each("spec.hosts", spec.hosts):
        yield from _host(place, host, spec, version)
    for place, address in each("spec.addresses", spec.addresses):
        yield from subnet(place, address)
    yield from _ports(given, version)
    yield from _resolution(given, version)
    indistinct = any(not is_http(port.protocol) and not is_tls(port.protocol) for port in spec.ports)
    if _resolved(spec) != "NONE" and len(spec.hosts) > 1 and indistinct:
        yield denied("spec.hosts", "multiple hosts provided with non-HTTP, non-TLS ports")
    yield from export_to(given.metadata.namespace, spec.export_to, none_allowed=True)


def _resolved(spec: ServiceEntrySpec) -> str:
    return spec.resolution or "NONE"


def _schema_rules(spec: ServiceEntrySpec) -> Remarks:
    if spec.workload_selector and spec.endpoints:
        yield unfit("spec", "only one of WorkloadSelector or Endpoints can be set")
    if _has_block(spec):
        yield unfit("spec", "CIDR addresses are allowed only for NONE/STATIC resolution types")
    if spec.endpoints and _resolved(spec) == "NONE":
        yield unfit("spec", "NONE mode cannot set endpoints")
    if len(spec.endpoints) > 1 and spec.resolution == "DNS_ROUND_ROBIN":
        yield unfit("spec", "DNS_ROUND_ROBIN mode cannot have multiple endpoints")


def _older_rules(spec: ServiceEntrySpec) -> Remarks:
    """The same, while they were the webhook's."""
    if spec.workload_selector and spec.endpoints:
        yield denied("spec", "only one of WorkloadSelector or Endpoints is allowed in Service Entry")
    if not spec.hosts:
        yield denied("spec.hosts", "service entry must have at least one host")
    if _has_block(spec):
        yield denied("spec.addresses", "CIDR addresses are allowed only for NONE/STATIC resolution types")
    if spec.endpoints and _resolved(spec) == "NONE":
        yield denied("spec.endpoints", "no endpoints should be provided for resolution type none")
    if len(spec.endpoints) > 1 and spec.resolution == "DNS_ROUND_ROBIN":
        yield denied("spec.endpoints", "there must only be 0 or 1 endpoint for resolution mode DNS_ROUND_ROBIN")


def _has_block(spec: ServiceEntrySpec) -> bool:
    blocks = any("/" in address for address in spec.addresses)
    return blocks and _resolved(spec) not in {"NONE", "STATIC"}


def _host(field: str, host: str, spec: ServiceEntrySpec, version: Version) -> Remarks:
    if host == "*":
        if version.has(Since.SCHEMA_RULES):
            yield unfit(field, "hostname cannot be wildcard")
        else:
            yield denied(field, f"invalid host {host}")
        return
    if fault := wildcard_domain_fault(host):
        yield denied(field, fault)
    if spec.resolution != "DYNAMIC_DNS" and (fault := partial_wildcard_fault(host)):
        yield warned(field, fault)


def _ports(given: ServiceEntry, version: Version) -> Remarks:
    spec = given.spec
    by_schema = version.has(Since.SCHEMA_RULES)
    names: set[str] = set()
    numbers: set[int] = set()
    for place, port in each("spec.ports", spec.ports):
        name, number = port.name or "", port.number or 0
        if name in names:
            yield _repeated_name(place, name, version)
        if number in numbers and not by_schema:
            yield denied(f"{place}.number", f"service entry port {number} already defined")
        names.add(name)
        numbers.add(number)
        yield from _port(place, port, version)
        if port.protocol in {None, "", "TCP"} and not spec.addresses and not _allocates(given, version):
            text = "addresses are required for ports serving TCP (or unset) protocol"
            yield warned(place, f"{text} when IP Autoallocation is not enabled")
    if by_schema and len(numbers) < len(spec.ports):
        yield unfit("spec.ports", "port number cannot be duplicated")


def _repeated_name(field: str, name: str, version: Version) -> Remark:
    if version.has(Since.SCHEMA_RULES):
        return unfit(field, f'Duplicate value: {{"name":{quoted(name)}}}')
    return denied(f"{field}.name", f"service entry port name {quoted(name)} already defined")


def _port(field: str, port: ServicePort, version: Version) -> Remarks:
    if port.target_port is not None and (port.target_port or version.has(Since.SCHEMA_RULES)):
        yield from ports.declared_port(f"{field}.targetPort", port.target_port, version)
    if port.name is not None:
        yield from port_name(f"{field}.name", port.name)
    yield from protocol(f"{field}.protocol", port.protocol)
    if port.number is not None:
        yield from ports.declared_port(f"{field}.number", port.number, version)


def _allocates(given: ServiceEntry, version: Version) -> bool:
    """Whether istiod gives the hosts addresses (ShouldV2AutoAllocateIP)."""
    refused = given.metadata.labels.get(_ALLOCATE, "").lower() == "false"
    return version.has(Since.ALLOCATED_ADDRESSES) and _resolved(given.spec) != "NONE" and not refused


def _resolution(given: ServiceEntry, version: Version) -> Remarks:
    spec = given.spec
    declared = frozenset(port.name for port in spec.ports)
    for place, endpoint in each("spec.endpoints", spec.endpoints):
        yield from schema_rules(place, endpoint, version)
        if spec.resolution == "STATIC":
            yield from webhook_rules(place, endpoint, version, declared=declared)
        elif spec.resolution in {"DNS", "DNS_ROUND_ROBIN"}:
            yield from network_address(f"{place}.address", endpoint.address or "", names_allowed=True)
            yield from labels(f"{place}.labels", endpoint.labels)
            yield from endpoint_ports(f"{place}.ports", endpoint, version, declared)
    if spec.resolution in {"DNS", "DNS_ROUND_ROBIN"}:
        yield from _dns(spec)
    elif spec.resolution == "DYNAMIC_DNS":
        yield from _dynamic_dns(given)
    elif _resolved(spec) == "NONE" and spec.workload_selector:
        yield warned("spec.workloadSelector", "workloadSelector should not be set when resolution mode is NONE")


def _dns(spec: ServiceEntrySpec) -> Remarks:
    found = next(
        ((place, fault) for place, host in each("spec.hosts", spec.hosts) if (fault := domain_fault(host))), None
    )
    if not spec.endpoints and found:
        place, fault = found
        text = "hosts must be FQDN or contain only prefix wildcards if no endpoints are provided for resolution mode"
        yield denied(place, f"{text} {spec.resolution}, {fault}")
    if spec.addresses and len(spec.hosts) > 1 and any(is_tcp(port.protocol) for port in spec.ports):
        text = "service entry can not have more than one host specified simultaneously with address and tcp port"
        yield warned("spec.hosts", text)


def _dynamic_dns(given: ServiceEntry) -> Remarks:
    spec = given.spec
    for place, host in each("spec.hosts", spec.hosts):
        if not host.startswith("*"):
            yield denied(place, "host must be wildcarded for resolution mode DYNAMIC_DNS")
    if spec.addresses:
        yield denied("spec.addresses", "addresses cannot be set for resolution type DYNAMIC_DNS")
    if spec.endpoints:
        yield denied("spec.endpoints", "endpoints cannot be set for resolution type DYNAMIC_DNS")
    for place, port in each("spec.ports", spec.ports):
        if (port.protocol or "").lower() not in _DYNAMIC_PROTOCOLS:
            text = "only HTTP, TLS, GRPC, and HTTP2 protocols are supported for resolution type DYNAMIC_DNS"
            yield denied(f"{place}.protocol", text)
    waypoint = given.metadata.labels.get(_WAYPOINT, "")
    if spec.location == "MESH_INTERNAL" and waypoint.lower() not in {"", "none"}:
        text = "location MESH_INTERNAL with resolution type DYNAMIC_DNS is not supported when using waypoints"
        yield denied("spec.location", text)
