"""What a proxy knows of the mesh: the Sidecar that applies to it, and what that imports (specification, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from conformance.router.mesh_config import MeshConfig
from conformance.router.names import completed, covers, overlap
from conformance.router.objects.metadata import Reference
from conformance.router.objects.sidecar import EgressListener, Sidecar
from conformance.router.objects.virtual_service import Destination
from conformance.router.registry import Service, has_labels
from conformance.router.virtual_services import Listed

Services = Mapping[str, Service]


@dataclass(frozen=True, eq=False)
class Egress:
    """One outbound part of a proxy's view. `port` is None for the part that serves all other ports."""

    port: int | None
    services: Services
    virtual_services: tuple[Listed, ...]
    field: str = ""


@dataclass(frozen=True, eq=False)
class Scope:
    """A namespace's or a workload's view of the mesh."""

    namespace: str
    egresses: tuple[Egress, ...]
    mode: str
    """ALLOW_ANY or REGISTRY_ONLY."""
    egress_proxy: Destination | None = None
    by: Reference | None = None
    """The Sidecar; None without one."""

    @cached_property
    def services(self) -> Services:
        """Of all parts: those whose clusters the proxy has."""
        found: dict[str, Service] = {}
        for egress in self.egresses:
            for host, service in egress.services.items():
                known = found.get(host)
                if known is None or len(service.ports) > len(known.ports):
                    found[host] = service
        return found

    def egress(self, port: int) -> Egress | None:
        """The part for a port, else the one for all others."""
        exact = (each for each in self.egresses if each.port == port)
        general = (each for each in self.egresses if each.port is None)
        return next(exact, None) or next(general, None)


def sidecar_of(
    sidecars: Sequence[Sidecar], namespace: str, labels: Mapping[str, str], root_namespace: str
) -> Sidecar | None:
    """Exactly one: with a fitting selector, of the namespace, of the root namespace; the oldest of each kind."""
    own = [each for each in sidecars if each.metadata.namespace == namespace]
    for each in own:
        selector = each.spec.workload_selector
        if selector is not None and selector.labels and has_labels(labels, selector.labels):
            return each
    general = [each for each in own if _is_general(each)]
    general += [each for each in sidecars if each.metadata.namespace == root_namespace and _is_general(each)]
    return general[0] if general else None


def _is_general(sidecar: Sidecar) -> bool:
    selector = sidecar.spec.workload_selector
    return selector is None or not selector.labels


def scope_of(
    namespace: str, sidecar: Sidecar | None, services: Services, candidates: Sequence[Listed], mesh: MeshConfig
) -> Scope:
    """`services` and `candidates` are those visible to the namespace, the latter in their order."""
    bound = tuple(each for each in candidates if each.is_for_mesh)
    policy = sidecar.spec.outbound_traffic_policy if sidecar else None
    mode = policy.mode if policy and policy.mode else mesh.outbound_traffic_policy
    proxy = policy.egress_proxy if policy else None
    if proxy:
        proxy = replace(proxy, host=completed(proxy.host, namespace, mesh.domain))
    if sidecar is None or not sidecar.spec.egress:
        everything = Egress(None, services, bound)
        return Scope(namespace, (everything,), mode, proxy, sidecar.reference if sidecar else None)
    egresses = tuple(
        _egress(listener, f"spec.egress[{index}]", namespace, services, bound)
        for index, listener in enumerate(sidecar.spec.egress)
    )
    return Scope(namespace, egresses, mode, proxy, sidecar.reference)


@dataclass(frozen=True, slots=True)
class _Import:
    """One `hosts` entry: namespace (or `*`) and host."""

    namespace: str
    host: str

    def takes_from(self, namespace: str) -> bool:
        return self.namespace in ("*", namespace)

    def takes(self, service: Service) -> bool:
        return self.takes_from(service.namespace) and covers(self.host, service.host)


def _imports(listener: EgressListener, namespace: str) -> tuple[list[_Import], list[_Import]]:
    """What is wanted, and what `~` excludes; `.` is the client's namespace also for a default of the root."""
    wanted: list[_Import] = []
    unwanted: list[_Import] = []
    for entry in listener.hosts:
        place, _, host = entry.lower().partition("/")
        excluded = place.startswith("~")
        place = place.removeprefix("~")
        if excluded and not place:
            place = "*"
        made = _Import(namespace if place == "." else place, host)
        (unwanted if excluded else wanted).append(made)
    return wanted, unwanted


def _egress(
    listener: EgressListener, field: str, namespace: str, services: Services, bound: Sequence[Listed]
) -> Egress:
    wanted, unwanted = _imports(listener, namespace)
    port = listener.port.number if listener.port else None
    chosen = tuple(each for each in bound if _imported(each, wanted) and not _excluded(each, unwanted))
    found: dict[str, Service] = {}
    for host, service in services.items():
        takes = any(each.takes(service) for each in wanted) and not any(each.takes(service) for each in unwanted)
        trimmed = _at_port(service, port) if takes else None
        if trimmed:
            found[host] = trimmed
    for destination in _destinations(chosen):
        target = services.get(destination.host)
        if target is not None and destination.host not in found:
            number = destination.port.number if destination.port else None
            found[destination.host] = _at_port(target, number) or target
    return Egress(port, found, chosen, field)


def _at_port(service: Service, port: int | None) -> Service | None:
    if port is None or (len(service.ports) == 1 and port in service.ports):
        return service
    return replace(service, ports={port: service.ports[port]}) if port in service.ports else None


def _imported(each: Listed, wanted: Iterable[_Import]) -> bool:
    return any(
        entry.takes_from(each.namespace) and any(overlap(entry.host, host) for host in each.hosts) for entry in wanted
    )


def _excluded(each: Listed, unwanted: Iterable[_Import]) -> bool:
    return any(
        entry.takes_from(each.namespace) and all(covers(entry.host, host) for host in each.hosts) for entry in unwanted
    )


def _destinations(chosen: Iterable[Listed]) -> Iterator[Destination]:
    for each in chosen:
        for rule in each.rules:
            yield from (target.destination for target in rule.route.route)
            yield from (policy.destination for policy in rule.route.mirrors if policy.destination)
            if rule.route.mirror:
                yield rule.route.mirror
        for stream in (*each.tls, *each.tcp):
            yield from (target.destination for target in stream.route)
