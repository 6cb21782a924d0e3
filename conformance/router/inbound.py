"""At the workload: its sidecar's checks, then the application itself (specification, sections 21, 22 and 26.4)."""

from __future__ import annotations

from conformance.router.codec import Refused, read_again, received
from conformance.router.doors import Door, answers, door_of
from conformance.router.guarding import guarded, guarded_stream
from conformance.router.message import Message
from conformance.router.names import covers
from conformance.router.objects.kubernetes import Pod, TlsServer
from conformance.router.passage import UPSTREAM_ERROR, Passage, failed, local, unread
from conformance.router.peer_authentication import Mode
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.registry import Protocol
from conformance.router.request import Handshake, Headers
from conformance.router.trace import Step
from conformance.router.transport import Transport
from conformance.router.world import World

_SERVER: Headers = (("server", "istio-envoy"),)


def at_workload(world: World, pod: Pod, port: int, passage: Passage, trail: list[Step]) -> Outcome:  # noqa: PLR0911 - every check has its own way out
    """What becomes of a connection to a pod that is no gateway."""
    if not pod.has_sidecar or port in pod.excluded_inbound:
        if passage.transport is Transport.MUTUAL:
            return failed(Kind.TLS_REFUSED, f"{pod.workload} has no sidecar to speak mutual TLS with")
        return application(pod, port, passage, on_loopback=False)
    door = door_of(world, pod, port)
    refusal = _handshake(door, passage, trail)
    if refusal is not None:
        return refusal
    if _reads_http(world, door, passage):
        return _http(world, door, passage, trail)
    if not passage.is_http and passage.request.scheme == "tcp" and door.protocol is Protocol.HTTP:
        return local(Kind.BAD_REQUEST, 400, "", "these bytes are no HTTP request")
    closed = guarded_stream(door, passage, trail)
    if closed is not None:
        return closed
    # Nobody writes the caller's name into bytes that are only passed on.
    found = application(pod, door.target, passage._replace(principal=None), on_loopback=door.on_loopback)
    return failed(Kind.CLOSED, found.reason) if found.kind is Kind.REFUSED else found


def _handshake(door: Door, passage: Passage, trail: list[Step]) -> Outcome | None:
    """Whether the server takes this kind of connection; None if it does."""
    mode, by, field = door.mode
    is_mutual = passage.transport is Transport.MUTUAL
    if mode is not Mode.PERMISSIVE:
        trail.append(Step("peer authentication", f"{mode} at port {door.port}", by, field, mode))
        if mode is Mode.STRICT and not is_mutual:
            kind = Kind.RESET_PLAINTEXT if passage.tls is None else Kind.TLS_REFUSED
            return failed(kind, f"{door.pod.workload} takes mutual TLS of the mesh only")
        if mode is Mode.DISABLE and is_mutual:
            return failed(Kind.TLS_REFUSED, f"{door.pod.workload} takes no mutual TLS")
    if passage.tls is not None and not is_mutual and door.protocol is Protocol.HTTP:
        return failed(Kind.TLS_REFUSED, f"port {door.port} is declared HTTP and takes no TLS but the mesh's")
    return None


def _reads_http(world: World, door: Door, passage: Passage) -> bool:
    if not passage.is_http or passage.tls is not None:
        return False
    if door.protocol is not Protocol.SNIFFED:
        return door.protocol is Protocol.HTTP
    is_hidden = passage.transport is Transport.MUTUAL and not world.mesh.has_istio_proxy
    return not is_hidden and passage.request.http_version != "1.0"


