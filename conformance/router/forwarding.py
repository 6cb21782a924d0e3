"""What an HTTP proxy does with a request once it has read it: virtual host, rule, action, cluster, endpoint.

The same for sidecars and gateways (specification, sections 13 to 17, 26.2.6 to 26.2.9). Where an endpoint leads is
the caller's to say, since another proxy may stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from conformance.router import cors
from conformance.router.clusters import Cluster, Missing
from conformance.router.direct_responses import direct_response
from conformance.router.doors import Door, door_of
from conformance.router.faults import BODY, Fault
from conformance.router.header_operations import Operations
from conformance.router.message import Message
from conformance.router.objects.kubernetes import Pod
from conformance.router.origination import handshake
from conformance.router.overflow import overflow, refused_share
from conformance.router.passage import Edits, Passage, failed, local, proxied
from conformance.router.prediction import ONE, Kind, Mirror, Outcome, both
from conformance.router.proxies import Proxy
from conformance.router.redirects import https_redirect, redirect
from conformance.router.registry import Endpoint
from conformance.router.request import Headers
from conformance.router.rewrites import ORIGINAL_PATH, rewritten
from conformance.router.routes import Action, Direct, Forward, Redirect, Route, VirtualHost, without_port
from conformance.router.trace import Step
from conformance.router.transport import Chosen, Transport, transport
from conformance.router.tries import Place, tried
from conformance.router.undefined import Undefined
from conformance.router.versions import Since

Deliver = Callable[[str, int, Passage, list[Step]], list[Outcome]]
"""What becomes of a connection to an address and port."""


ORIGINAL_HOST = "x-envoy-original-host"


class Hop(NamedTuple):
    """A proxy that has read a request. `dialled` is where the connection was going, for ORIGINAL_DST."""

    proxy: Proxy
    message: Message
    passage: Passage
    dialled: tuple[str, int]
    deliver: Deliver
    trail: list[Step]
    ends_tls: bool = False
    """Whether the listener is a gateway's that terminates TLS."""


def answer(hop: Hop, host: VirtualHost | None) -> list[Outcome]:
    """Every way the request may end, given its virtual host."""
    message = hop.message
    if host is None:
        hop.trail.append(Step("virtual host", f"none for {message.authority}"))
        return [local(Kind.NO_ROUTE, 404, "", f"no virtual host for {message.authority}")]
    hop.trail.append(Step("virtual host", host.name, host.by))
    if host.requires_tls and message.scheme == "http":
        status, location = https_redirect(message)
        return [local(Kind.REDIRECT, status, "")._replace(response_set=(("location", location),))]
    route = _first_match(hop, host.routes)
    if route is None:
        return [local(Kind.NO_ROUTE, 404, "", f"no rule of {host.name} matches")]
    return list(_acted(hop, route))


def _first_match(hop: Hop, routes: Iterable[Route]) -> Route | None:
    rejected: list[str] = []
    for route in routes:
        reason = route.matcher.mismatch(hop.message)
        if reason is None:
            name = route.field or "the service's default route"
            hop.trail.append(Step("rule", name, route.by, route.field, rejected=tuple(rejected)))
            return route
        rejected.append(f"{route.by} {route.field}: {reason}")
    hop.trail.append(Step("rule", "none matches", rejected=tuple(rejected)))
    return None


def _redirected(hop: Hop, route: Route, action: Redirect) -> Outcome:
    version = hop.proxy.world.version
    found = redirect(action.redirect, route.matcher, hop.message, route.listener_port, version, is_tls=hop.ends_tls)
    assert not isinstance(found, Undefined), "Envoy refuses a table with such a rule as a whole"
    status, location = found
    made = local(Kind.REDIRECT, status, "")._replace(response_set=(("location", location),))
    return answered(made, action.operations)


def _directly(hop: Hop, action: Direct) -> Outcome:
    found = direct_response(action.response, hop.message, action.operations.response)
    return local(Kind.DIRECT, found.status, found.body)._replace(response_set=found.headers)


def answered(outcome: Outcome, operations: Operations) -> Outcome:
    """With the route's own operations on the answer."""
    changes = operations.response
    if not changes.steps:
        return outcome
    touched = {name for name, _ in changes.set_headers} | set(changes.removed_headers) | changes.unknown
    kept = tuple(pair for pair in outcome.response_set if pair[0] not in touched)
    return outcome._replace(
        response_set=(*kept, *changes.set_headers),
        response_added=(*outcome.response_added, *changes.added_headers),
        response_removed=(*outcome.response_removed, *changes.removed_headers),
    )


_NO_DRAW: tuple[tuple[Fraction, float, int | None], ...] = ((ONE, 0.0, None),)


