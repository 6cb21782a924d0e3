"""Which workloads an object is for: selectors by label, and `targetRefs`."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.router.admission.names import MAX_LABEL
from conformance.router.admission.remark import Remarks, denied, each, quoted, unfit, warned
from conformance.router.objects.metadata import LabelSelector, WorkloadSelector
from conformance.router.objects.security import PolicyTargetReference
from conformance.router.versions import Since, Version

_TARGETS = (("core", "Service"), ("networking.istio.io", "ServiceEntry"), ("gateway.networking.k8s.io", "Gateway"))
_GATEWAY_CLASS = ("gateway.networking.k8s.io", "GatewayClass")


def label_selector(field: str, selector: LabelSelector | None, version: Version) -> Remarks:
    """`matchLabels`, of the security API and of DestinationRules (validateWorkloadSelector)."""
    if selector is None:
        return
    at = f"{field}.matchLabels"
    if version.has(Since.SCHEMA_RULES):
        yield from _schema_rules(at, selector.match_labels)
    else:
        yield from _webhook_rules(at, selector.match_labels)
    if not selector.match_labels:
        yield warned(field, "workload selector specified without labels")


def workload_selector(field: str, selector: WorkloadSelector | None, called: str, version: Version) -> Remarks:
    """`labels`, of Sidecars and ServiceEntries (ValidateAlphaWorkloadSelector); `called` begins the warning."""
    if selector is None:
        return
    at = f"{field}.labels"
    for key, value in selector.labels.items():
        if version.has(Since.SCHEMA_RULES):
            yield from _value_length(f"{at}[{key}]", value)
        if "*" in value and version.has(Since.SCHEMA_RULES):
            yield unfit(f"{at}[{key}]", "wildcard is not supported in selector")
        else:
            yield from _webhook_rules(at, {key: value})
    if not selector.labels:
        text = "workload selector specified without labels, will be applied to all services in namespace"
        yield warned(field, f"{called}: {text}")


def one_way_to_select(
    selector: LabelSelector | None,
    target: PolicyTargetReference | None,
    targets: tuple[PolicyTargetReference, ...],
    version: Version,
) -> Remarks:
    """A policy names its workloads by labels or by reference."""
    if sum((selector is not None, target is not None, bool(targets))) > 1:
        if version.has(Since.SCHEMA_RULES):
            yield unfit("spec", "only one of targetRefs or selector can be set")
        else:
            yield denied("spec", "only one of targetRefs or workloadSelector can be set")


def targets(
    target: PolicyTargetReference | None, targets: tuple[PolicyTargetReference, ...], version: Version
) -> Remarks:
    """`targetRef` and `targetRefs` (validatePolicyTargetReference)."""
    if target:
        yield from _target("spec.targetRef", target, version)
    for field, each_target in each("spec.targetRefs", targets):
        yield from _target(field, each_target, version)


def _target(field: str, target: PolicyTargetReference, version: Version) -> Remarks:
    if target.namespace:
        if version.has(Since.SCHEMA_RULES):
            yield unfit(f"{field}.namespace", "cross namespace referencing is not currently supported")
        else:
            text = "targetRef namespace must not be set; cross namespace referencing is not supported"
            yield denied(f"{field}.namespace", text)
    found = (target.group or "core", target.kind)
    if found not in {*_TARGETS, _GATEWAY_CLASS}:
        yield denied(field, f"targetRef must be to one of {_known()} but was {target.group or ''}/{target.kind}")


def _known() -> str:
    return " ".join(f"{group}/{kind}" for group, kind in (*_TARGETS, _GATEWAY_CLASS))


def _value_length(field: str, value: str) -> Remarks:
    if len(value) > MAX_LABEL:
        yield unfit(field, f"Too long: may not be more than {MAX_LABEL} bytes")


def _schema_rules(field: str, labels: Mapping[str, str]) -> Remarks:
    if any("*" in key for key in labels):
        yield unfit(field, "wildcard not allowed in label key match")
    if "" in labels:
        yield unfit(field, "key must not be empty")
    for key, value in labels.items():
        yield from _value_length(f"{field}[{key}]", value)
        if "*" in value:
            yield unfit(f"{field}[{key}]", "wildcard not allowed in label value match")


def _webhook_rules(field: str, labels: Mapping[str, str]) -> Remarks:
    for key, value in labels.items():
        if not key:
            yield denied(f"{field}[{key}]", f"empty key is not supported in selector: {quoted(f'{key}={value}')}")
        if "*" in key + value:
            yield denied(f"{field}[{key}]", f"wildcard is not supported in selector: {quoted(f'{key}={value}')}")
