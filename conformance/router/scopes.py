"""What a proxy knows of the mesh: the Sidecar that applies to it, and what that imports (specification, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property

from conformance.router.mesh_config import REGISTRY_ONLY
from conformance.router.names import covers, overlap
from conformance.router.namesakes import adds_up, joined
from conformance.router.objects.metadata import Reference
from conformance.router.objects.sidecar import EgressListener, Sidecar
from conformance.router.objects.virtual_service import Destination
from conformance.router.registry import Protocol, Service, Services, has_labels, stated_protocol
from conformance.router.versions import Since
from conformance.router.virtual_services import Listed
from conformance.router.world import World


@dataclass(frozen=True, eq=False)
class Egress:
    """One outbound part of a proxy's view. `port` is None for the part that serves all other ports."""

    port: int | None
    services: Services
    virtual_services: tuple[Listed, ...]
    targets: tuple[Service, ...] = ()
    """Where the VirtualServices lead, imported or not: clusters, but neither listeners nor hosts."""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Hosts of the imported ExternalName services, by the host they stand for."""
    protocol: Protocol | None = None
    """Of the part's own port; each service's own where it is None."""
    bind: str | None = None
    """The only address it listens on."""
    undefined: str = ""
    """Why the router does not say what happens here; empty if it does."""


@dataclass(frozen=True, eq=False)
class Scope:
    """A namespace's or a workload's view of the mesh."""

    egresses: tuple[Egress, ...]
    mode: str
    """ALLOW_ANY or REGISTRY_ONLY."""
    egress_proxy: Destination | None = None
    """Where unknown traffic goes under ALLOW_ANY; its host is taken literally."""
    by: Reference | None = None
    """The Sidecar; None without one."""

    @cached_property
    def services(self) -> Services:
        """Of all parts: those whose clusters the proxy has (appendSidecarServices)."""
        if len(self.egresses) == 1 and not self.egresses[0].targets:
            return self.egresses[0].services
        found: dict[str, Service] = {}
        for egress in self.egresses:
            for service in (*egress.services.values(), *egress.targets):
                known = found.setdefault(service.host, service)
                if known is not service and adds_up(known, service):
                    found[service.host] = joined(known, service)
        return found

    def egress(self, port: int) -> Egress:
        """The part whose route table a port has: its own, else the one for all others (GetEgressListenerForRDS).

        Without either the port has no listener, and nobody asks.
        """
        return self.parts(port)[0]

    def parts(self, port: int) -> Sequence[Egress]:
        """Those that open listeners on a port, the earlier first."""
        exact = [each for each in self.egresses if each.port == port]
        return [*exact, *(each for each in self.egresses if each.port is None)]


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


def scope_of(world: World, namespace: str, sidecar: Sidecar | None) -> Scope:
    """What a Sidecar, if there is one, makes of all that is exported to the namespace."""
    bound = tuple(each for each in world.candidates(namespace) if each.is_for_mesh)
    policy = sidecar.spec.outbound_traffic_policy if sidecar else None
    # In a policy that is there, the mode that is not is the first of the enumeration.
    mode = world.mesh.outbound_traffic_policy if policy is None else policy.mode or REGISTRY_ONLY
    proxy = policy.egress_proxy if policy else None
    by = sidecar.reference if sidecar else None
    if sidecar is None:
        egresses: tuple[Egress, ...] = (Egress(None, world.visible(namespace), bound, aliases=world.aliases),)
    else:
        parts = sidecar.spec.egress or (EgressListener(hosts=("*/*",)),)
        egresses = tuple(_egress(world, listener, namespace, bound) for listener in parts)
    return Scope(egresses, mode, proxy, by)


@dataclass(frozen=True, slots=True)
class _Import:
    """One `hosts` entry: namespace (or `*`) and host."""

    namespace: str
    host: str

    def takes_from(self, namespace: str) -> bool:
        return self.namespace in ("*", namespace)

    def takes(self, namespace: str, host: str) -> bool:
        return self.takes_from(namespace) and covers(self.host, host)


@dataclass(frozen=True, slots=True)
class _Imports:
    """The `hosts` of an egress listener; what `~` excludes beats what is wanted, in any order."""

    wanted: tuple[_Import, ...]
    unwanted: tuple[_Import, ...]

    def take(self, namespace: str, host: str) -> bool:
        wanted = any(each.takes(namespace, host) for each in self.wanted)
        return wanted and not any(each.takes(namespace, host) for each in self.unwanted)

    def take_rules(self, each: Listed) -> bool:
        """One host that overlaps is enough to import all of a VirtualService."""
        wanted = any(
            entry.takes_from(each.namespace) and any(overlap(entry.host, host) for host in each.hosts)
            for entry in self.wanted
        )
        return wanted and not any(
            all(entry.takes(each.namespace, host) for host in each.hosts) for entry in self.unwanted
        )


def _imports(listener: EgressListener, namespace: str, *, knows_exclusion: bool) -> _Imports:
    """`.` is the client's namespace, also in a default of the root namespace."""
    wanted: list[_Import] = []
    unwanted: list[_Import] = []
    for entry in listener.hosts:
        place, _, host = entry.lower().partition("/")
        if knows_exclusion and place.startswith("~"):
            unwanted.append(_Import(place.removeprefix("~") or "*", host))
        else:
            wanted.append(_Import(namespace if place == "." else place, host))
    return _Imports(tuple(wanted), tuple(unwanted))


