"""Where a route leads: destinations, and how weights share requests among them."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.router.admission import percentages, ports
from conformance.router.admission.hosts import wildcard_domain_fault
from conformance.router.admission.names import subset_name
from conformance.router.admission.remark import Remarks, denied, each
from conformance.router.objects.virtual_service import Destination, HTTPRouteDestination, RouteDestination
from conformance.router.versions import Since, Version


def destination(field: str, given: Destination | None) -> Remarks:
    """Host, subset and port; that they exist is nobody's concern here (validateDestination)."""
    if given is None:
        return
    if given.host == "*":
        yield denied(f"{field}.host", "invalid destination host *")
    elif fault := wildcard_domain_fault(given.host):
        yield denied(f"{field}.host", fault)
    if given.subset:
        yield from subset_name(f"{field}.subset", given.subset)
    yield from ports.selected_port(f"{field}.port", given.port)


def weights(field: str, routes: Sequence[HTTPRouteDestination | RouteDestination], version: Version) -> Remarks:
    """Of the members of `route`: since 1.16 they need not add up to 100, only to something."""
    total = sum(each_route.weight or 0 for each_route in routes)
    for place, route in each(field, routes):
        weight = route.weight or 0
        if not version.has(Since.FREE_WEIGHTS):
            yield from percentages.whole(f"{place}.weight", weight)
        elif weight < 0:
            yield denied(f"{place}.weight", f"weight {weight} < 0")
    if len(routes) < 2:
        return
    if not version.has(Since.FREE_WEIGHTS) and total != 100:
        yield denied(field, f"total destination weight {total} != 100")
    elif total == 0:
        yield denied(field, "total destination weight = 0")
