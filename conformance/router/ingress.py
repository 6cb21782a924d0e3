"""A connection at a gateway: its listener, TLS, policies and routes (specification, sections 10 and 26.2)."""

from __future__ import annotations

from dataclasses import replace

from conformance.router import streams
from conformance.router.carrying import through
from conformance.router.codec import Refused, read_again, received
from conformance.router.doors import door_of
from conformance.router.forwarding import Deliver, Hop, answer
from conformance.router.gateways import Bound, Listener, Speech, server_for
from conformance.router.guarding import guarded, guarded_stream
from conformance.router.message import Message
from conformance.router.objects.kubernetes import Pod, Secret
from conformance.router.passage import Passage, failed, local, unread
from conformance.router.prediction import Kind, Outcome
from conformance.router.proxies import Proxy, proxy_of
from conformance.router.request import Handshake
from conformance.router.trace import Step
from conformance.router.transport import Transport
from conformance.router.world import MESH_AUTHORITY, World

_MUTUAL = frozenset({"MUTUAL", "OPTIONAL_MUTUAL"})
_VERSIONS = {"TLSV1_0": "1.0", "TLSV1_1": "1.1", "TLSV1_2": "1.2", "TLSV1_3": "1.3"}
_OLDEST_BY_DEFAULT = "1.2"


