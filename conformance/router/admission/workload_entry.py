"""WorkloadEntry, and a ServiceEntry's endpoints (specification, section 24; validateWorkloadEntry)."""

from __future__ import annotations

from conformance.router.admission import ports
from conformance.router.admission.addresses import UNIX, unix_path
from conformance.router.admission.hosts import domain_fault
from conformance.router.admission.names import is_dns_label, labels, port_name
from conformance.router.admission.remark import Remarks, denied, entries, quoted, unfit, warned
from conformance.router.names import is_address
from conformance.router.objects.service_entry import WorkloadEntrySpec
from conformance.router.versions import Since, Version

_LONGEST_PORT_NAME = 62


def workload_entry(field: str, entry: WorkloadEntrySpec, version: Version) -> Remarks:
    """One that stands alone; whether its ports are a ServiceEntry's cannot be told."""
    yield from schema_rules(field, entry, version)
    yield from webhook_rules(field, entry, version, names_allowed=True)


def schema_rules(field: str, entry: WorkloadEntrySpec, version: Version) -> Remarks:
    """What 1.23 and later have in the CRDs, of endpoints too."""
    if not version.has(Since.SCHEMA_RULES):
        return
    address = entry.address or ""
    if entry.address is None and entry.network is None:
        yield unfit(field, "Address is required")
    if address.startswith(UNIX):
        if entry.ports:
            yield unfit(field, "UDS may not include ports")
        if address[len(UNIX) :][:1] not in {"/", "@"}:
            yield unfit(f"{field}.address", "UDS must be an absolute path or abstract socket")
        if address.endswith("/"):
            yield unfit(f"{field}.address", "UDS may not be a dir")
    if any(len(name) > _LONGEST_PORT_NAME or not is_dns_label(name) for name in entry.ports):
        yield unfit(f"{field}.ports", "port name must be valid")


def webhook_rules(
    field: str,
    entry: WorkloadEntrySpec,
    version: Version,
    *,
    declared: frozenset[str | None] | None = None,
    names_allowed: bool = False,
) -> Remarks:
    """`declared` are the port names of the ServiceEntry; an address may be a name only where DNS is asked."""
    address = entry.address or ""
    if not address:
        yield from _no_address(field, entry, version)
        if not entry.network:
            return
    elif address.startswith(UNIX):
        if not version.has(Since.SCHEMA_RULES):
            yield from _unix(field, address, entry)
        if declared is not None and len(declared) != 1:
            yield denied(field, "exactly 1 service port required for unix endpoints")
    else:
        yield from network_address(f"{field}.address", address, names_allowed=names_allowed)
    yield from endpoint_ports(f"{field}.ports", entry, version, declared)
    yield from labels(f"{field}.labels", entry.labels)


def network_address(field: str, address: str, *, names_allowed: bool) -> Remarks:
    if is_address(address):
        return
    if not names_allowed:
        yield denied(field, f"endpoint address {quoted(address)} is not a valid IP address")
    elif domain_fault(address):
        yield denied(field, f"endpoint address {quoted(address)} is not a valid FQDN or an IP address")


def endpoint_ports(
    field: str, entry: WorkloadEntrySpec, version: Version, declared: frozenset[str | None] | None
) -> Remarks:
    for place, name, number in entries(field, entry.ports):
        if declared is not None and name not in declared:
            yield denied(place, f"endpoint port {number} is not defined by the service entry")
        if not version.has(Since.SCHEMA_RULES):
            yield from port_name(place, name)
        yield from ports.declared_port(place, number, version)


def _no_address(field: str, entry: WorkloadEntrySpec, version: Version) -> Remarks:
    if entry.network:
        yield warned(field, f"address is unset with network {quoted(entry.network)}")
    elif entry.address is not None or entry.network is not None or not version.has(Since.SCHEMA_RULES):
        yield denied(field, "address is required")


def _unix(field: str, address: str, entry: WorkloadEntrySpec) -> Remarks:
    yield from unix_path(f"{field}.address", address.removeprefix(UNIX))
    if entry.ports:
        yield denied(field, f"unix endpoint {address} must not include ports")
