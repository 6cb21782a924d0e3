"""DestinationRule (specification, section 24; ValidateDestinationRule)."""

from __future__ import annotations

from conformance.router.admission.exports import export_to
from conformance.router.admission.hosts import wildcard_domain_fault
from conformance.router.admission.names import labels, subset_name
from conformance.router.admission.remark import Remarks, denied, each, refusals
from conformance.router.admission.selectors import label_selector
from conformance.router.admission.traffic_policy import traffic_policy
from conformance.router.objects.destination_rule import DestinationRule
from conformance.router.versions import Version


def destination_rule(given: DestinationRule, version: Version) -> Remarks:
    spec, namespace = given.spec, given.metadata.namespace
    if fault := wildcard_domain_fault(spec.host):
        yield denied("spec.host", fault)
    yield from traffic_policy("spec.trafficPolicy", spec.traffic_policy, namespace, version)
    seen: set[str] = set()
    for place, subset in each("spec.subsets", spec.subsets):
        if subset.name in seen:
            yield denied(f"{place}.name", f"duplicate subset names: {subset.name}")
        seen.add(subset.name)
        yield from subset_name(f"{place}.name", subset.name)
        yield from labels(f"{place}.labels", subset.labels)
        yield from refusals(traffic_policy(f"{place}.trafficPolicy", subset.traffic_policy, namespace, version))
    selective = spec.workload_selector is not None
    yield from export_to(namespace, spec.export_to, selective=selective)
    yield from label_selector("spec.workloadSelector", spec.workload_selector, version)
