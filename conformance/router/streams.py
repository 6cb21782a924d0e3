"""Where a connection goes that no proxy reads as HTTP: tls and tcp rules (specification, section 18)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from conformance.router.listeners import Listener, Speech
from conformance.router.names import MESH, covers, is_wildcard, overlap
from conformance.router.objects.metadata import Reference
from conformance.router.objects.virtual_service import Destination, L4MatchAttributes, TLSMatchAttributes
from conformance.router.proxies import Proxy
from conformance.router.registry import Service, has_labels
from conformance.router.routes import ClusterKey
from conformance.router.virtual_services import Listed, StreamRule

Match = TLSMatchAttributes | L4MatchAttributes


_EXACT = 1000
"""More than any wildcard has letters."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A filter chain: the members of a split, and who made it."""

    members: tuple[tuple[ClusterKey, Fraction], ...]
    by: Reference | None
    field: str
    carries_mesh_tls: bool = False
    """By AUTO_PASSTHROUGH: the mutual TLS of the mesh goes on to the workload as it is."""


def at_sidecar(proxy: Proxy, listener: Listener, address: str, sni: str | None) -> Chain | None:
    """The chain of a listener for a destination address and a handshake; None if none fits."""
    chains: list[_Matched] = []
    for service in listener.services:
        bound = [each for each in listener.rules if any(overlap(host, service.host) for host in each.hosts)]
        found = _tls_chains if listener.speech is Speech.TLS else _tcp_chains
        chains += [each for each in found(proxy, listener, service, bound, sni) if _prefix(address, each) is not None]
    # Envoy looks at the longest prefix of the address first, and only among its chains for the longest name.
    nearest = max((_prefix(address, each) or 0 for each in chains), default=0)
    named = [each for each in chains if _prefix(address, each) == nearest and each.rank is not None]
    return max(named, key=lambda each: each.rank or 0).chain if named else None


@dataclass(frozen=True, slots=True)
class _Matched:
    """A chain with the subnets it is for (none: any), and how well it fits the name; None if it does not."""

    subnets: tuple[str, ...]
    rank: int | None
    chain: Chain


def _tls_chains(
    proxy: Proxy, listener: Listener, service: Service, bound: Sequence[Listed], sni: str | None
) -> Iterator[_Matched]:
    has_rule = False
    for each in bound:
        for rule, match in _applicable(each.tls, proxy, listener.port):
            assert isinstance(match, TLSMatchAttributes), "tls rules have matches"
            has_rule = True
            yield _Matched(match.destination_subnets, sni_rank(match.sni_hosts, sni), _of(rule, proxy, listener.port))
    if not has_rule:
        # With an address of its own the listener is the service's; without, only the name can tell.
        yield _Matched(
            (), 0 if listener.service is service else sni_rank((service.host,), sni), _own(service, listener)
        )


def _tcp_chains(
    proxy: Proxy, listener: Listener, service: Service, bound: Sequence[Listed], _: str | None
) -> Iterator[_Matched]:
    """The first rule that is for every address ends the list."""
    for each in bound:
        for rule, match in _applicable(each.tcp, proxy, listener.port):
            yield _Matched(match.destination_subnets, 0, _of(rule, proxy, listener.port))
            if not match.destination_subnets:
                return
    yield _Matched((), 0, _own(service, listener))


def _own(service: Service, listener: Listener) -> Chain:
    """To the service that nobody makes rules for."""
    return Chain(((ClusterKey(service.host, listener.port), Fraction(1)),), service.reference, "")


def _prefix(address: str, matched: _Matched) -> int | None:
    """The length of the longest subnet with an address; 0 where any address will do, None where none fits."""
    if not matched.subnets:
        return 0
    networks = [ipaddress.ip_network(subnet, strict=False) for subnet in matched.subnets]
    here = ipaddress.ip_address(address)
    return max((network.prefixlen for network in networks if here in network), default=None)


def sni_rank(hosts: Sequence[str], sni: str | None) -> int | None:
    """How well the best of some names fits a handshake; None if none does. With `*` among them they match all alike."""
    if "*" in hosts:
        return 0
    wanted = (sni or "").lower()
    ranks = [len(host) + (0 if is_wildcard(host) else _EXACT) for host in hosts if wanted and covers(host, wanted)]
    return max(ranks, default=None)


def _applicable(rules: Iterable[StreamRule], proxy: Proxy, port: int) -> Iterator[tuple[StreamRule, Match]]:
    """At a sidecar; unlike for HTTP, gateways and source are all looked at (matchTLS, matchTCP)."""
    for rule in rules:
        for match in rule.match:
            if (
                is_bound(match, port, MESH)
                and has_labels(proxy.labels, match.source_labels)
                and (not match.source_namespace or match.source_namespace == proxy.namespace)
            ):
                yield rule, match


def is_bound(match: Match, port: int, gateway: str) -> bool:
    """Whether a match is for a port and a gateway, or for any."""
    return (not match.port or match.port == port) and (not match.gateways or gateway in match.gateways)


def _of(rule: StreamRule, proxy: Proxy, port: int) -> Chain:
    def port_of(destination: Destination) -> int:
        service = proxy.services.get(destination.host)
        return next(iter(service.ports)) if service and len(service.ports) == 1 else port

    return chain_of(rule, port_of)


def chain_of(rule: StreamRule, port_of: Callable[[Destination], int]) -> Chain:
    """The members of a split; one alone has everything whatever its weight says (section 14)."""
    weighed = [(each.destination, each.weight or 0) for each in rule.route]
    if len(weighed) == 1:
        weighed = [(weighed[0][0], 1)]
    total = sum(weight for _, weight in weighed)
    members = tuple(
        (
            ClusterKey(
                destination.host,
                (destination.port.number if destination.port else None) or port_of(destination),
                destination.subset or "",
            ),
            Fraction(weight, total),
        )
        for destination, weight in weighed
        if weight
    )
    return Chain(members, rule.by, rule.field)