def _acted(hop: Hop, route: Route) -> Iterator[Outcome]:
    """Fault, then CORS, then the router: the order of Envoy's filters."""
    action = route.action
    for chance, delay, status in _draws(route.fault) if route.fault else _NO_DRAW:
        if status is not None:
            outcomes = _aborted(action, local(Kind.FAULT_ABORT, status, BODY), chance)
        elif isinstance(action, Redirect):
            outcomes = iter([_redirected(hop, route, action).times(chance)])
        elif isinstance(action, Direct):
            outcomes = iter([_directly(hop, action).times(chance)])
        else:
            outcomes = _routed(hop, route, action, chance)
        for outcome in outcomes:
            yield outcome._replace(at_least=delay + outcome.at_least) if delay else outcome


def _aborted(action: Action, made: Outcome, chance: Fraction) -> Iterator[Outcome]:
    """Operations are those of the member that would have been drawn; a route without members has none."""
    if not isinstance(action, Forward):
        yield made.times(chance)
        return
    for target in action.targets:
        yield answered(made, target.operations).times(chance * target.share)


def _draws(fault: Fault) -> Iterator[tuple[Fraction, float, int | None]]:
    """Chance, seconds of delay, and the status with which the request is aborted, if it is; only what can happen."""
    for delay, late in ((float(fault.delay), fault.delay_share), (0.0, 1 - fault.delay_share)):
        for status, share in ((fault.status, fault.abort_share), (None, 1 - fault.abort_share)):
            if late * share:
                yield late * share, delay, status


def _routed(hop: Hop, route: Route, action: Forward, chance: Fraction) -> Iterator[Outcome]:
    """The outcomes of a request that is let through; their chances add up to `chance`."""
    shared = cors.answer(action.cors, hop.message, hop.proxy.world.version) if action.cors else None
    if isinstance(shared, cors.Preflight):
        yield local(Kind.PREFLIGHT, shared.status, "")._replace(response_set=shared.headers, probability=chance)
        return
    for target in action.targets:
        part = both(chance, target.share)
        found = hop.proxy.cluster(target.cluster)
        if isinstance(found, Missing):
            hop.trail.append(Step("destination", f"no cluster: {found.why}", route.by, target.field))
            made = local(Kind.CLUSTER_MISSING, 503, "", found.why)
            outcomes = [made.times(part)]
        else:
            hop.trail.append(Step("destination", found.name, route.by, target.field))
            passage = _rewritten(hop, route, action, target.operations)
            refused = refused_share(found, passage.request.at_once)
            spread = _spread(hop, found, passage)
            through = part * (1 - refused) if refused else part
            outcomes = tried(spread, action.retries, action.timeout, through, is_hashed=found.is_sticky)
            # Envoy looks for an endpoint first, and copies nothing where there is none.
            if action.copies and (found.to_dialled or found.members):
                copies = tuple(_copies(hop, action, passage))
                outcomes = [each._replace(mirrors=copies) for each in outcomes]
            if refused:
                hop.trail.append(Step("connection pool", "more at once than its limits let through", found.policy.by))
                outcomes.append(overflow().times(part * refused))
        for outcome in outcomes:
            final = answered(outcome, target.operations)
            yield _shared(final, shared.headers) if shared else final


def _shared(outcome: Outcome, headers: Headers) -> Outcome:
    """CORS speaks last: its headers replace whatever was there."""
    names = {name for name, _ in headers}
    return outcome._replace(
        response_set=(*(pair for pair in outcome.response_set if pair[0] not in names), *headers),
        response_added=tuple(pair for pair in outcome.response_added if pair[0] not in names),
        response_removed=tuple(name for name in outcome.response_removed if name not in names),
    )


def _rewritten(hop: Hop, route: Route, action: Forward, operations: Operations) -> Passage:
    """The request as it leaves this proxy."""
    message, edits, changes = hop.message, hop.passage.edits, operations.request
    authority, original_host = operations.authority(message.authority)
    if action.rewrite is None and original_host is None and not changes.steps:
        return hop.passage
    path, original = rewritten(action.rewrite, route.matcher, message, hop.proxy.world.version)
    edits = edits.then(Edits(changes.set_headers, changes.added_headers, changes.removed_headers))
    # Envoy notes these after the operations.
    pairs = ((ORIGINAL_PATH, original), (ORIGINAL_HOST, original_host))
    noted = tuple((name, value) for name, value in pairs if value is not None)
    edits = edits.then(Edits(noted))
    plain, mark, query = path.partition("?")
    sent = replace(
        message,
        authority=authority,
        path=plain,
        query=query if mark else None,
        headers={**changes.apply(message.headers), **{name: (value,) for name, value in noted}},
    )
    return hop.passage._replace(message=sent, edits=edits)


def _spread(hop: Hop, found: Cluster, passage: Passage) -> list[Place]:
    """Every endpoint; a single answer where there is none."""
    if found.to_dialled:
        return [(_visited(hop, found, dialled_endpoint(hop.proxy, found, hop.dialled), passage), ONE)]
    if not found.members:
        hop.trail.append(Step("endpoints", f"none behind {found.key}"))
        return [((local(Kind.NO_ENDPOINTS, 503, "no healthy upstream"),), ONE)]
    return [(_visited(hop, found, endpoint, passage), share) for endpoint, share in found.members]


