"""A mesh as its configuration describes it. Frozen; what is derived from it is computed when first asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from conformance.router.destination_rules import DestinationRules
from conformance.router.mesh_config import MeshConfig
from conformance.router.names import is_address
from conformance.router.namesakes import Preference, one_each, sharing_endpoints
from conformance.router.objects import AnyObject
from conformance.router.objects.destination_rule import DestinationRule
from conformance.router.objects.gateway import Gateway
from conformance.router.objects.kubernetes import Pod, Secret
from conformance.router.objects.kubernetes import Service as KubernetesService
from conformance.router.objects.security import AuthorizationPolicy, PeerAuthentication, RequestAuthentication
from conformance.router.objects.service_entry import ServiceEntry, WorkloadEntry
from conformance.router.objects.sidecar import Sidecar
from conformance.router.objects.virtual_service import VirtualService
from conformance.router.registry import (
    Pods,
    Resolution,
    Service,
    Services,
    of_entries,
    of_kubernetes,
    resolve,
)
from conformance.router.request import Certificate
from conformance.router.versions import Since, Version
from conformance.router.virtual_services import Listed, in_order, listed

MESH_AUTHORITY = "mesh"
"""The authority of the mesh's own certificates, by the name it has in a Certificate."""

MESH_CERTIFICATE = Certificate(MESH_AUTHORITY)

_Kind = TypeVar("_Kind", bound=AnyObject)


@dataclass(frozen=True, eq=False)
class World:
    """Everything a prediction looks at. Made by `build`."""

    mesh: MeshConfig
    version: Version
    pods: Pods
    kubernetes: Sequence[KubernetesService]
    services: Sequence[Service]
    virtual_services: Sequence[Listed]
    destination_rules: DestinationRules
    gateways: Sequence[Gateway]
    sidecars: Sequence[Sidecar]
    peer_authentications: Sequence[PeerAuthentication]
    request_authentications: Sequence[RequestAuthentication]
    authorization_policies: Sequence[AuthorizationPolicy]
    secrets: Mapping[tuple[str, str], Secret]
    by_address: Mapping[str, Service]
    """Kubernetes Services by their virtual address."""
    by_host: Mapping[str, Service]
    """Kubernetes Services by their full name, seen by DNS whoever they are exported to."""
    derived: dict[object, object] = field(default_factory=dict, repr=False)
    """Proxies, doors and tables already computed, by what they were computed from."""

    def visible(self, namespace: str) -> Services:
        """The services a namespace sees, one for each host; its own first, Kubernetes before ServiceEntries."""
        key = ("visible", namespace)
        found = self.derived.get(key)
        if found is None:
            is_unified = self.version.has(Since.OWN_NAMESPACE_FIRST)
            preference = Preference.OWN_FIRST if is_unified else Preference.KUBERNETES_FIRST
            found = self.derived[key] = one_each(self.offered(namespace), namespace, preference)
        return found  # type: ignore[return-value]

    def chosen(self, services: Iterable[Service], namespace: str) -> dict[str, Service]:
        """One for each host of the services that a Sidecar imports."""
        is_unified = self.version.has(Since.OWN_NAMESPACE_FIRST)
        return one_each(services, namespace, Preference.OWN_FIRST if is_unified else Preference.OWN_ONLY)

    def offered(self, namespace: str) -> Iterator[Service]:
        """All services that are exported to a namespace."""
        return (
            service
            for service in self.services
            if service.resolution is not Resolution.ALIAS and service.audience.includes(namespace)
        )

    def candidates(self, namespace: str) -> tuple[Listed, ...]:
        """The VirtualServices a namespace sees, in the order in which they count."""
        key = ("candidates", namespace)
        found = self.derived.get(key)
        if found is None:
            found = self.derived[key] = in_order(self.virtual_services, namespace)
        return found  # type: ignore[return-value]

    @cached_property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        """ExternalName services, by the service that they stand for in the end (resolveServiceAliases)."""
        known = {each.host: each.alias_of for each in self.services if each.resolution is Resolution.ALIAS}
        found: dict[str, list[str]] = defaultdict(list)
        for name, first in known.items():
            seen, target = {name}, first
            while target in known and target not in seen:
                seen.add(target)
                target = known[target]
            if target and target not in seen:
                found[target].append(name)
        return {host: tuple(names) for host, names in found.items()}

    def addresses_of(self, name: str, namespace: str) -> tuple[str, ...]:
        """What a client of a namespace is told by DNS; () for a name that does not exist."""
        key = ("addresses", name, namespace)
        found = self.derived.get(key)
        if found is None:
            found = self.derived[key] = self._looked_up(name, namespace)
        return found  # type: ignore[return-value]

    def pods_at(self, address: str, port: int) -> tuple[Pod, ...]:
        """Those that a connection to a port may come to: of a Service, those that kube-proxy draws from."""
        pod = self.pods.by_address.get(address)
        if pod is not None:
            return (pod,)
        service = self.by_address.get(address)
        members = service.endpoints.get(port, ()) if service else ()
        return tuple(each.pod for each in members if each.pod)

    def _looked_up(self, name: str, namespace: str) -> tuple[str, ...]:
        if is_address(name):
            return (name,)
        plain = name.lower().removesuffix(".")
        domain = self.mesh.domain
        for candidate in (plain, f"{plain}.{namespace}.svc.{domain}", f"{plain}.svc.{domain}", f"{plain}.{domain}"):
            service = self.by_host.get(candidate)
            if service is not None:
                return self._addresses(service)
        if self.mesh.dns_capture:
            captured = self.visible(namespace).get(plain)
            if captured is not None and captured.addresses:
                return captured.addresses
        return resolve(plain, self.mesh)

    def _addresses(self, service: Service) -> tuple[str, ...]:
        """Of a Service, or of what an ExternalName stands for: to DNS a whole name. () for a circle of them."""
        passed = set()
        while service.alias_of:
            target = service.alias_of.removesuffix(".")
            if target in passed:
                return ()
            passed.add(target)
            known = self.by_host.get(target)
            if known is None:
                return resolve(target, self.mesh)
            service = known
        if service.addresses:
            return service.addresses
        found = {each.address: None for members in service.endpoints.values() for each in members}
        return tuple(found)


