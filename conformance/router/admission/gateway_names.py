"""`gateways`: names of Gateways in VirtualServices and their matches."""

from __future__ import annotations

from conformance.router.admission.hosts import domain_fault
from conformance.router.admission.names import is_dns_label
from conformance.router.admission.remark import Remarks, denied, each, quoted, warned


def gateway_names(field: str, names: tuple[str, ...]) -> Remarks:
    """Istio's validateGatewayNames, which stops at the first name without a slash: what follows it is not looked at."""
    for place, name in each(field, names):
        namespace, slash, gateway = name.partition("/")
        if not slash:
            yield from _plain(place, name)
            return
        if not namespace or not gateway:
            yield denied(place, "config namespace and gateway name cannot be empty")
        if not is_dns_label(namespace):
            yield denied(place, f"invalid value for namespace: {quoted(namespace)}")
        if not is_dns_label(gateway):
            yield denied(place, f"invalid value for gateway name: {quoted(gateway)}")


def _plain(field: str, name: str) -> Remarks:
    if "." in name:
        gateway, namespace, *_ = name.split(".")
        format_ = f"using legacy gatewayName format {quoted(name)}; prefer the <namespace>/<name> format"
        yield warned(field, f"{format_}: {quoted(f'{namespace}/{gateway}')}")
    if fault := domain_fault(name):
        yield denied(field, fault)