_ANY_PORT = 0
_LOOPBACK = "127.0.0.1"


def _egress(world: World, listener: EgressListener, namespace: str, bound: Sequence[Listed]) -> Egress:
    imports = _imports(listener, namespace, knows_exclusion=world.version.has(Since.SIDECAR_EXCLUSION))
    port = listener.port.number if listener.port else None
    is_proxy = listener.port is not None and listener.port.protocol == "HTTP_PROXY"
    chosen = tuple(filter(imports.take_rules, bound))
    taken = (each for each in world.offered(namespace) if imports.take(each.namespace, each.host))
    trimmed = (_at_ports(each, {port or _ANY_PORT}) for each in taken)
    services = world.chosen((each for each in trimmed if each), namespace)
    aliases = {
        host: tuple(name for name in names if host in services and imports.take(services[host].namespace, name))
        for host, names in world.aliases.items()
    }
    return Egress(
        port=port,
        services=services,
        virtual_services=chosen,
        targets=tuple(_targets(chosen, world.visible(namespace), port)),
        aliases=aliases,
        protocol=stated_protocol(listener.port.protocol) if listener.port else None,
        bind=listener.bind or (_LOOPBACK if listener.capture_mode == "NONE" else None),
        undefined="an HTTP_PROXY port of a Sidecar is not modelled" if is_proxy else "",
    )


def _at_ports(service: Service, ports: AbstractSet[int]) -> Service | None:
    """The service with those ports only; None if it has none of them (serviceMatchingVirtualServicePorts)."""
    if _ANY_PORT in ports or service.ports.keys() <= ports:
        return service
    kept = {number: port for number, port in service.ports.items() if number in ports}
    return replace(service, ports=kept) if kept else None


def _targets(chosen: Iterable[Listed], visible: Services, port: int | None) -> Iterator[Service]:
    """The services that VirtualServices lead to, with the ports that they, or the part of the Sidecar, name."""
    for each in chosen:
        ports: dict[str, set[int]] = {}
        for destination in _destinations(each):
            number = (destination.port.number if destination.port else None) or _ANY_PORT
            ports.setdefault(destination.host, set()).add(port or number)
        for host, numbers in ports.items():
            trimmed = _at_ports(visible[host], numbers) if host in visible else None
            if trimmed:
                yield trimmed


def _destinations(each: Listed) -> Iterator[Destination]:
    for rule in each.rules:
        yield from (target.destination for target in rule.route.route)
        yield from (policy.destination for policy in rule.route.mirrors if policy.destination)
        if rule.route.mirror:
            yield rule.route.mirror
    for stream in (*each.tls, *each.tcp):
        yield from (target.destination for target in stream.route)
