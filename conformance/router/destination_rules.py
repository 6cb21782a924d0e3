"""DestinationRules: which one a client gets for a service, and what it says about a port (section 15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.router.mesh_config import MeshConfig
from conformance.router.names import completed
from conformance.router.objects.destination_rule import (
    ClientTLSSettings,
    ConnectionPool,
    DestinationRule,
    LoadBalancer,
    OutlierDetection,
    PortTrafficPolicy,
    Subset,
    TrafficPolicy,
)
from conformance.router.objects.metadata import Reference
from conformance.router.registry import has_labels
from conformance.router.versions import Since, Version
from conformance.router.visibility import EVERYONE, OWN


@dataclass(eq=False, slots=True)
class Consolidated:
    """Rules for one host of one namespace, merged in the order of their age (mergeDestinationRule).

    Built up while the world is built, and not changed after.
    """

    namespace: str
    export_to: frozenset[str]
    selector: Mapping[str, str] | None
    subsets: dict[str, tuple[Subset, Reference]]
    policy: TrafficPolicy | None
    policy_by: Reference
    sources: list[Reference]

    def add(self, rule: DestinationRule) -> None:
        """Subsets that are new, and the policy if there is none yet."""
        for subset in rule.spec.subsets:
            self.subsets.setdefault(subset.name, (subset, rule.reference))
        if self.policy is None and rule.spec.traffic_policy is not None:
            self.policy, self.policy_by = rule.spec.traffic_policy, rule.reference
        self.sources.append(rule.reference)

    def is_for(self, namespace: str) -> bool:
        return (
            not self.export_to
            or EVERYONE in self.export_to
            or (OWN in self.export_to and self.namespace == namespace)
            or namespace in self.export_to
        )


_ByHost = dict[str, list[Consolidated]]


class DestinationRules:
    """All of them, indexed as istiod does (push_context.go setDestinationRules)."""

    def __init__(self, rules: Iterable[DestinationRule], mesh: MeshConfig, version: Version) -> None:
        self._root = mesh.root_namespace
        self._version = version
        self._local: dict[str, _ByHost] = defaultdict(dict)
        self._exported: dict[str, _ByHost] = defaultdict(dict)
        self._private_of_root: _ByHost = {}
        self.asked_labels: set[str] = set()
        """By which workload selectors tell clients apart."""
        private_by_default = OWN in mesh.default_destination_rule_export_to
        for rule in sorted(rules, key=lambda each: (each.spec.workload_selector is None, each.metadata.seniority)):
            self._file(rule, completed(rule.spec.host, rule.metadata.namespace, mesh.domain), private_by_default)

    def _file(self, rule: DestinationRule, host: str, private_by_default: bool) -> None:  # noqa: FBT001
        own = rule.metadata.namespace
        exports = frozenset(rule.spec.export_to)
        if rule.spec.workload_selector is not None:
            exports = frozenset({OWN})
        if not exports or exports & {EVERYONE, OWN, own}:
            self._merge(self._local[own], rule, host, exports)
        if (not exports and private_by_default) or (len(exports) == 1 and exports <= {OWN, own}):
            if own == self._root:
                self._merge(self._private_of_root, rule, host, exports)
        else:
            self._merge(self._exported[own], rule, host, exports)

    def _merge(self, index: _ByHost, rule: DestinationRule, host: str, exports: frozenset[str]) -> None:
        """Since 1.24 only rules with the same exportTo become one; a wider one also stands for itself."""
        selector = rule.spec.workload_selector
        labels = None if selector is None else selector.match_labels
        self.asked_labels.update(labels or ())
        stands_alone = True
        for earlier in index.get(host, ()):
            if self._version.has(Since.EQUAL_EXPORTS_MERGE):
                stands_alone = exports != earlier.export_to
                if stands_alone and not (earlier.export_to and exports > earlier.export_to):
                    continue
            if labels is not None and earlier.selector is not None and labels != earlier.selector:
                stands_alone = True
                continue
            if (labels is None) == (earlier.selector is None):
                stands_alone = False
            earlier.add(rule)
        if stands_alone:
            made = Consolidated(rule.metadata.namespace, exports, labels, {}, None, rule.reference, [])
            made.add(rule)
            index.setdefault(host, []).append(made)

    def find(
        self, client_namespace: str, client_labels: Mapping[str, str], host: str, service_namespace: str
    ) -> Consolidated | None:
        """The client's namespace, the service's, the root: the first with any rule for the host has the last word."""
        if client_namespace != self._root:
            found = _most_specific(self._local.get(client_namespace), host)
        else:
            found = _most_specific(self._private_of_root, host)
        for place in (service_namespace, self._root):
            if found:
                break
            exported = _most_specific(self._exported.get(place), host)
            found = [each for each in exported if each.is_for(client_namespace)]
        return _chosen(found, client_namespace, client_labels)


def _most_specific(index: _ByHost | None, host: str) -> list[Consolidated]:
    if not index:
        return []
    if host in index:
        return index[host]
    # Every wildcard that covers the host is a star before one of its endings, all of it and nothing at all among them
    # (mostSpecificHostWildcardMatch; elsewhere a star stands for something).
    for cut in range(len(host) + 1):
        found = index.get(f"*{host[cut:]}")
        if found:
            return found
    return []


def _chosen(rules: list[Consolidated], namespace: str, labels: Mapping[str, str]) -> Consolidated | None:
    """The first whose selector fits the client, else the last without selector (SidecarScope.DestinationRule)."""
    general = None
    for rule in rules:
        if rule.selector is None:
            general = rule
        elif rule.namespace == namespace and has_labels(labels, rule.selector):
            return rule
    return general


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for one cluster, and where it is written."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    auto_mutual_tls: bool = True
    """Without tls: False where the mode above a port-level setting switches it off although replaced (section 28)."""
    by: Reference | None = None


NO_POLICY = Policy()


def policy_of(rule: Consolidated | None, subset: str, port: int) -> Policy:
    """Port-level settings replace the level they belong to; a subset overrides field by field."""
    if rule is None:
        return NO_POLICY
    top = _at_port(rule.policy, port)
    named = rule.subsets.get(subset)
    special = named[0].traffic_policy if named else None
    at_port = _port_level(special, port)
    own = _parts(at_port or special)
    if at_port is None:
        own = (own[0] or top[0], own[1] or top[1], own[2] or top[2], own[3] or top[3])
    balancer, pool, outliers, tls = own
    by = named[1] if named and special else rule.policy_by
    return Policy(balancer, pool, outliers, tls, _is_automatic(special if subset else rule.policy), by)


def _is_automatic(policy: TrafficPolicy | None) -> bool:
    """Endpoints are asked by a look-up of its own, at the cluster's own level only (endpoints/mtls_checker.go)."""
    return policy is None or policy.tls is None or policy.tls.mode == "ISTIO_MUTUAL"


_Parts = tuple[LoadBalancer | None, ConnectionPool | None, OutlierDetection | None, ClientTLSSettings | None]


def _parts(policy: TrafficPolicy | PortTrafficPolicy | None) -> _Parts:
    if policy is None:
        return (None, None, None, None)
    return (policy.load_balancer, policy.connection_pool, policy.outlier_detection, policy.tls)


def _port_level(policy: TrafficPolicy | None, port: int) -> PortTrafficPolicy | None:
    settings = policy.port_level_settings if policy else ()
    return next((each for each in settings if each.port and each.port.number == port), None)


def _at_port(policy: TrafficPolicy | None, port: int) -> _Parts:
    return _parts(_port_level(policy, port) or policy)