def at_gateway(
    world: World, pod: Pod, port: int, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """What becomes of a connection to a container port of a gateway pod."""
    proxy = proxy_of(world, pod)
    listener = proxy.gateway_listeners.get(port)
    if listener is None:
        trail.append(Step("gateway", f"no server of any Gateway opens port {port} of {pod.workload}"))
        return [failed(Kind.REFUSED, f"no Gateway opens port {port} of {pod.workload}")]
    first = listener.servers[0]
    trail.append(Step("gateway", f"port {port} of {pod.workload}", first.gateway.reference, first.field))
    if listener.speech is Speech.TLS:
        return _tls(proxy, listener, passage, deliver, trail)
    if listener.speech is Speech.TCP:
        return _stream(proxy, first, passage, deliver, trail, alone=True)
    if passage.tls is not None or passage.transport is Transport.MUTUAL:
        return [failed(Kind.TLS_REFUSED, f"port {port} is plain HTTP")]
    if not passage.is_http:
        return [local(Kind.BAD_REQUEST, 400, "", "these bytes are no HTTP request")]
    return _http(proxy, listener, None, passage, deliver, trail)


def _tls(proxy: Proxy, listener: Listener, passage: Passage, deliver: Deliver, trail: list[Step]) -> list[Outcome]:
    handshake = passage.tls
    if passage.transport is Transport.MUTUAL:
        handshake = Handshake(passage.sni, proxy.world.mesh_certificate(passage.principal))
    if handshake is None:
        return [failed(Kind.RESET_PLAINTEXT, f"port {listener.port} takes TLS only")]
    bound = server_for(listener, handshake.sni)
    if bound is None:
        trail.append(Step("gateway", f"no server for the name {handshake.sni}"))
        return [failed(Kind.TLS_REFUSED, f"no server of port {listener.port} has the name {handshake.sni}")]
    trail.append(Step("gateway", f"server for {handshake.sni}", bound.gateway.reference, bound.field))
    if bound.passes_through:
        return _stream(proxy, bound, passage, deliver, trail, alone=len(listener.servers) == 1)
    refusal = _refusal(proxy, bound, handshake)
    if refusal:
        return [failed(Kind.TLS_REFUSED, refusal)]
    inside = replace(passage, tls=None, transport=Transport.PLAIN)
    if not bound.speaks_http_inside:
        return _stream(proxy, bound, inside, deliver, trail, alone=False)
    return _http(proxy, listener, bound, inside, deliver, trail)


def _refusal(proxy: Proxy, bound: Bound, shown: Handshake) -> str:
    """Why the handshake fails; empty if it does not (Server.tls)."""
    tls = bound.server.tls
    assert tls, "a server that speaks TLS has settings for it"
    oldest = _VERSIONS.get(tls.min_protocol_version or "", _OLDEST_BY_DEFAULT)
    newest = _VERSIONS.get(tls.max_protocol_version or "", "1.3")
    if shown.max_version < oldest or shown.min_version > newest:
        return f"the server speaks TLS {oldest} to {newest}"
    if bound.mode == "ISTIO_MUTUAL":
        is_mesh = shown.certificate is not None and shown.certificate.authority == MESH_AUTHORITY
        return "" if is_mesh else "the server takes certificates of the mesh only"
    wants_client = bound.mode in _MUTUAL
    authority: str | None
    if tls.credential_name:
        secret, problem = _credential(proxy, tls.credential_name, with_authority=wants_client)
        if secret is None:
            return problem
        authority = _authority_of(proxy, tls.credential_name, secret)
    else:
        files = (tls.server_certificate, tls.private_key, tls.ca_certificates if wants_client else None)
        missing = [path for path in files if path and path not in proxy.world.mesh.files]
        if missing:
            return f"the gateway has no file {missing[0]}"
        authority = proxy.world.mesh.gateway_authorities.get(tls.ca_certificates or "")
    if not wants_client:
        return ""
    if shown.certificate is None:
        return "" if bound.mode == "OPTIONAL_MUTUAL" else "the server wants a client certificate"
    return "" if shown.certificate.authority == authority else "the client's certificate is of another authority"


_PAIRS = (frozenset({"tls.crt", "tls.key"}), frozenset({"cert", "key"}))
_AUTHORITY_KEYS = frozenset({"ca.crt", "cacert"})


def _credential(proxy: Proxy, name: str, *, with_authority: bool) -> tuple[Secret | None, str]:
    """The Secret of a credentialName: in the gateway's own namespace, with certificate and key."""
    secret = proxy.world.secrets.get((proxy.namespace, name))
    if secret is None:
        return None, f"there is no Secret {proxy.namespace}/{name}"
    if not any(pair <= secret.keys for pair in _PAIRS):
        return None, f"Secret {proxy.namespace}/{name} lacks certificate or key"
    if with_authority and _authority_of(proxy, name, secret) is None:
        return None, f"Secret {proxy.namespace}/{name} has no certificate authority"
    return secret, ""


def _authority_of(proxy: Proxy, name: str, secret: Secret) -> str | None:
    apart = proxy.world.secrets.get((proxy.namespace, f"{name}-cacert"))
    for each in (apart, secret):
        if each is not None and each.keys & _AUTHORITY_KEYS:
            return each.authority
    return None


def _http(
    proxy: Proxy, listener: Listener, bound: Bound | None, passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """Policies first, then routes: a 401 or 403 precedes a 404."""
    world = proxy.world
    scheme = "https" if bound else "http"
    message = _read(world, passage, scheme)
    if isinstance(message, Refused):
        return [unread(message)]
    door = door_of(world, proxy.pod, listener.port)
    admitted = guarded(world, door, passage, message, trail)
    if isinstance(admitted, Outcome):
        return [_by_gateway(admitted)]
    assert admitted.message, "policies look at what was read"
    hop = Hop(
        proxy=proxy,
        message=admitted.message,
        passage=admitted,
        dialled=(proxy.pod.address, listener.port),
        deliver=deliver,
        trail=trail,
        ends_tls=bound is not None,
    )
    table = proxy.gateway_table(listener, bound)
    if table.refused:
        return [failed(Kind.UNDEFINED, table.refused)]
    return [_by_gateway(each) for each in answer(hop, table.find(message.authority))]


def _read(world: World, passage: Passage, scheme: str) -> Message | Refused:
    if passage.message is not None:
        return replace(read_again(passage.message, world.mesh.path_normalization), scheme=scheme)
    return received(passage.request, scheme=scheme, normalization=world.mesh.path_normalization, is_edge=True)


def _by_gateway(outcome: Outcome) -> Outcome:
    """Also what the gateway answers itself names it as the server."""
    if outcome.status is None or any(name == "server" for name, _ in outcome.response_set):
        return outcome
    return replace(outcome, response_set=(*outcome.response_set, ("server", "istio-envoy")))


def _stream(
    proxy: Proxy, bound: Bound, passage: Passage, deliver: Deliver, trail: list[Step], *, alone: bool
) -> list[Outcome]:
    """Bytes that are passed on; without a route there is not even a listener, unless another server has one."""
    sni = passage.tls.sni if passage.tls else passage.sni
    chain = streams.at_gateway(proxy, bound, sni)
    if chain is None:
        why = f"no rule takes it from {bound.name} {bound.field}"
        trail.append(Step("rule", why))
        if bound.server.tls and bound.passes_through and not alone:
            return [failed(Kind.TLS_REFUSED, why)]
        return [failed(Kind.REFUSED if alone else Kind.CLOSED, why)]
    closed = guarded_stream(door_of(proxy.world, proxy.pod, bound.number), passage, trail)
    if closed is not None:
        return [closed]
    return through(proxy, chain, passage, (proxy.pod.address, bound.number), deliver, trail)
