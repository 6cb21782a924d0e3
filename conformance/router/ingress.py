"""A connection at a gateway: its listener, TLS, policies and routes (specification, sections 10 and 26.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from conformance.router.carrying import through
from conformance.router.codec import Refused, read_again, received
from conformance.router.doors import door_of
from conformance.router.forwarding import Deliver, Hop, answer
from conformance.router.gateway_chains import Offer, Offers, offers
from conformance.router.gateways import Bound, Listener, Speech
from conformance.router.guarding import FORWARDED_FOR, guarded, guarded_stream
from conformance.router.handshakes import lacks_certificate, refusal
from conformance.router.message import Message
from conformance.router.objects.kubernetes import Pod
from conformance.router.passage import Passage, failed, local, unread
from conformance.router.prediction import Kind, Outcome
from conformance.router.proxies import Proxy, proxy_of
from conformance.router.request import Handshake
from conformance.router.streams import Chain
from conformance.router.trace import Step
from conformance.router.transport import Transport
from conformance.router.versions import Since
from conformance.router.world import MESH_CERTIFICATE, World


@dataclass(frozen=True, slots=True)
class _Visit:
    """A connection to one listener of one gateway."""

    proxy: Proxy
    listener: Listener
    passage: Passage
    deliver: Deliver
    trail: list[Step]


def at_gateway(
    world: World, pod: Pod, port: int, passage: Passage, *, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """What becomes of a connection to a container port of a gateway pod."""
    proxy = proxy_of(world, pod)
    listener = proxy.gateway_listeners.get(port)
    if listener is None:
        trail.append(Step("gateway", f"no server of any Gateway opens port {port} of {pod.workload}"))
        return [failed(Kind.REFUSED, f"no Gateway opens port {port} of {pod.workload}")]
    first = listener.servers[0]
    trail.append(Step("gateway", f"port {port} of {pod.workload}", first.gateway.reference, first.field))
    visit = _Visit(proxy, listener, passage, deliver, trail)
    return _plain(visit) if listener.speech is Speech.HTTP else _chained(visit, offers(proxy, listener))


def _plain(visit: _Visit) -> list[Outcome]:
    """A listener without filter chains: HTTP or nothing."""
    passage = visit.passage
    if passage.tls is not None or passage.transport is Transport.MUTUAL:
        return [failed(Kind.TLS_REFUSED, f"port {visit.listener.port} is plain HTTP")]
    if not passage.is_http:
        return [local(Kind.BAD_REQUEST, 400, "", "these bytes are no HTTP request")]
    return _http(visit, None)


def _chained(visit: _Visit, found: Offers) -> list[Outcome]:  # noqa: PLR0911 - every refusal has its own way out
    """By the name in the handshake to a filter chain; without any handshake only one for all names will do."""
    port, passage, trail = visit.listener.port, visit.passage, visit.trail
    if found.refused:
        return [failed(Kind.UNDEFINED, found.refused)]
    if not found.all:
        trail.append(Step("gateway", f"no server of port {port} has a route, so nothing listens there"))
        return [failed(Kind.REFUSED, f"no server of port {port} has a route")]
    is_mesh = passage.transport is Transport.MUTUAL
    shown = passage.tls
    if is_mesh:
        shown = Handshake(passage.sni, MESH_CERTIFICATE)
    is_warm = visit.proxy.world.mesh.listeners_are_warm
    if not is_warm and all(lacks_certificate(visit.proxy, each) for each in visit.listener.servers):
        return [failed(Kind.UNDEFINED, _WAITING)]
    offer = found.find(shown.sni if shown else None, speaks_mesh=is_mesh)
    if offer is None:
        name = f"the name {shown.sni}" if shown else "bytes that are no TLS"
        trail.append(Step("gateway", f"no filter chain for {name}"))
        return [failed(Kind.TLS_REFUSED if shown else Kind.RESET_PLAINTEXT, f"no server of port {port} has {name}")]
    bound = offer.bound
    trail.append(Step("gateway", f"server for {', '.join(offer.names)}", bound.gateway.reference, bound.field))
    if offer.chain and (bound.server.tls is None or bound.passes_through):
        return _stream(visit, offer.chain)
    if shown is None:
        return [failed(Kind.RESET_PLAINTEXT, f"port {port} takes TLS only")]
    return _terminated(visit, offer, shown)


_WAITING = "a listener waits 15 s for its first certificate: until then connections are refused, then handshakes"


def _terminated(visit: _Visit, offer: Offer, shown: Handshake) -> list[Outcome]:
    refused = refusal(visit.proxy, offer.bound, shown)
    if refused:
        return [failed(Kind.TLS_REFUSED, refused)]
    inside = replace(visit, passage=visit.passage._replace(tls=None, transport=Transport.PLAIN))
    return _stream(inside, offer.chain) if offer.chain else _http(inside, offer.bound)


def _http(visit: _Visit, bound: Bound | None) -> list[Outcome]:
    """Policies first, then routes: a 401 or 403 precedes a 404."""
    proxy, listener, trail = visit.proxy, visit.listener, visit.trail
    world = proxy.world
    scheme = "https" if bound else "http"
    message = _read(world, visit.passage, scheme)
    if isinstance(message, Refused):
        return [unread(message)]
    door = door_of(world, proxy.pod, listener.port)
    admitted = guarded(world, door, visit.passage, message, trail)
    if isinstance(admitted, Outcome):
        return [_by_gateway(admitted)]
    assert admitted.message, "policies look at what was read"
    hop = Hop(
        proxy=proxy,
        message=admitted.message,
        passage=admitted,
        dialled=(proxy.pod.address, listener.port),
        deliver=visit.deliver,
        trail=trail,
        ends_tls=bound is not None,
    )
    table = proxy.gateway_table(listener, bound)
    if table.refused:
        return [failed(Kind.UNDEFINED, table.refused)]
    # Before 1.15 a virtual host was known with its server's port and without, but with no other.
    own_port = f":{(bound or listener.servers[0]).number}"
    ignores_port = world.version.has(Since.HOST_WITHOUT_PORT) or message.authority.endswith(own_port)
    return [_by_gateway(each) for each in answer(hop, table.find(message.authority, ignores_port=ignores_port))]


def _read(world: World, passage: Passage, scheme: str) -> Message | Refused:
    level = world.mesh.path_normalization
    if passage.message is None:
        message = received(passage.request, scheme=scheme, normalization=level, is_edge=True)
    else:
        message = read_again(replace(passage.message, scheme=scheme), level)
    if isinstance(message, Refused):
        return message
    # A gateway writes down whom it speaks with, after whatever the client claimed.
    forwarded = ",".join((*message.headers.get(FORWARDED_FOR, ()), passage.source))
    return replace(message, headers={**message.headers, FORWARDED_FOR: (forwarded,)})


def _by_gateway(outcome: Outcome) -> Outcome:
    """Also what the gateway answers itself names it as the server."""
    if outcome.status is None or any(name == "server" for name, _ in outcome.response_set):
        return outcome
    return outcome._replace(response_set=(*outcome.response_set, ("server", "istio-envoy")))


def _stream(visit: _Visit, chain: Chain) -> list[Outcome]:
    """Bytes that are passed on; whose mutual TLS they are is not known where it goes on unread."""
    proxy, port, passage, trail = visit.proxy, visit.listener.port, visit.passage, visit.trail
    known = passage._replace(principal=None) if passage.transport is Transport.MUTUAL else passage
    closed = guarded_stream(door_of(proxy.world, proxy.pod, port), known, trail)
    if closed is not None:
        return [closed]
    trail.append(Step("rule", chain.field, chain.by, chain.field))
    return through(proxy, chain, passage, (proxy.pod.address, port), deliver=visit.deliver, trail=trail)