def build(
    objects: Iterable[AnyObject],
    *,
    services: Iterable[KubernetesService] = (),
    pods: Iterable[Pod] = (),
    secrets: Iterable[Secret] = (),
    mesh: MeshConfig | None = None,
    version: Version | None = None,
) -> World:
    """A world of objects that admission lets pass (section 26.1)."""
    mesh = mesh or MeshConfig()
    version = version or Version()
    kinds: dict[type, list[AnyObject]] = defaultdict(list)
    for each in objects:
        kinds[type(each)].append(each)
    known = Pods(pods)
    kubernetes = tuple(services)
    found = [*of_kubernetes(kubernetes, known, mesh, version)]
    by_host = {each.host: each for each in found}

    def lookup(name: str) -> tuple[str, ...]:
        if is_address(name):
            return (name,)
        service = by_host.get(name.lower().removesuffix("."))
        return service.addresses if service else resolve(name, mesh)

    entries, workloads = _ordered(kinds, ServiceEntry), _ordered(kinds, WorkloadEntry)
    made = of_entries(entries, workloads, known, mesh, version, lookup)
    everything = [*found, *sharing_endpoints(made)]
    return World(
        mesh=mesh,
        version=version,
        pods=known,
        kubernetes=kubernetes,
        services=tuple(everything),
        virtual_services=listed(_ordered(kinds, VirtualService), mesh, version),
        destination_rules=DestinationRules(_ordered(kinds, DestinationRule), mesh, version),
        gateways=_ordered(kinds, Gateway),
        sidecars=_ordered(kinds, Sidecar),
        peer_authentications=_ordered(kinds, PeerAuthentication),
        request_authentications=_ordered(kinds, RequestAuthentication),
        authorization_policies=_ordered(kinds, AuthorizationPolicy),
        secrets={(each.metadata.namespace, each.metadata.name): each for each in secrets},
        by_address={address: each for each in found for address in each.addresses},
        by_host=by_host,
    )


def _ordered(kinds: Mapping[type, list[AnyObject]], kind: type[_Kind]) -> list[_Kind]:
    """Oldest first."""
    found: list[_Kind] = kinds.get(kind, [])  # type: ignore[assignment]
    return sorted(found, key=lambda each: each.metadata.seniority)
