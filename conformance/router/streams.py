"""Where a connection goes that no proxy reads as HTTP: tls and tcp rules (specification, section 18)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from conformance.router.gateways import Bound
from conformance.router.listeners import Listener, Speech
from conformance.router.names import MESH, covers, overlap
from conformance.router.objects.metadata import Reference
from conformance.router.objects.virtual_service import Destination, L4MatchAttributes, TLSMatchAttributes
from conformance.router.proxies import Proxy
from conformance.router.registry import Service, has_labels
from conformance.router.routes import ClusterKey
from conformance.router.virtual_services import Listed, StreamRule

Match = TLSMatchAttributes | L4MatchAttributes


@dataclass(frozen=True, slots=True)
class Chain:
    """A filter chain: the members of a split, and who made it."""

    members: tuple[tuple[ClusterKey, Fraction], ...]
    by: Reference | None
    field: str


def at_sidecar(proxy: Proxy, listener: Listener, address: str, sni: str | None) -> Chain | None:
    """The chain of a listener for a destination address and a handshake; None if none fits."""
    egress = proxy.scope.egress(listener.port)
    candidates = egress.virtual_services if egress else ()
    chains: list[tuple[bool, int, Chain]] = []
    for service in listener.services:
        bound = [each for each in candidates if any(overlap(host, service.host) for host in each.hosts)]
        if listener.speech is Speech.TLS:
            chains += _tls_chains(proxy, listener, service, bound, address, sni)
        else:
            found = _tcp_chain(proxy, listener, service, bound, address)
            chains.append((False, 0, found))
    # Envoy looks at the destination's address first, then at the longest name.
    return max(chains, key=lambda each: each[:2])[2] if chains else None


def _tls_chains(
    proxy: Proxy, listener: Listener, service: Service, bound: Sequence[Listed], address: str, sni: str | None
) -> Iterator[tuple[bool, int, Chain]]:
    own = listener.service is service
    has_rule = False
    for each in bound:
        for rule, match in _applicable(each.tls, proxy, listener.port, frozenset({MESH})):
            assert isinstance(match, TLSMatchAttributes), "tls rules have matches"
            has_rule = True
            rank = sni_rank(match.sni_hosts, sni)
            if rank is not None and _in_subnets(address, match.destination_subnets):
                yield bool(match.destination_subnets) or own, rank, _chain(rule, _port_of(proxy, listener.port))
    if has_rule:
        return
    default = Chain(((ClusterKey(service.host, listener.port), Fraction(1)),), service.reference, "")
    if own:
        yield True, 0, default
        return
    rank = sni_rank((service.host,), sni)
    if rank is not None:
        yield False, rank, default


def _tcp_chain(proxy: Proxy, listener: Listener, service: Service, bound: Sequence[Listed], address: str) -> Chain:
    for each in bound:
        for rule, match in _applicable(each.tcp, proxy, listener.port, frozenset({MESH})):
            if _in_subnets(address, match.destination_subnets):
                return _chain(rule, _port_of(proxy, listener.port))
    return Chain(((ClusterKey(service.host, listener.port), Fraction(1)),), service.reference, "")


def at_gateway(proxy: Proxy, bound: Bound, sni: str | None) -> Chain | None:
    """TLS that passes through is chosen by name among all VirtualServices, TCP by the first that fits."""
    best: tuple[int, Chain] | None = None
    for each in proxy.world.candidates(proxy.namespace):
        if bound.name not in each.gateways:
            continue
        hosts = tuple(bound.names_for(each.namespace))
        if not any(overlap(one, other) for one in hosts for other in each.hosts):
            continue

        def port_of(destination: Destination, each: Listed = each) -> int:
            return proxy.port_at_gateway(each, destination, bound.number)

        names = frozenset({bound.name})
        if not (bound.server.tls and bound.passes_through):
            for rule, _ in _applicable(each.tcp, proxy, bound.number, names):
                return _chain(rule, port_of)
            continue
        for rule, match in _applicable(each.tls, proxy, bound.number, names):
            assert isinstance(match, TLSMatchAttributes), "tls rules have matches"
            served = [host for host in match.sni_hosts if any(covers(own, host) for own in hosts)]
            rank = sni_rank(served, sni)
            if rank is not None and (best is None or rank > best[0]):
                best = (rank, _chain(rule, port_of))
    return best[1] if best else None


def sni_rank(hosts: Iterable[str], sni: str | None) -> int | None:
    """How well the best of some names fits a handshake; None if none does."""
    wanted = (sni or "").lower()
    ranks = [len(host) + (0 if host.startswith("*") else 1000) for host in hosts if wanted and covers(host, wanted)]
    ranks += [0 for host in hosts if host == "*"]
    return max(ranks, default=None)


def _applicable(
    rules: Iterable[StreamRule], proxy: Proxy, port: int, names: frozenset[str]
) -> Iterator[tuple[StreamRule, Match]]:
    """Unlike for HTTP, gateways and source are all looked at (matchTLS, matchTCP)."""
    for rule in rules:
        for match in rule.match:
            if (
                (not match.port or match.port == port)
                and (not match.gateways or not names.isdisjoint(match.gateways))
                and has_labels(proxy.labels, match.source_labels)
                and (not match.source_namespace or match.source_namespace == proxy.namespace)
            ):
                yield rule, match


def _in_subnets(address: str, subnets: Sequence[str]) -> bool:
    return not subnets or any(
        ipaddress.ip_address(address) in ipaddress.ip_network(subnet, strict=False) for subnet in subnets
    )


def _port_of(proxy: Proxy, port: int) -> Callable[[Destination], int]:
    def port_of(destination: Destination) -> int:
        service = proxy.services.get(destination.host)
        return next(iter(service.ports)) if service and len(service.ports) == 1 else port

    return port_of


def _chain(rule: StreamRule, port_of: Callable[[Destination], int]) -> Chain:
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
