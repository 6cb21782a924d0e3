"""The filter chains of a gateway's TLS and TCP listeners: for which names, and where the bytes go (section 18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from conformance.router.clusters import Missing
from conformance.router.gateways import AUTO_PASSTHROUGH, Bound, Listener
from conformance.router.names import covers, overlap
from conformance.router.objects.virtual_service import Destination, TLSMatchAttributes
from conformance.router.proxies import Proxy
from conformance.router.registry import Service
from conformance.router.routes import ClusterKey
from conformance.router.streams import Chain, chain_of, is_bound, sni_rank
from conformance.router.virtual_services import Listed, StreamRule

_ANY = ("*",)


@dataclass(frozen=True, slots=True)
class Offer:
    """One filter chain."""

    names: tuple[str, ...]
    """Of the handshake; `*` matches all, and bytes that are no TLS too."""
    bound: Bound
    chain: Chain | None
    """None: terminated here, and read as HTTP."""


@dataclass(frozen=True, slots=True)
class Offers:
    """All filter chains of a listener; without any there is no listener."""

    all: tuple[Offer, ...]
    refused: str
    """Why Envoy refuses the listener; empty if it does not."""

    def find(self, sni: str | None, *, speaks_mesh: bool) -> Offer | None:
        """By the name in the handshake: exact, the longest wildcard, `*`."""
        fitting = (
            (rank, offer)
            for offer in self.all
            if speaks_mesh or offer.bound.mode != AUTO_PASSTHROUGH
            if (rank := sni_rank(offer.names, sni)) is not None
        )
        best = max(fitting, key=lambda pair: pair[0], default=None)
        return best[1] if best else None


def offers(proxy: Proxy, listener: Listener) -> Offers:
    """Made when the first connection comes, and kept."""
    key = ("filter chains", proxy, listener.port)
    found = proxy.world.derived.get(key)
    if found is None:
        made = tuple(_offers(proxy, listener))
        found = proxy.world.derived[key] = Offers(made, _conflict(made))
    assert isinstance(found, Offers)
    return found


def _conflict(made: Sequence[Offer]) -> str:
    """Two chains for one name, which spellings such as `ns/host` hide from Istio (istio#24638)."""
    counted = Counter(name for each in made for name in (_ANY if "*" in each.names else set(each.names)))
    twice = next((name for name, times in counted.items() if times > 1), None)
    return f"Envoy refuses a listener with two filter chains for {twice}" if twice else ""


def _offers(proxy: Proxy, listener: Listener) -> Iterator[Offer]:
    taken: set[str] = set()
    for bound in listener.servers:
        if bound.speaks_http_inside:
            yield Offer(bound.sni_hosts, bound, None)
        elif bound.server.tls is None or not bound.passes_through:
            chain = next(_tcp_chains(proxy, bound), None)
            if chain:
                yield Offer(bound.sni_hosts if bound.server.tls else _ANY, bound, chain)
        elif bound.mode == AUTO_PASSTHROUGH:
            yield from _by_cluster(proxy, bound)
        else:
            yield from _by_rule(proxy, bound, taken)


def _candidates(proxy: Proxy, bound: Bound) -> Iterator[Listed]:
    for each in proxy.world.candidates(proxy.namespace):
        hosts = tuple(bound.names_for(each.namespace))
        if bound.name in each.gateways and any(overlap(one, other) for one in hosts for other in each.hosts):
            yield each


def _tcp_chains(proxy: Proxy, bound: Bound) -> Iterator[Chain]:
    """Of which the first is taken; nothing but port and gateway is looked at (l4MultiMatch)."""
    for each in _candidates(proxy, bound):
        for rule in each.tcp:
            if any(is_bound(match, bound.number, bound.name) for match in rule.match):
                yield _chain(proxy, bound, each, rule)


def _by_rule(proxy: Proxy, bound: Bound, taken: set[str]) -> Iterator[Offer]:
    """The names are those of the rules, whichever the server has; of repeated ones the first (CheckDuplicates)."""
    for each in _candidates(proxy, bound):
        for rule in each.tls:
            for match in rule.match:
                assert isinstance(match, TLSMatchAttributes), "tls rules have matches"
                if is_bound(match, bound.number, bound.name) and taken.isdisjoint(match.sni_hosts):
                    taken.update(match.sni_hosts)
                    yield Offer(match.sni_hosts, bound, _chain(proxy, bound, each, rule))


def _chain(proxy: Proxy, bound: Bound, each: Listed, rule: StreamRule) -> Chain:
    def port_of(destination: Destination) -> int:
        return proxy.port_at_gateway(each, destination, bound.number)

    return chain_of(rule, port_of)


def _by_cluster(proxy: Proxy, bound: Bound) -> Iterator[Offer]:
    """AUTO_PASSTHROUGH: every cluster of the mesh by its own name, for the mutual TLS of the mesh only."""
    for service in proxy.services.values():
        if service.is_external or not any(covers(name, service.host) for name in bound.sni_hosts):
            continue
        for key in _clusters(proxy, service):
            name = f"outbound_.{key.port}_.{key.subset}_.{key.host}"
            chain = Chain(((key, Fraction(1)),), bound.gateway.reference, bound.field, carries_mesh_tls=True)
            yield Offer((name,), bound, chain)


def _clusters(proxy: Proxy, service: Service) -> Iterator[ClusterKey]:
    for port in service.ports:
        plain = ClusterKey(service.host, port)
        yield plain
        found = proxy.cluster(plain)
        assert not isinstance(found, Missing), "the service has this port"
        yield from (plain._replace(subset=subset) for subset in (found.rule.subsets if found.rule else ()))
