"""`exportTo`: the namespaces that see an object."""

from __future__ import annotations

from conformance.router.admission.names import is_dns_label
from conformance.router.admission.remark import Remarks, denied, each

PUBLIC, PRIVATE, NONE = "*", ".", "~"


def export_to(
    namespace: str, entries: tuple[str, ...], *, selective: bool = False, none_allowed: bool = False
) -> Remarks:
    """Istio's validateExportTo: a DestinationRule with a selector is `selective`, a ServiceEntry may go to none."""
    field = "spec.exportTo"
    accepted: set[str] = set()
    for place, entry in each(field, entries):
        key = namespace if entry == PRIVATE else entry
        if key in accepted:
            repeated = f": . and current namespace {namespace}" if key != entry else f" for entry {entry}"
            yield denied(place, f"duplicate entries in exportTo{repeated}")
        elif key == NONE and not none_allowed:
            yield denied(place, "exportTo ~ (none) is not allowed for Istio configuration objects")
        elif key not in {PUBLIC, NONE} and not is_dns_label(key):
            yield denied(place, "only .,*, or a valid DNS 1123 label is allowed as exportTo entry")
        else:
            accepted.add(key)
    if selective and accepted:
        yield from _own_namespace_only(field, namespace, accepted)
    if PUBLIC in accepted and len(entries) > 1:
        yield denied(field, "cannot have both public (*) and non-public exportTo values for a resource")
    if NONE in accepted and len(entries) > 1:
        yield denied(field, "cannot export service entry to no one (~) and someone")


def _own_namespace_only(field: str, namespace: str, accepted: set[str]) -> Remarks:
    if namespace not in accepted:
        yield denied(field, "destination rule with workload selector cannot have exportTo beyond current namespace")
    elif len(accepted) > 1:
        yield denied(field, "destination rule with workload selector cannot have multiple entries in exportTo")
