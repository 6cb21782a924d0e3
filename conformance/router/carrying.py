"""Streams that a proxy carries without reading them (specification, section 26.5)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from conformance.router.clusters import Cluster, Missing
from conformance.router.forwarding import Deliver, dialled_endpoint, is_impostor, mesh_sni, spoken
from conformance.router.origination import handshake
from conformance.router.passage import Passage, failed
from conformance.router.prediction import ONE, Kind, Outcome
from conformance.router.proxies import Proxy
from conformance.router.registry import Endpoint
from conformance.router.streams import Chain
from conformance.router.trace import Step
from conformance.router.transport import Transport

_BROKEN = frozenset({Kind.REFUSED, Kind.RESET_PLAINTEXT})


def through(
    proxy: Proxy,
    chain: Chain,
    passage: Passage,
    dialled: tuple[str, int],
    *,
    deliver: Deliver,
    trail: list[Step],
) -> list[Outcome]:
    """A stream through the clusters of a chain; the member is drawn once per connection."""
    found: list[Outcome] = []
    for key, share in chain.members:
        cluster = proxy.cluster(key)
        if isinstance(cluster, Missing):
            trail.append(Step("destination", f"no cluster: {cluster.why}", chain.by, chain.field))
            found.append(failed(Kind.CLOSED, cluster.why).times(share))
            continue
        trail.append(Step("destination", cluster.name, chain.by, chain.field))
        for endpoint, part in _members(proxy, cluster, dialled):
            sent: Passage | Outcome = _as_it_is(passage, proxy)
            if not chain.carries_mesh_tls:
                sent = _wrapped(proxy, cluster, endpoint, passage, trail)
            ends = [sent] if isinstance(sent, Outcome) else deliver(endpoint.address, endpoint.port, sent, trail)
            found += [_seen(each, passage).times(share * part) for each in ends]
        if not (cluster.members or cluster.to_dialled):
            found.append(failed(Kind.CLOSED, f"no endpoints behind {cluster.key}").times(share))
    return found


def _members(proxy: Proxy, cluster: Cluster, dialled: tuple[str, int]) -> Sequence[tuple[Endpoint, Fraction]]:
    if not cluster.to_dialled:
        return cluster.members
    return ((dialled_endpoint(proxy, cluster, dialled), ONE),)


def _wrapped(
    proxy: Proxy, cluster: Cluster, endpoint: Endpoint, passage: Passage, trail: list[Step]
) -> Passage | Outcome:
    """The stream as it leaves this proxy: plainly, or inside of a TLS that the proxy adds."""
    chosen = spoken(proxy, cluster, endpoint, trail)
    if chosen.transport is Transport.PLAIN:
        return _as_it_is(passage, proxy)
    if passage.transport is Transport.MUTUAL:
        return failed(Kind.TLS_REFUSED, "TLS inside of the mesh's TLS is read as if it were a request")
    sent = passage.sent_on(proxy.address_for(passage.source))._replace(tls=passage.tls)
    if chosen.transport is Transport.MUTUAL:
        if is_impostor(proxy, cluster, endpoint):
            return failed(Kind.CLOSED, f"{endpoint.address} is none of {cluster.key.host}")
        return sent.by_mutual_tls(proxy.principal, mesh_sni(cluster, chosen.tls.sni if chosen.tls else None))
    assert chosen.tls, "TLS of its own is what a DestinationRule says"
    if passage.tls is not None:
        return failed(Kind.TLS_REFUSED, "TLS inside of the TLS that the DestinationRule adds")
    # A stream has no Host: only tls.sni gives it a name.
    return sent._replace(tls=handshake(proxy.world, chosen.tls, proxy.namespace, ""))


def _as_it_is(passage: Passage, proxy: Proxy) -> Passage:
    """TLS that nobody terminated goes on, the mesh's own with whom it names; of one that was, nothing is left."""
    if passage.transport is Transport.MUTUAL:
        return passage._replace(source=proxy.address_for(passage.source), hops=passage.hops + 1)
    return passage.sent_on(proxy.address_for(passage.source))._replace(tls=passage.tls)


def _seen(outcome: Outcome, passage: Passage) -> Outcome:
    """The client was accepted before: it sees its connection close. A refused handshake of its own stays one."""
    own = passage.tls is not None or passage.transport is Transport.MUTUAL
    is_broken = outcome.kind in _BROKEN or (outcome.kind is Kind.TLS_REFUSED and not own)
    return outcome._replace(kind=Kind.CLOSED) if is_broken else outcome
