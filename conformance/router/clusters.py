"""Clusters: whether a proxy has one, and where it leads (specification, sections 14 and 16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from conformance.router.destination_rules import Consolidated, Policy, policy_of
from conformance.router.objects.destination_rule import Failover, LocalityLoadBalancer
from conformance.router.prediction import ONE
from conformance.router.registry import UNREACHABLE, Endpoint, Resolution, Service, has_labels
from conformance.router.routes import ClusterKey


@dataclass(frozen=True, eq=False)
class Cluster:
    """One port of one service, or a subset of it, as one client sees it."""

    key: ClusterKey
    service: Service
    policy: Policy
    rule: Consolidated | None
    members: tuple[tuple[Endpoint, Fraction], ...]
    """Where a request may go, with its share."""
    to_dialled: bool = False
    """ORIGINAL_DST: it goes where the client dialled."""
    override: int | None = None
    """The port it goes to there, if not the dialled one."""
    is_sticky: bool = False
    """Consistent hashing: which member is not predictable, that it stays the same is."""
    name: str = ""
    """outbound|PORT|SUBSET|HOST"""

    @cached_property
    def sni(self) -> str:
        """The name in the mesh's own handshake, unless tls.sni says another."""
        return f"outbound_.{self.key.port}_.{self.key.subset}_.{self.key.host}"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no such cluster."""

    why: str


def cluster(
    key: ClusterKey, services: Mapping[str, Service], rule: Consolidated | None, locality: str, *, at_gateway: bool
) -> Cluster | Missing:
    """`services` are the client's; `rule` is what it gets for the host."""
    service = services.get(key.host)
    if service is None:
        return Missing(f"{key.host} is no service that this proxy knows")
    if key.port not in service.ports:
        known = ", ".join(map(str, service.ports)) or "none"
        return Missing(f"{key.host} has no port {key.port} (it has {known})")
    if key.port in service.ghosts:
        return Missing(f"port {key.port} of {key.host} is another ServiceEntry's, of another resolution")
    labels: Mapping[str, str] = {}
    if key.subset:
        named = rule.subsets.get(key.subset) if rule else None
        if named is None:
            where = f"{rule.sources[0]}" if rule and rule.sources else "no DestinationRule"
            return Missing(f"subset {key.subset} is not defined for this client ({where} applies)")
        labels = named[0].labels
    policy = policy_of(rule, key.subset, key.port)
    balancer = policy.load_balancer
    is_original = bool(balancer and balancer.simple == "PASSTHROUGH")
    found = [each for each in service.endpoints.get(key.port, ()) if has_labels(each.labels, labels)]
    if at_gateway and is_original:
        # Nobody's connection was redirected to a gateway: it knows no other address to go on to.
        found = []
    if service.resolution is Resolution.DNS and not found:
        return Missing(f"istiod leaves out {key}: no endpoint of the ServiceEntry has the subset's labels")
    found = [each for each in found if each.address != UNREACHABLE]
    setting = balancer.locality_lb_setting if balancer else None
    return Cluster(
        key=key,
        service=service,
        policy=policy,
        rule=rule,
        members=_shares(found, locality, setting, prefers=policy.outlier_detection is not None),
        to_dialled=not at_gateway and (is_original or service.resolution is Resolution.ORIGINAL),
        override=service.overrides.get(key.port),
        is_sticky=bool(balancer and balancer.consistent_hash),
        name=str(key),
    )


def _shares(
    endpoints: Sequence[Endpoint], locality: str, setting: LocalityLoadBalancer | None, *, prefers: bool
) -> tuple[tuple[Endpoint, Fraction], ...]:
    """By weight; as `distribute` says, or with outlier detection the nearest first (ApplyLocalityLoadBalancer)."""
    if not locality or (setting and setting.enabled is False):
        return _weighed(endpoints, ONE)
    if setting and setting.distribute:
        wanted = next((rule.to for rule in setting.distribute if _inside(locality, rule.from_)), None)
        return _distributed(endpoints, wanted) if wanted else _weighed(endpoints, ONE)
    if prefers and endpoints:
        endpoints = _nearest(endpoints, locality, setting.failover if setting else ())
    return _weighed(endpoints, ONE)


def _weighed(endpoints: Iterable[Endpoint], part: Fraction) -> tuple[tuple[Endpoint, Fraction], ...]:
    members = tuple(endpoints)
    if len(members) == 1:
        return ((members[0], part),)
    total = sum(each.weight for each in members)
    return tuple((each, part * Fraction(each.weight, total)) for each in members)


def _nearest(endpoints: Sequence[Endpoint], locality: str, failover: Sequence[Failover]) -> Sequence[Endpoint]:
    """Those that share most of region, zone and subzone with the client; next, those of the region to fail over to."""
    region = locality.partition("/")[0]
    refuge = next((each.to for each in failover if each.from_ == region), None)
    rank = [(_common(locality, each.locality), each.locality.partition("/")[0] == refuge) for each in endpoints]
    best = max(rank)
    return [each for each, near in zip(endpoints, rank, strict=True) if near == best]


def _common(one: str, other: str) -> int:
    shared = 0
    for mine, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if mine != theirs:
            break
        shared += 1
    return shared


def _inside(locality: str, pattern: str | None) -> bool:
    stem = (pattern or "").removesuffix("*").removesuffix("/")
    return locality == stem or locality.startswith(f"{stem}/") or not stem


def _distributed(endpoints: Sequence[Endpoint], to: Mapping[str, int]) -> tuple[tuple[Endpoint, Fraction], ...]:
    """Percent by locality; those without endpoints give their share to the others."""
    places: dict[str, list[Endpoint]] = defaultdict(list)
    for each in endpoints:
        pattern = next((name for name in to if _inside(each.locality, name)), None)
        if pattern is not None:
            places[pattern].append(each)
    total = sum(to[name] for name in places)
    return tuple(pair for name, here in places.items() for pair in _weighed(here, Fraction(to[name], total)))
