"""A request that leaves a workload through its own sidecar (specification, section 26.3)."""

from __future__ import annotations

from dataclasses import replace

from conformance.router import streams
from conformance.router.carrying import through
from conformance.router.codec import Refused, received
from conformance.router.forwarding import Deliver, Hop, answer
from conformance.router.listeners import Listener, Speech
from conformance.router.mesh_config import REGISTRY_ONLY
from conformance.router.message import Message
from conformance.router.passage import Passage, failed, local, proxied, unread
from conformance.router.prediction import Kind, Outcome
from conformance.router.proxies import Proxy
from conformance.router.trace import Step


def leave(
    proxy: Proxy, address: str, port: int, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """What becomes of a connection that the application opens to an address."""
    listener = proxy.listeners(port).find(address)
    if listener is None:
        trail.append(Step("listener", f"none for {address}:{port}", proxy.scope.by))
        return _unknown(proxy, address, port, passage, deliver, trail)
    if listener.conflict:
        return [failed(Kind.UNDEFINED, listener.conflict)]
    owner = listener.service
    name = f"{address if owner else '0.0.0.0'}:{port}"  # noqa: S104  a name, nothing is bound
    trail.append(Step("listener", f"{name} reads {listener.speech.value}", owner.reference if owner else None))
    if listener.speech is Speech.HTTP and (passage.tls is not None or not passage.is_http):
        if passage.tls is not None:
            return [failed(Kind.TLS_REFUSED, f"port {port} is declared HTTP and takes no TLS")]
        return [local(Kind.BAD_REQUEST, 400, "", "these bytes are no HTTP request")]
    if listener.speech in (Speech.HTTP, Speech.SNIFFED) and passage.is_http and passage.tls is None:
        return _http(proxy, listener, address, passage, deliver, trail)
    if listener.speech is Speech.SNIFFED and owner is None:
        return _unknown(proxy, address, port, passage, deliver, trail)
    sni = passage.tls.sni if passage.tls else None
    chain = streams.at_sidecar(proxy, listener, address, sni)
    if chain is None:
        trail.append(Step("listener", f"no filter chain for the name {sni}"))
        return _unknown(proxy, address, port, passage, deliver, trail)
    trail.append(Step("rule", chain.field or "the service's own", chain.by, chain.field))
    return through(proxy, chain, passage, (address, port), deliver, trail)


def _unknown(
    proxy: Proxy, address: str, port: int, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """A stream to an address nobody knows: on to it as it is, or closed (outboundTrafficPolicy)."""
    if proxy.scope.mode == REGISTRY_ONLY:
        trail.append(Step("egress", "REGISTRY_ONLY closes it", proxy.scope.by, "outboundTrafficPolicy.mode"))
        return [failed(Kind.BLACKHOLE_TCP, f"nothing known at {address}:{port}")]
    trail.append(Step("egress", f"ALLOW_ANY lets it pass to {address}:{port}", proxy.scope.by))
    sent = replace(passage, source=proxy.pod.address, hops=passage.hops + 1)
    return [_passed(each, passage) for each in deliver(address, port, sent, trail)]


def _passed(outcome: Outcome, passage: Passage) -> Outcome:
    """TCP carried by a proxy that had accepted it before anything failed behind."""
    if outcome.kind is Kind.UPSTREAM:
        return replace(outcome, kind=Kind.PASSTHROUGH)
    if outcome.kind in (Kind.REFUSED, Kind.RESET_PLAINTEXT):
        return replace(outcome, kind=Kind.TLS_REFUSED if passage.tls else Kind.CLOSED)
    return outcome


def _http(
    proxy: Proxy, listener: Listener, address: str, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    world = proxy.world
    message = received(passage.request, scheme="http", normalization=world.mesh.path_normalization)
    if isinstance(message, Refused):
        if listener.speech is Speech.SNIFFED and passage.request.http_version == "1.0":
            return _unknown(proxy, address, listener.port, passage, deliver, trail)
        return [unread(message)]
    owner = listener.service if listener.speech is Speech.SNIFFED else None
    table = proxy.sniffed_table(owner, listener.port) if owner else proxy.table(listener.port)
    if table.refused:
        return [failed(Kind.UNDEFINED, table.refused)]
    host = table.find(message.authority)
    read = passage.read(message)
    if host is None:
        return [
            _by_sidecar(each) for each in _uncharted(proxy, (address, listener.port), message, read, deliver, trail)
        ]
    hop = Hop(proxy, message, read, (address, listener.port), deliver, trail)
    return [_by_sidecar(each) for each in answer(hop, host)]


def _uncharted(
    proxy: Proxy, dialled: tuple[str, int], message: Message, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """The catch-all virtual host: to the dialled address in plaintext, or 502 (buildCatchAllVirtualHost)."""
    if proxy.scope.mode == REGISTRY_ONLY:
        trail.append(Step("egress", f"REGISTRY_ONLY: {message.authority} is unknown", proxy.scope.by))
        return [local(Kind.BLACKHOLE_HTTP, 502, "", f"{message.authority} is unknown here")]
    address, port = dialled
    trail.append(Step("egress", f"ALLOW_ANY: {message.authority} is unknown, on to {address}:{port}", proxy.scope.by))
    sent = replace(passage, source=proxy.pod.address, hops=passage.hops + 1)
    return [_let_through(each) for each in deliver(address, port, sent, trail)]


def _let_through(outcome: Outcome) -> Outcome:
    made = proxied(outcome)
    if made is not outcome or made.status is None:
        return made
    kind = Kind.PASSTHROUGH if made.kind is Kind.UPSTREAM else made.kind
    return replace(made.served_by("envoy", upstream_time=True), kind=kind)


def _by_sidecar(outcome: Outcome) -> Outcome:
    if outcome.status is None or outcome.upstream_time:
        return outcome
    return outcome.served_by("envoy")
