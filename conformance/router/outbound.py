"""A request that leaves a workload through its own sidecar (specification, section 26.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from conformance.router import streams
from conformance.router.carrying import through
from conformance.router.codec import Refused, received
from conformance.router.forwarding import Deliver, Hop, answer
from conformance.router.inbound import application
from conformance.router.listeners import Listener, Speech
from conformance.router.mesh_config import REGISTRY_ONLY
from conformance.router.message import Message
from conformance.router.objects.virtual_service import Destination
from conformance.router.passage import Passage, failed, local, proxied, unread
from conformance.router.prediction import ONE, Kind, Outcome
from conformance.router.proxies import Proxy
from conformance.router.routes import ClusterKey, VirtualHost, without_port
from conformance.router.trace import Step
from conformance.router.versions import Since
from conformance.router.virtual_services import default_route

_OWN_PORTS = (15001, 15006)
"""Where the proxy itself listens for what iptables catches."""


class _Connection(NamedTuple):
    """What the application opened, at its own sidecar."""

    proxy: Proxy
    dialled: tuple[str, int]
    passage: Passage
    deliver: Deliver
    trail: list[Step]

    @property
    def looks_like_http(self) -> bool:
        """What Envoy's HTTP inspector and Istio's filter chain match let pass; HTTP/1.0 goes on as a stream."""
        passage = self.passage
        return passage.is_http and passage.tls is None and passage.request.http_version != "1.0"


def leave(
    proxy: Proxy, dialled: tuple[str, int], passage: Passage, deliver: Deliver, trail: list[Step]
) -> list[Outcome]:
    """What becomes of a connection that the application opens to an address."""
    address, port = dialled
    if address == passage.source:
        if port not in _OWN_PORTS:
            trail.append(Step("client", f"{address} is its own address, which iptables leaves alone"))
            return [application(proxy.world.pods.by_address[address], port, passage, on_loopback=False)]
        return [failed(Kind.BLACKHOLE_TCP, f"{address}:{port} is the proxy's own, which would go round in circles")]
    opened = _Connection(proxy, dialled, passage, deliver, trail)
    listener = proxy.listeners(port).find(address)
    if listener is None:
        trail.append(Step("listener", f"none for {address}:{port}", proxy.scope.by))
        return _unknown(opened)
    if listener.conflict:
        return [failed(Kind.UNDEFINED, listener.conflict)]
    owner = listener.service
    name = f"{address if owner else '0.0.0.0'}:{port}"  # noqa: S104  a name, nothing is bound
    trail.append(Step("listener", f"{name} reads {listener.speech.value}", owner.reference if owner else None))
    return _taken(opened, listener)


def _taken(opened: _Connection, listener: Listener) -> list[Outcome]:
    """By a listener that says what it reads; what is not that is unknown traffic (the default filter chain)."""
    proxy, passage, trail = opened.proxy, opened.passage, opened.trail
    if listener.speech in (Speech.HTTP, Speech.SNIFFED) and opened.looks_like_http:
        return _http(opened, listener)
    if listener.speech is Speech.HTTP:
        trail.append(Step("listener", "this is no HTTP that it looks for"))
        return _unknown(opened)
    sni = passage.tls.sni if passage.tls else None
    chain = streams.at_sidecar(proxy, listener, opened.dialled[0], sni)
    if chain is None:
        trail.append(Step("listener", f"no filter chain for the name {sni}"))
        return _unknown(opened)
    trail.append(Step("rule", chain.field or "the service's own", chain.by, chain.field))
    return through(proxy, chain, passage, opened.dialled, deliver=opened.deliver, trail=trail)


def _unknown(opened: _Connection) -> list[Outcome]:
    """A stream to an address nobody knows: on to it as it is, or closed (outboundTrafficPolicy)."""
    (address, port), scope, passage, trail = opened.dialled, opened.proxy.scope, opened.passage, opened.trail
    if scope.mode == REGISTRY_ONLY:
        trail.append(Step("egress", "REGISTRY_ONLY closes it", scope.by, "outboundTrafficPolicy.mode"))
        return [failed(Kind.BLACKHOLE_TCP, f"nothing known at {address}:{port}")]
    if scope.egress_proxy:
        chain = streams.Chain(((_egress_proxy(scope.egress_proxy), ONE),), scope.by, _EGRESS_PROXY)
        trail.append(Step("egress", "what is unknown goes to the egress proxy", scope.by, _EGRESS_PROXY))
        return through(opened.proxy, chain, passage, opened.dialled, deliver=opened.deliver, trail=trail)
    trail.append(Step("egress", f"ALLOW_ANY lets it pass to {address}:{port}", scope.by))
    return [_passed(each, passage) for each in opened.deliver(address, port, passage, trail)]


_EGRESS_PROXY = "spec.outboundTrafficPolicy.egressProxy"


def _egress_proxy(destination: Destination) -> ClusterKey:
    """Taken literally: a short name is completed nowhere (route.go GetDestinationCluster without a service)."""
    port = destination.port.number if destination.port else None
    return ClusterKey(destination.host, port or 0, destination.subset or "")


def _passed(outcome: Outcome, passage: Passage) -> Outcome:
    """TCP carried by a proxy that had accepted it before anything failed behind."""
    if outcome.kind is Kind.UPSTREAM:
        return outcome._replace(kind=Kind.PASSTHROUGH)
    if outcome.kind in (Kind.REFUSED, Kind.RESET_PLAINTEXT):
        return outcome._replace(kind=Kind.TLS_REFUSED if passage.tls else Kind.CLOSED)
    return outcome


def _http(opened: _Connection, listener: Listener) -> list[Outcome]:
    proxy, passage = opened.proxy, opened.passage
    message = received(passage.request, scheme="http", normalization=proxy.world.mesh.path_normalization)
    if isinstance(message, Refused):
        return [unread(message)]
    owner = listener.service
    table = proxy.sniffed_table(owner, listener.port) if owner else proxy.table(listener.port)
    if table.refused:
        return [failed(Kind.UNDEFINED, table.refused)]
    hop = Hop(proxy, message, passage.read(message), opened.dialled, opened.deliver, opened.trail)
    host = table.find(message.authority) if _is_named(proxy, message, listener.port) else table.any
    return [_by_sidecar(each) for each in (_uncharted(hop) if host is None and not owner else answer(hop, host))]


def _is_named(proxy: Proxy, message: Message, port: int) -> bool:
    """Whether names count: a Host with another port was none before Envoy ignored ports in it."""
    if proxy.world.version.has(Since.HOST_WITHOUT_PORT):
        return True
    authority = message.authority
    return authority == without_port(authority) or authority.endswith(f":{port}")


def _uncharted(hop: Hop) -> list[Outcome]:
    """The catch-all virtual host: to the dialled address in plaintext, or 502 (buildCatchAllVirtualHost)."""
    scope, name, trail = hop.proxy.scope, hop.message.authority, hop.trail
    if scope.mode == REGISTRY_ONLY:
        trail.append(Step("egress", f"REGISTRY_ONLY: {name} is unknown", scope.by))
        return [local(Kind.BLACKHOLE_HTTP, 502, "", f"{name} is unknown here")]
    address, port = hop.dialled
    if scope.by and scope.egress_proxy:
        key, version = _egress_proxy(scope.egress_proxy), hop.proxy.world.version
        route = replace(default_route(key, port, scope.by, version), field=_EGRESS_PROXY)
        return answer(hop, VirtualHost("allow_any", lambda: (route,), scope.by))
    trail.append(Step("egress", f"ALLOW_ANY: {name} is unknown, on to {address}:{port}", scope.by))
    return [_let_through(each) for each in hop.deliver(address, port, hop.passage, trail)]


def _let_through(outcome: Outcome) -> Outcome:
    made = proxied(outcome)
    if made is not outcome or made.status is None:
        return made
    kind = Kind.PASSTHROUGH if made.kind is Kind.UPSTREAM else made.kind
    return made.served_by("envoy", upstream_time=True)._replace(kind=kind)


def _by_sidecar(outcome: Outcome) -> Outcome:
    if outcome.status is None or outcome.upstream_time:
        return outcome
    return outcome.served_by("envoy")
