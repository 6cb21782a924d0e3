"""Streams that a proxy carries without reading them (specification, section 26.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.router.clusters import Cluster, Missing
from conformance.router.forwarding import Deliver, mesh_sni, spoken
from conformance.router.passage import Passage, failed
from conformance.router.prediction import Kind, Outcome
from conformance.router.proxies import Proxy
from conformance.router.registry import Endpoint
from conformance.router.request import Handshake
from conformance.router.streams import Chain
from conformance.router.trace import Step
from conformance.router.transport import Transport

_BROKEN = frozenset({Kind.REFUSED, Kind.RESET_PLAINTEXT})


def through(
    proxy: Proxy,
    chain: Chain,
    passage: Passage,
    dialled: tuple[str, int],
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
        trail.append(Step("destination", str(cluster.key), chain.by, chain.field))
        found += [each.times(share) for each in _carried(proxy, cluster, passage, dialled, deliver, trail)]
    return found


def _carried(
    proxy: Proxy,
    cluster: Cluster,
    passage: Passage,
    dialled: tuple[str, int],
    deliver: Deliver,
    trail: list[Step],
) -> Iterator[Outcome]:
    if cluster.to_dialled:
        address, port = dialled
        pod = proxy.world.pods.by_address.get(address)
        there = Endpoint(address, port, {}, pod, speaks_mutual_tls=bool(pod and pod.has_sidecar))
        yield from _to(proxy, cluster, there, passage, deliver, trail)
        return
    if not cluster.members:
        yield failed(Kind.CLOSED, f"no endpoints behind {cluster.key}")
    for endpoint, share in cluster.members:
        for outcome in _to(proxy, cluster, endpoint, passage, deliver, trail):
            yield outcome.times(share)


def _to(
    proxy: Proxy, cluster: Cluster, endpoint: Endpoint, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    chosen = spoken(proxy, cluster, endpoint, trail)
    sent = replace(passage.sent_on(proxy.pod.address), tls=passage.tls)
    if chosen.transport is Transport.MUTUAL:
        sent = sent.by_mutual_tls(proxy.principal, mesh_sni(cluster, chosen.tls.sni if chosen.tls else None))
    if chosen.transport is Transport.OWN_TLS and chosen.tls is not None:
        if passage.tls is not None:
            return [failed(Kind.TLS_REFUSED, "TLS inside of the TLS that the DestinationRule adds")]
        certificate = proxy.world.client_certificate(chosen.tls, proxy.namespace)
        sent = replace(sent, tls=Handshake(sni=chosen.tls.sni, certificate=certificate))
    return [_closed(each) for each in deliver(endpoint.address, endpoint.port, sent, trail)]


def _closed(outcome: Outcome) -> Outcome:
    """The client was accepted before: it sees its connection close. A refused handshake of its own stays one."""
    return replace(outcome, kind=Kind.CLOSED) if outcome.kind in _BROKEN else outcome
