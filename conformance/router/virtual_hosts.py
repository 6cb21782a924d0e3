"""A sidecar's route tables: which virtual host each name leads to (specification, sections 8 and 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from conformance.router.names import covers, is_wildcard, overlap, short_forms
from conformance.router.objects.metadata import Reference
from conformance.router.registry import Protocol, Service, Services
from conformance.router.routes import ClusterKey, Route, RouteTable, VirtualHost, table
from conformance.router.scopes import Egress
from conformance.router.versions import Since, Version
from conformance.router.virtual_services import Binding, Listed, default_route, has_routes, routes

_GENERAL_PORT = 80
"""Where hosts that no registry knows are served too: a special case wired into route.go."""

_ROUTED = (Protocol.HTTP, Protocol.SNIFFED)


@dataclass(frozen=True, slots=True)
class _Draft:
    """Routes on their way to the hosts of one VirtualService, or of one service without any."""

    compile: Callable[[], tuple[Route, ...]]
    services: tuple[Service, ...]
    hosts: tuple[str, ...]
    by: Reference
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How names are spelled in one client's tables."""

    namespace: str
    domain: str
    version: Version


def route_table(egress: Egress, binding: Binding, naming: Naming) -> RouteTable:
    """Of the listener 0.0.0.0:port; without its catch-all, which is the outbound policy's."""
    services = {host: each for host, each in egress.services.items() if binding.port in each.ports}
    drafts = _drafts(services, egress.virtual_services, binding)
    refused = next((draft.refused for draft in drafts if draft.refused), "")
    domains = _domains(drafts, services, binding.port, egress.aliases, naming)
    return table(domains, refused)


def sniffed_table(service: Service, egress: Egress, binding: Binding) -> RouteTable:
    """Of a listener that belongs to one service: every host is that service.

    Empty if another part of the Sidecar opened the listener than the one that has the port's table.
    """
    if service.host not in egress.services:
        return table({})
    only = {service.host: service}
    found = [draft for draft in _drafts(only, egress.virtual_services, binding) if draft.services]
    draft = found[0]
    return table({"*": VirtualHost(f"{service.host}:{binding.port}", draft.compile, draft.by)}, draft.refused)


def _drafts(services: Services, candidates: Sequence[Listed], binding: Binding) -> list[_Draft]:
    index = _Owners(candidates, by_specificity=binding.version.has(Since.MOST_SPECIFIC_WILDCARD))
    routed = {host: each for host, each in services.items() if each.ports[binding.port] in _ROUTED}
    taken: set[str] = set()
    drafts = []
    for each in candidates:
        own, others = _split(each, services, index)
        own_routed = tuple(service for service in own if service.host in routed)
        if not own_routed and binding.port != _GENERAL_PORT:
            continue
        if has_routes(each, binding):
            drafts.append(
                _Draft(partial(routes, each, binding), own_routed, others, each.object.reference, each.refused)
            )
            taken.update(service.host for service in own_routed)
    for host, service in routed.items():
        if host not in taken:
            make = partial(_default, ClusterKey(host, binding.port), service.reference, binding.version)
            drafts.append(_Draft(make, (service,), (), service.reference))
    return drafts


def _default(cluster: ClusterKey, by: Reference, version: Version) -> tuple[Route, ...]:
    return (default_route(cluster, cluster.port, by, version),)


class _Owners:
    """For each service host, the VirtualService that is most specific about it; the first of equals.

    Before specificity counted, all of them came in their order, and the first one's virtual host stood.
    """

    def __init__(self, candidates: Iterable[Listed], *, by_specificity: bool) -> None:
        self._by_specificity = by_specificity
        self._exact: dict[str, Listed] = {}
        self._wild: dict[str, Listed] = {}
        for each in candidates:
            for host in each.hosts:
                (self._wild if is_wildcard(host) else self._exact).setdefault(host, each)

    def owns(self, each: Listed, host: str) -> bool:
        """Whether a VirtualService may have a service by one of its wildcards."""
        if not self._by_specificity:
            return True
        if host in self._exact:
            return self._exact[host] is each
        fitting = [pattern for pattern in self._wild if covers(pattern, host)]
        return bool(fitting) and self._wild[max(fitting, key=len)] is each


def _split(each: Listed, services: Services, index: _Owners) -> tuple[list[Service], tuple[str, ...]]:
    """The services that a VirtualService's hosts name here, and the hosts that are none."""
    exact = [host for host in each.hosts if not is_wildcard(host)]
    found = [services[host] for host in exact if host in services]
    others = [host for host in exact if host not in services]
    for pattern in each.hosts:
        if not is_wildcard(pattern):
            continue
        touched = [service for name, service in services.items() if overlap(pattern, name)]
        found += [service for service in touched if index.owns(each, service.host)]
        if not touched:
            others.append(pattern)
    return found, tuple(others)


def _domains(
    drafts: Iterable[_Draft], services: Services, port: int, aliases: Mapping[str, tuple[str, ...]], naming: Naming
) -> dict[str, VirtualHost]:
    """Each name once, for the first that claims it; a short form never displaces a real host."""
    domains: dict[str, VirtualHost] = {}
    for draft in drafts:
        for host in (*draft.hosts, *(service.host for service in draft.services)):
            made = VirtualHost(f"{host}:{port}", draft.compile, draft.by)
            for domain, is_expanded in _spellings(host, services.get(host), aliases.get(host, ()), naming):
                if not (is_expanded and domain in services):
                    domains.setdefault(domain, made)
    return domains


def _spellings(
    host: str, service: Service | None, aliases: tuple[str, ...], naming: Naming
) -> Iterator[tuple[str, bool]]:
    """The names of a virtual host, and which of them are short forms (generateVirtualHostDomains)."""
    if service is None:
        yield host, False
        return
    for name in (host, *aliases):
        spelled = [(name, False), *((form, True) for form in short_forms(name, naming.namespace, naming.domain))]
        if naming.version.has(Since.TRAILING_DOT):
            spelled.insert(1, (f"{name}.", False))
        for domain, is_expanded in spelled:
            yield domain, is_expanded
            if service.is_headless:
                yield f"*.{domain}", is_expanded
    for address in service.addresses:
        yield address, False