def dialled_endpoint(proxy: Proxy, found: Cluster, dialled: tuple[str, int]) -> Endpoint:
    """Of a cluster that goes where the client dialled."""
    address, port = dialled
    pod = proxy.world.pods.by_address.get(address)
    mutual = found.service.speaks_mutual_tls(found.key.port)
    return Endpoint(address, found.override or port, {}, pod, speaks_mutual_tls=mutual)


def is_impostor(proxy: Proxy, found: Cluster, endpoint: Endpoint) -> bool:
    """Whether the certificate there is not one of the service's: the proxy verifies whose account it names.

    The address may be another Service's that leads to pods of the same account.
    """
    if not found.to_dialled:
        return False
    members = [each for group in found.service.endpoints.values() for each in group]
    if endpoint.address in (*found.service.addresses, *(each.address for each in members)):
        return False
    accounts = {_account(each.pod) for each in members if each.pod}
    there = proxy.world.pods_at(endpoint.address, endpoint.port)
    return not there or not all(each.has_sidecar and _account(each) in accounts for each in there)


def _account(pod: Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.service_account


def spoken(proxy: Proxy, found: Cluster, endpoint: Endpoint, trail: list[Step]) -> Chosen:
    """How the proxy speaks to an endpoint, noted in the trail."""
    key = (found, endpoint.address, endpoint.port)
    known = proxy.spoken.get(key)
    if known is None:
        chosen = _chosen(proxy, found, endpoint)
        text = f"{_name(endpoint)} by {chosen.transport.value}: {chosen.why}"
        known = proxy.spoken[key] = (chosen, Step("endpoint", text, chosen.by))
    trail.append(known[1])
    return known[0]


def _chosen(proxy: Proxy, found: Cluster, endpoint: Endpoint) -> Chosen:
    world = proxy.world

    def door_at(place: Endpoint) -> Door | None:
        return door_of(world, place.pod, place.port) if place.pod else None

    return transport(
        found, endpoint, door_at, world.version, at_gateway=proxy.is_gateway, auto=world.mesh.enable_auto_mtls
    )


def _visited(hop: Hop, found: Cluster, endpoint: Endpoint, passage: Passage) -> list[Outcome]:
    proxy = hop.proxy
    chosen = spoken(proxy, found, endpoint, hop.trail)
    sent = passage.sent_on(proxy.address_for(passage.source))
    if chosen.transport is Transport.MUTUAL:
        if is_impostor(proxy, found, endpoint):
            return [proxied(failed(Kind.TLS_REFUSED, f"{endpoint.address} is none of {found.key.host}"))]
        sent = sent.by_mutual_tls(proxy.principal, mesh_sni(found, chosen.tls.sni if chosen.tls else None))
    if chosen.transport is Transport.OWN_TLS and chosen.tls is not None:
        assert sent.message, "an HTTP proxy has read what it sends on"
        host = without_port(sent.message.authority)
        sent = sent._replace(tls=handshake(proxy.world, chosen.tls, proxy.namespace, host))
    outcomes = hop.deliver(endpoint.address, endpoint.port, sent, hop.trail)
    return [_through(outcome, proxy) for outcome in outcomes]


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.pod.metadata.name if endpoint.pod else endpoint.address}:{endpoint.port}"


def mesh_sni(found: Cluster, sni: str | None) -> str:
    """The name in the mesh's own handshake: that of the cluster, unless tls.sni says another."""
    return sni or found.sni


def _through(outcome: Outcome, proxy: Proxy) -> Outcome:
    """What the proxy makes of the answer: its own name as server, and how long upstream took."""
    made = proxied(outcome)
    if made is not outcome or made.status is None:
        return made
    server = "istio-envoy" if proxy.is_gateway else "envoy"
    return made.served_by(server, upstream_time=True)


def _shadowed(hop: Hop, passage: Passage) -> Passage:
    """Until 1.27 the Host of a copy says that it is one."""
    if hop.proxy.world.version.has(Since.PLAIN_MIRROR_HOST) or passage.message is None:
        return passage
    host = without_port(passage.message.authority)
    authority = f"{host}-shadow{passage.message.authority[len(host) :]}"
    return passage._replace(message=replace(passage.message, authority=authority))


def _copies(hop: Hop, action: Forward, passage: Passage) -> Iterator[Mirror]:
    shadowed = _shadowed(hop, passage)
    for copy in action.copies:
        found = hop.proxy.cluster(copy.cluster)
        if isinstance(found, Missing):
            hop.trail.append(Step("mirror", f"skipped: {found.why}"))
            continue
        quiet = hop._replace(trail=[])
        for outcomes, share in _spread(quiet, found, shadowed):
            for outcome in outcomes:
                if outcome.sight is not None:
                    yield Mirror(copy.share * share * outcome.probability, outcome.sight)
