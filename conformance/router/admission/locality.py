"""`localityLbSetting` (ValidateLocalityLbSetting)."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.router.admission.remark import Remarks, denied, each, warned
from conformance.router.objects.destination_rule import Distribute, Failover, LocalityLoadBalancer, OutlierDetection

_TOPOLOGY = frozenset({"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"})


def locality(field: str, setting: LocalityLoadBalancer | None, outlier: OutlierDetection | None) -> Remarks:
    """It ends at the first thing that makes no sense as a whole."""
    if setting is None:
        return
    if setting.distribute and setting.failover:
        yield denied(field, "can not simultaneously specify 'distribute' and 'failover'")
        return
    topology = next((label for label in setting.failover_priority if label in _TOPOLOGY), None)
    if setting.failover and topology:
        text = f"can not simultaneously set 'failover' and topology label '{topology}' in 'failover_priority'"
        yield denied(field, text)
        return
    for place, distribute in each(f"{field}.distribute", setting.distribute):
        if fault := _weights_fault(distribute):
            yield denied(f"{place}.to", fault)
            return
        yield from _distinct(f"{place}.to", distribute.to)
    yield from _distinct(f"{field}.distribute", (each_one.from_ or "" for each_one in setting.distribute))
    if (setting.failover or setting.failover_priority) and outlier is None:
        yield warned(field, "outlier detection policy must be provided for failover")
    for place, failover in each(f"{field}.failover", setting.failover):
        yield from _failover(place, failover)


def _weights_fault(distribute: Distribute) -> str | None:
    if not all(1 <= weight <= 100 for weight in distribute.to.values()):
        return "locality weight must be in range [1, 100]"
    total = sum(distribute.to.values())
    return None if total == 100 else f"total locality weight {total} != 100"


def _failover(field: str, failover: Failover) -> Remarks:
    here, there = failover.from_ or "", failover.to or ""
    if here == there:
        yield denied(field, "locality lb failover settings must specify different regions")
    if "/" in here + there:
        yield denied(field, "locality lb failover only specify region")
    if "*" in here + there:
        yield denied(field, "locality lb failover region should not contain '*' wildcard")


def _distinct(field: str, localities: Iterable[str]) -> Remarks:
    """No locality lies in another (validateLocalities); it stops at the first fault."""
    seen: list[tuple[str, ...]] = []
    for name in localities:
        if "*" in name[:-1]:
            text = f"locality {name} wildcard '*' number can not exceed 1 and must be in the end"
            yield denied(field, text)
            return
        parts = tuple(name.split("/", 2))
        if "" in parts and ("*",) not in seen:
            yield denied(field, f"locality {name} must not contain empty region/zone/subzone info")
            return
        if any(_covers(earlier, parts) for earlier in seen):
            yield denied(field, f"locality {name} overlap with previous specified ones")
            return
        seen.append(parts)


def _covers(earlier: tuple[str, ...], later: tuple[str, ...]) -> bool:
    """Whether they meet. An asterisk counts in the earlier one only: `us/*` may follow `us/east`."""
    return all(own in {its, "*"} for own, its in zip(earlier, later, strict=False))
