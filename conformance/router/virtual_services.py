"""VirtualServices: which a proxy sees, in what order, and the routes each of them makes (specification, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from conformance.router import delegates
from conformance.router.durations import seconds
from conformance.router.faults import compile_fault, share
from conformance.router.header_operations import compile_operations
from conformance.router.matching import compile_match
from conformance.router.mesh_config import MeshConfig
from conformance.router.names import MESH, completed, gateway_reference
from conformance.router.objects.metadata import Reference
from conformance.router.objects.virtual_service import (
    Destination,
    HTTPMatchRequest,
    HTTPMirrorPolicy,
    HTTPRoute,
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
    VirtualService,
)
from conformance.router.prediction import ONE
from conformance.router.redirects import CODES
from conformance.router.registry import has_labels
from conformance.router.retries import compile_retries
from conformance.router.routes import Action, ClusterKey, Copy, Direct, Forward, Redirect, Route, Target
from conformance.router.versions import Since, Version
from conformance.router.visibility import Audience, audience


@dataclass(frozen=True, slots=True)
class Rule:
    """One http rule with all names completed, and where it is written."""

    route: HTTPRoute
    by: Reference
    field: str


@dataclass(frozen=True, slots=True)
class StreamRule:
    """One tls or tcp rule with all names completed; without a match, `match` has one that is empty."""

    match: tuple[TLSMatchAttributes | L4MatchAttributes, ...]
    route: tuple[RouteDestination, ...]
    by: Reference
    field: str


@dataclass(frozen=True, eq=False)
class Listed:
    """A VirtualService with all names completed and its delegates merged in."""

    object: VirtualService
    namespace: str
    hosts: tuple[str, ...]
    gateways: frozenset[str]
    audience: Audience
    rules: tuple[Rule, ...]
    tls: tuple[StreamRule, ...]
    tcp: tuple[StreamRule, ...]
    version: Version

    @property
    def is_for_mesh(self) -> bool:
        return MESH in self.gateways

    @cached_property
    def refused(self) -> str:
        """Why Envoy would refuse a table with one of these rules; empty if it would not."""
        for rule in self.rules:
            redirect = rule.route.redirect
            if redirect and redirect.redirect_code and redirect.redirect_code not in CODES:
                return f"{rule.by} {rule.field}.redirect: Envoy knows no redirect with code {redirect.redirect_code}"
            direct = rule.route.direct_response
            if direct and not 200 <= direct.status < 600:
                return f"{rule.by} {rule.field}.directResponse: Envoy knows no status {direct.status}"
            for match in rule.route.match:
                undefined = compile_match(match, self.version, rule.field).undefined
                if undefined:
                    return f"{rule.by} {rule.field}: {undefined}"
        return ""


def listed(objects: Sequence[VirtualService], mesh: MeshConfig, version: Version) -> tuple[Listed, ...]:
    """All VirtualServices with hosts, oldest first; those without are delegates and live in others only."""
    ordered = sorted(objects, key=lambda each: each.metadata.seniority)
    by_name = {(each.metadata.namespace, each.metadata.name): each for each in ordered if not each.spec.hosts}
    return tuple(_listed(each, by_name, mesh, version) for each in ordered if each.spec.hosts)


def _listed(
    each: VirtualService, others: Mapping[tuple[str, str], VirtualService], mesh: MeshConfig, version: Version
) -> Listed:
    namespace, spec = each.metadata.namespace, each.spec
    return Listed(
        object=each,
        namespace=namespace,
        hosts=tuple(completed(host, namespace, mesh.domain) for host in spec.hosts),
        gateways=frozenset(gateway_reference(name, namespace) for name in spec.gateways or (MESH,)),
        audience=audience(spec.export_to, namespace, mesh.default_virtual_service_export_to),
        rules=tuple(_rules(each, others, mesh, version)),
        tls=tuple(_tls(each, mesh)),
        tcp=tuple(_tcp(each, mesh)),
        version=version,
    )


def _tls(each: VirtualService, mesh: MeshConfig) -> Iterator[StreamRule]:
    namespace = each.metadata.namespace
    for index, rule in enumerate(each.spec.tls):
        matches = tuple(
            replace(
                match,
                gateways=_gateways(match.gateways, namespace),
                sni_hosts=tuple(host.lower() for host in match.sni_hosts),
            )
            for match in rule.match
        )
        yield StreamRule(matches, _members(rule.route, namespace, mesh), each.reference, f"spec.tls[{index}]")


def _tcp(each: VirtualService, mesh: MeshConfig) -> Iterator[StreamRule]:
    namespace = each.metadata.namespace
    for index, rule in enumerate(each.spec.tcp):
        matches = tuple(replace(match, gateways=_gateways(match.gateways, namespace)) for match in rule.match)
        members = _members(rule.route, namespace, mesh)
        yield StreamRule(matches or (L4MatchAttributes(),), members, each.reference, f"spec.tcp[{index}]")


def _gateways(names: Iterable[str], namespace: str) -> tuple[str, ...]:
    return tuple(gateway_reference(name, namespace) for name in names)


def _members(route: Iterable[RouteDestination], namespace: str, mesh: MeshConfig) -> tuple[RouteDestination, ...]:
    return tuple(replace(each, destination=_completed(each.destination, namespace, mesh.domain)) for each in route)


def _completed(destination: Destination, namespace: str, domain: str) -> Destination:
    return replace(destination, host=completed(destination.host, namespace, domain))


def _rules(
    each: VirtualService, others: Mapping[tuple[str, str], VirtualService], mesh: MeshConfig, version: Version
) -> Iterator[Rule]:
    namespace = each.metadata.namespace
    for index, route in enumerate(each.spec.http):
        named = _with_names(route, namespace, mesh.domain)
        if route.delegate is None:
            yield Rule(named, each.reference, f"spec.http[{index}]")
            continue
        if not version.has(Since.SIDECAR_DELEGATES):
            continue
        # A delegate that is missing, hidden or has hosts takes only this rule away.
        found = others.get((route.delegate.namespace or namespace, route.delegate.name or ""))
        if found is None:
            continue
        place = found.metadata.namespace
        if not audience(found.spec.export_to, place, mesh.default_virtual_service_export_to).includes(namespace):
            continue
        for inner, delegated in enumerate(found.spec.http):
            merged = delegates.merged(named, _with_names(delegated, place, mesh.domain))
            if merged is not None:
                yield Rule(merged, found.reference, f"spec.http[{inner}]")


def _with_names(route: HTTPRoute, namespace: str, domain: str) -> HTTPRoute:
    """The rule with completed hosts and gateways: after a delegation nobody knows whose names they were."""

    def complete(destination: Destination) -> Destination:
        return _completed(destination, namespace, domain)

    def bound(match: HTTPMatchRequest) -> HTTPMatchRequest:
        return replace(match, gateways=_gateways(match.gateways, namespace))

    return replace(
        route,
        match=tuple(bound(match) for match in route.match),
        route=tuple(replace(each, destination=complete(each.destination)) for each in route.route),
        mirror=complete(route.mirror) if route.mirror else None,
        mirrors=tuple(
            replace(each, destination=complete(each.destination)) if each.destination else each
            for each in route.mirrors
        ),
    )


def in_order(all_listed: Sequence[Listed], namespace: str) -> tuple[Listed, ...]:
    """Those a namespace sees: its private ones, those exported to it by name, public ones; each by age."""
    private, exported, public = [], [], []
    for each in all_listed:
        if each.audience.is_public:
            public.append(each)
        elif each.namespace == namespace and each.audience.includes(namespace):
            private.append(each)
        elif each.audience.includes(namespace):
            exported.append(each)
    return (*private, *exported, *public)


@dataclass(frozen=True, slots=True)
class Binding:
    """The place a VirtualService is compiled for: one listener of one proxy."""

    names: frozenset[str]
    """`mesh`, or the Gateway."""
    namespace: str
    labels: Mapping[str, str]
    port: int
    """Of the service at a sidecar, of the server at a gateway."""
    port_of: Callable[[Destination], int]
    """The port of a destination that names none."""
    version: Version


def routes(each: Listed, binding: Binding) -> tuple[Route, ...]:
    """One route for each match block that can apply here; what stands after a catch-all is cut off."""
    made: list[Route] = []
    for rule in each.rules:
        if not _has_action(rule.route):
            continue
        action = compile_action(rule, binding)
        blocks = rule.route.match or (None,)
        for index, match in enumerate(blocks):
            if match is not None and not _applies(match, binding):
                continue
            field = rule.field if match is None else f"{rule.field}.match[{index}]"
            matcher = compile_match(match, binding.version, field)
            fault = compile_fault(rule.route.fault, binding.version)
            made.append(Route(matcher, action, rule.by, field, binding.port, fault))
            if matcher.is_catch_all:
                return tuple(made)
    return tuple(made)


def has_routes(each: Listed, binding: Binding) -> bool:
    """Whether `routes` would make any."""
    return any(
        _has_action(rule.route)
        and any(match is None or _applies(match, binding) for match in rule.route.match or (None,))
        for rule in each.rules
    )


def _has_action(route: HTTPRoute) -> bool:
    return bool(route.redirect or route.direct_response or route.route)


def _applies(match: HTTPMatchRequest, binding: Binding) -> bool:
    """What of a match is known before a request comes; gateways, when named, hide the source (sourceMatchHTTP)."""
    if match.port and match.port != binding.port:
        return False
    if match.gateways:
        return not binding.names.isdisjoint(match.gateways)
    if not has_labels(binding.labels, match.source_labels):
        return False
    return not match.source_namespace or match.source_namespace == binding.namespace


def compile_action(rule: Rule, binding: Binding) -> Action:
    """Redirect before direct response before route."""
    route = rule.route
    if route.redirect:
        return Redirect(route.redirect, compile_operations(route, None))
    if route.direct_response:
        return Direct(route.direct_response, compile_operations(route, None))
    return Forward(
        targets=_targets(rule, binding),
        rewrite=route.rewrite,
        timeout=seconds(route.timeout) if route.timeout else None,
        retries=compile_retries(route.retries, binding.version, is_single=len(route.route) == 1),
        copies=tuple(_copies(route, binding)),
        cors=route.cors_policy,
    )


def _targets(rule: Rule, binding: Binding) -> tuple[Target, ...]:
    """One destination has everything whatever its weight says; of several, those of weight zero are dropped."""
    members = rule.route.route
    weighed = [(index, each, each.weight or 0) for index, each in enumerate(members)]
    if len(members) == 1:
        weighed = [(0, members[0], 1)]
    total = sum(weight for _, _, weight in weighed)
    return tuple(
        Target(
            cluster=cluster_key(each.destination, binding),
            share=ONE if weight == total else Fraction(weight, total),
            operations=compile_operations(rule.route, each, binding.version),
            field=f"{rule.field}.route[{index}].destination",
        )
        for index, each, weight in weighed
        if weight
    )


def cluster_key(destination: Destination, binding: Binding) -> ClusterKey:
    named = destination.port.number if destination.port else None
    return ClusterKey(destination.host, named or binding.port_of(destination), destination.subset or "")


def _copies(route: HTTPRoute, binding: Binding) -> Iterator[Copy]:
    """VirtualService http[].mirrors, or the mirror of old with its percentage."""
    policies = route.mirrors
    if route.mirror:
        policies = (HTTPMirrorPolicy(route.mirror, route.mirror_percentage),)
    default = 100 if route.mirror_percent is None else route.mirror_percent
    for policy in policies:
        part = share(policy.percentage, default if route.mirror else 100)
        if policy.destination and part:
            yield Copy(cluster_key(policy.destination, binding), part)


def default_route(cluster: ClusterKey, port: int, by: Reference, version: Version) -> Route:
    """What a service does of which no VirtualService speaks."""
    target = Target(cluster, ONE, compile_operations(HTTPRoute(), None), "")
    retries = compile_retries(None, version)
    return Route(compile_match(None, version, ""), Forward((target,), retries=retries), by, "", port)