def _http(world: World, door: Door, passage: Passage, trail: list[Step]) -> Outcome:
    level = world.mesh.path_normalization
    message: Message | Refused
    if passage.message is None:
        message = received(passage.request, scheme="http", normalization=level)
    elif passage.edits.set_headers:
        message = read_again(passage.message, level)
    else:
        message = passage.message
    if isinstance(message, Refused):
        return unread(message)
    admitted = guarded(world, door, passage, message, trail)
    if isinstance(admitted, Outcome):
        return by_server(admitted) if admitted.status else admitted
    if not door.is_answered:
        reason = f"nothing listens at port {door.target} of {door.pod.workload}"
        return by_server(local(Kind.CONNECT_FAIL, 503, UPSTREAM_ERROR, reason))
    found = application(door.pod, door.target, admitted, on_loopback=door.on_loopback, server=_SERVER)
    return by_server(_broken(found)) if found.status is None else found


def _broken(found: Outcome) -> Outcome:
    """The application closed the connection: its own sidecar answers for it."""
    made = local(Kind.UPSTREAM_RESET, 503, UPSTREAM_ERROR, found.reason)
    return made._replace(sight=found.sight, attempts=found.attempts)


def by_server(outcome: Outcome) -> Outcome:
    return outcome.served_by("istio-envoy")


def application(pod: Pod, port: int, passage: Passage, *, on_loopback: bool, server: Headers = ()) -> Outcome:
    """What the application makes of what reaches it; `server` is the header its own sidecar puts on the answer."""
    if not answers(pod, port, on_loopback=on_loopback):
        return failed(Kind.REFUSED, f"nothing listens at port {port} of {pod.workload}")
    mismatch = _tls_mismatch(pod, port, passage)
    if mismatch is not None:
        return mismatch
    sight = sight_of(pod, port, passage)
    behaviour = pod.behaviour
    if behaviour.resets:
        return Outcome(Kind.CLOSED, sight=sight, reason=f"{pod.workload} closes the connection")
    if not passage.is_http:
        return Outcome(Kind.UPSTREAM, sight=sight, at_least=behaviour.seconds)
    return Outcome(
        Kind.UPSTREAM,
        status=behaviour.status,
        sight=sight,
        response_set=(*behaviour.headers, *server),
        at_least=behaviour.seconds,
    )


def _tls_mismatch(pod: Pod, port: int, passage: Passage) -> Outcome | None:
    """Why client and application do not come to speak; None if they do."""
    own = pod.tls_ports.get(port)
    if own is None and passage.tls is not None:
        return failed(Kind.TLS_REFUSED, f"port {port} of {pod.workload} speaks no TLS")
    if own is not None:
        if passage.tls is None:
            return failed(Kind.CLOSED, f"port {port} of {pod.workload} wants TLS")
        distrust = _distrust(own, passage.tls)
        if distrust:
            return failed(Kind.TLS_REFUSED, f"{pod.workload} shows a certificate {distrust}")
        shown = passage.tls.certificate
        if own.client_authority and (shown is None or shown.authority != own.client_authority):
            return failed(Kind.TLS_REFUSED, f"{pod.workload} wants a client certificate of another authority")
    return None


def _distrust(server: TlsServer, client: Handshake) -> str:
    """Why the client does not take the server's certificate; empty if it does."""
    if client.trusts is not None and client.trusts != server.authority:
        return "of an authority that the client does not trust"
    wanted = [name.lower() for name in client.names]
    if wanted and server.names and not any(covers(each, name) for each in server.names for name in wanted):
        return f"without any of the names {', '.join(wanted)}"
    return ""


def sight_of(pod: Pod, port: int, passage: Passage) -> Sight:
    request, read, edits, is_http = passage.request, passage.message, passage.edits, passage.is_http
    return Sight(
        workload=pod.workload,
        namespace=pod.metadata.namespace,
        pod=pod.metadata.name,
        address=pod.address,
        port=port,
        method=request.method if is_http else "",
        path=(read.target if read else request.path) if is_http else "",
        host=(read.authority if read else request.sent_authority()) if is_http else "",
        set_headers=edits.set_headers,
        added_headers=edits.added_headers,
        removed_headers=edits.removed_headers,
        principal=passage.principal,
    )
