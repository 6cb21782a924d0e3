"""The proxy of one pod: its tables, listeners and clusters, each made when first needed and kept by the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from conformance.router import gateways
from conformance.router.clusters import Cluster, Missing, cluster
from conformance.router.listeners import Port, port_listeners
from conformance.router.names import MESH
from conformance.router.objects.kubernetes import Pod
from conformance.router.objects.virtual_service import Destination
from conformance.router.registry import Service, Services
from conformance.router.routes import ClusterKey, RouteTable
from conformance.router.scopes import Scope, scope_of, sidecar_of
from conformance.router.trace import Step
from conformance.router.transport import Chosen
from conformance.router.virtual_hosts import Naming, route_table, sniffed_table
from conformance.router.virtual_services import Binding, Listed
from conformance.router.world import World


@dataclass(frozen=True, eq=False)
class Proxy:
    """What the proxies of like pods have in common; `labels` are those that some object asks about."""

    world: World
    namespace: str
    labels: Mapping[str, str]
    locality: str
    pod: Pod
    """One of the pods, for its own addresses and ports."""
    _tables: dict[object, RouteTable] = field(default_factory=dict, repr=False)
    _ports: dict[int, Port] = field(default_factory=dict, repr=False)
    spoken: dict[tuple[Cluster, str, int], tuple[Chosen, Step]] = field(default_factory=dict, repr=False)
    """How it speaks to endpoints it has met, and the step of a trace that says so."""
    _clusters: dict[ClusterKey, Cluster | Missing] = field(default_factory=dict, repr=False)

    @property
    def is_gateway(self) -> bool:
        return self.pod.is_gateway

    def address_for(self, source: str) -> str:
        """Where its connections come from, given who opened the one that it passes on: a sidecar shares its
        application's address, whichever of like pods that is.
        """
        return self.pod.address if self.is_gateway else source

    @cached_property
    def principal(self) -> str:
        metadata = self.pod.metadata
        account = self.pod.service_account
        return f"spiffe://{self.world.mesh.trust_domain}/ns/{metadata.namespace}/sa/{account}"

    @cached_property
    def scope(self) -> Scope:
        world = self.world
        sidecar = sidecar_of(world.sidecars, self.namespace, self.labels, world.mesh.root_namespace)
        return scope_of(world, self.namespace, None if self.is_gateway else sidecar)

    @cached_property
    def services(self) -> Services:
        return self.scope.services

    @cached_property
    def _naming(self) -> Naming:
        return Naming(self.namespace, self.world.mesh.domain, self.world.version)

    @cached_property
    def _aliased(self) -> Mapping[str, str]:
        return {name: host for host, names in self.world.aliases.items() for name in names}

    def listeners(self, port: int) -> Port:
        """Outbound, of a sidecar."""
        found = self._ports.get(port)
        if found is None:
            found = self._ports[port] = port_listeners(self.scope.parts(port), port)
        return found

    def table(self, port: int) -> RouteTable:
        """Of the sidecar's HTTP listener of a port."""
        found = self._tables.get(port)
        if found is None:
            egress = self.scope.egress(port)
            found = self._tables[port] = route_table(egress, self._binding(port), self._naming)
        return found

    def sniffed_table(self, service: Service, port: int) -> RouteTable:
        """Of the listener that is a sniffed service's own."""
        key = (service.host, port)
        found = self._tables.get(key)
        if found is None:
            egress = self.scope.egress(port)
            found = self._tables[key] = sniffed_table(service, egress, self._binding(port))
        return found

    def _binding(self, port: int) -> Binding:
        return Binding(frozenset({MESH}), self.namespace, self.labels, port, lambda _: port, self.world.version)

    def cluster(self, key: ClusterKey) -> Cluster | Missing:
        found = self._clusters.get(key)
        if found is None:
            actual = key._replace(host=self._aliased.get(key.host, key.host))
            service = self.services.get(actual.host)
            rule = None
            if service is not None:
                rules = self.world.destination_rules
                rule = rules.find(self.namespace, self.labels, service.host, service.namespace)
            found = cluster(actual, self.services, rule, self.locality, at_gateway=self.is_gateway)
            self._clusters[key] = found
        return found

    @cached_property
    def gateway_listeners(self) -> Mapping[int, gateways.Listener]:
        """By container port."""
        world = self.world
        leads: dict[int, int] = {}
        for service in world.services:
            for number, members in service.endpoints.items() if service.is_kubernetes else ():
                for member in members:
                    if member.address == self.pod.address:
                        leads.setdefault(number, member.port)
        scoped = world.mesh.scope_gateway_to_namespace
        return gateways.listeners(world.gateways, self.pod, leads.get, scoped=scoped)

    def gateway_table(self, listener: gateways.Listener, bound: gateways.Bound | None) -> RouteTable:
        """Of all HTTP servers of a port, or of one that terminates TLS."""
        key = (listener.port, bound.field if bound else "", bound.name if bound else "")
        found = self._tables.get(key)
        if found is None:
            servers = (bound,) if bound else listener.servers
            candidates = self.world.candidates(self.namespace)
            place = gateways.Place(self.namespace, self.labels, self.world.version)
            found = self._tables[key] = gateways.route_table(servers, candidates, place, self.port_at_gateway)
        return found

    def port_at_gateway(self, each: Listed, destination: Destination, number: int) -> int:
        """The only port of the service, which the VirtualService's own namespace may define; else the server's."""
        mine = (
            service
            for service in self.world.services
            if service.host == destination.host
            and service.namespace == each.namespace
            and service.audience.includes(self.namespace)
        )
        service = next(mine, None) or self.services.get(destination.host)
        return next(iter(service.ports)) if service and len(service.ports) == 1 else number


def proxy_of(world: World, pod: Pod) -> Proxy:
    """The proxy of a pod that has one."""
    key = ("proxy", pod.address)
    found = world.derived.get(key)
    if found is None:
        found = world.derived[key] = _shared_proxy(world, pod)
    assert isinstance(found, Proxy)
    return found


def _shared_proxy(world: World, pod: Pod) -> Proxy:
    """One for all pods that are alike to every object."""
    labels = pod.metadata.labels
    if not pod.is_gateway:
        asked = _asked_labels(world)
        labels = {key: value for key, value in labels.items() if key in asked}
    key = (pod.metadata.namespace, tuple(labels.items()), pod.locality, pod.service_account, pod.is_gateway)
    found = world.derived.get(key)
    if found is None:
        found = Proxy(world, pod.metadata.namespace, labels, pod.locality, pod)
        world.derived[key] = found
    assert isinstance(found, Proxy)
    return found


def _asked_labels(world: World) -> frozenset[str]:
    """The labels by which any object tells clients apart."""
    found = world.derived.get("asked labels")
    if found is None:
        asked: set[str] = set()
        for each in world.virtual_services:
            for rule in each.rules:
                for match in rule.route.match:
                    asked.update(match.source_labels)
            for stream in (*each.tls, *each.tcp):
                for block in stream.match:
                    asked.update(block.source_labels)
        asked.update(world.destination_rules.asked_labels)
        for sidecar in world.sidecars:
            if sidecar.spec.workload_selector:
                asked.update(sidecar.spec.workload_selector.labels)
        found = world.derived["asked labels"] = frozenset(asked)
    assert isinstance(found, frozenset)
    return found
