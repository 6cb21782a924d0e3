"""Executes plans: requests in order, one answer or one failure for each, nothing repeated.

A plan runs in a thread of its own with httpx's synchronous client. httpx is imported when the first plan runs,
because most workloads never get one.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from workload.handshakes import Handshake, Witness, alert_of, context_for
from workload.plain_streams import Unreachable, sent_text
from workload.plans import Plan, PlanError, PlannedRequest, target_of
from workload.remote_calls import called

if TYPE_CHECKING:
    import httpx

# Of one answer's body, enough to judge it by.
KEPT_BODY_BYTES: Final = 64 * 1024
# Of all bodies of a plan together: 10,000 answers at their own limit would be 640 MiB of memory.
KEPT_PLAN_BYTES: Final = 32 * 1024 * 1024


class FailureKind(Enum):
    """Why there is no answer, as the client can tell it."""

    CONNECTION = "connection"  # nobody there: refused, unreachable
    RESET = "reset"  # the peer ended the connection before its answer was complete, by RST or by closing it
    TLS = "tls"  # an alert, or a certificate that does not verify
    NAME = "name"  # the name does not resolve
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"  # what came back is not HTTP


class PlanExecution:
    """One plan on its way: the open connections and the budget of kept bytes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._own = Handshake(ca=plan.ca, certificate=plan.certificate)
        handshakes = {self._own, *(each.tls for each in plan.requests if each.tls is not None)}
        # Before anything is sent, so that a plan with text that is not PEM sends nothing.
        self._contexts = {each: _context(each) for each in handshakes}
        self._clients: dict[tuple[str | None, str, Handshake, str, str], httpx.Client] = {}
        self._budget = KEPT_PLAN_BYTES

    def run(self) -> list[dict[str, object]]:
        """Execute the requests in their order, or all at once."""
        try:
            if self._plan.at_once:
                return self._all_at_once()
            return [self.exchange(request) for request in self._plan.requests]
        finally:
            self.close()

    def close(self) -> None:
        """Give up the connections."""
        for client in self._clients.values():
            client.close()

    def _all_at_once(self) -> list[dict[str, object]]:
        """Every request has a thread, which waits until the last one has been started."""
        requests = self._plan.requests
        if not requests:
            return []
        for request in requests:
            self._client(request)
        start = threading.Barrier(len(requests))

        def sent(request: PlannedRequest) -> dict[str, object]:
            start.wait()
            return self.exchange(request)

        with ThreadPoolExecutor(len(requests)) as threads:
            return list(threads.map(sent, requests))

    def exchange(self, request: PlannedRequest) -> dict[str, object]:
        """Send one request; its answer or its failure."""
        import httpx  # noqa: PLC0415  see the module's docstring

        result: dict[str, object] = {"token": request.token, "started": time.time()}
        start = time.perf_counter()
        deadline = start + self._plan.timeout_seconds
        witness = Witness()
        try:
            outcome: dict[str, object] = {"answer": self._answered(request, deadline, witness)}
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            kind = failure_kind(error)
            detail = f"{type(error).__name__}: {error}"
            outcome = {"failure": {"kind": kind.value, "detail": detail, "alert": alert_of(_chain(error))}}
        return result | {"seconds": time.perf_counter() - start, "served": witness.served} | outcome

    def _answered(self, request: PlannedRequest, deadline: float, witness: Witness) -> dict[str, object]:
        if request.scheme == "tcp":
            return sent_text(request, deadline)
        if request.scheme == "grpc":
            return called(request, deadline)
        return self._answer(request, deadline, witness)

    def _answer(self, request: PlannedRequest, deadline: float, witness: Witness) -> dict[str, object]:
        client = self._client(request)
        response = client.send(self._outgoing(request, witness), stream=True)
        witness.note(response.extensions.get("network_stream"))
        try:
            body, cut = self._body(response, deadline)
        finally:
            response.close()
        return {
            "status": response.status_code,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.headers.raw],
            "body": body.decode("utf-8", "replace"),
            "body_cut": cut,
            "http_version": response.http_version,
        }

    def _body(self, response: httpx.Response, deadline: float) -> tuple[bytes, bool]:
        """The beginning of the body; the rest is read too, because only then is the answer known to be complete."""
        kept = bytearray()
        limit = min(KEPT_BODY_BYTES, self._budget)
        cut = False
        for chunk in response.iter_raw():
            if time.perf_counter() > deadline:
                raise TimeoutError(f"the body was not complete after {self._plan.timeout_seconds:g} s")
            cut = cut or len(kept) + len(chunk) > limit
            kept += chunk[: limit - len(kept)]
        self._budget -= len(kept)
        return bytes(kept), cut

    def _client(self, request: PlannedRequest) -> httpx.Client:
        """A client per dialled address and origin: with `via`, two hosts share an address but not a connection."""
        import httpx  # noqa: PLC0415

        origin = "{0.scheme}://{0.netloc}".format(urlsplit(request.url))
        handshake = request.tls or self._own
        # At once, each request has a client of its own: threads that share one and keep no connection now and then
        # close each other's (EBADF while reading an answer, one request in about a thousand).
        alone = request.token if self._plan.at_once else ""
        key = (request.via, origin, handshake, request.http, alone)
        if key not in self._clients:
            connections = 1 if self._plan.kept else 0
            limits = httpx.Limits(max_keepalive_connections=connections, keepalive_expiry=None)
            self._clients[key] = httpx.Client(
                trust_env=False,
                follow_redirects=False,
                verify=self._contexts[handshake],
                timeout=self._plan.timeout_seconds,
                limits=limits,
                # One version only: without TLS the client has to know beforehand which one the server speaks.
                http1=request.http == "1.1",
                http2=request.http == "2",
            )
        return self._clients[key]

    def _outgoing(self, request: PlannedRequest, witness: Witness) -> httpx.Request:
        """The request as planned: the target byte by byte, where httpx would resolve dots and re-encode."""
        import httpx  # noqa: PLC0415

        parts = urlsplit(request.url)
        extensions: dict[str, object] = {"target": target_of(request.url).encode()}
        extensions["sni_hostname"] = (request.tls or self._own).server_name(parts.hostname)
        extensions["trace"] = witness
        dialled = f"{parts.scheme}://{request.via or parts.netloc}/"
        return httpx.Request(
            request.method,
            dialled,
            headers=sent_headers(request, parts.netloc),
            content=None if request.body is None else request.body.encode(),
            extensions=extensions,
        )


def sent_headers(request: PlannedRequest, host: str) -> list[tuple[bytes, bytes]]:
    """What goes out with a request: our own few headers unless they are given, the token, and those given."""
    own = {"host": host, "accept": "*/*", "accept-encoding": "identity", "user-agent": "conformance-workload"}
    given = {name.lower() for name, _ in request.headers}
    pairs = [(name, value) for name, value in own.items() if name not in given]
    pairs += [("x-conformance-token", request.token), *request.headers]
    return [(name.encode(), value.encode()) for name, value in pairs]


def _context(handshake: Handshake) -> ssl.SSLContext:
    try:
        return context_for(handshake)
    except (ssl.SSLError, ValueError) as error:
        raise PlanError(f"ca, certificate: expected PEM text: {error}") from error


def failure_kind(error: BaseException) -> FailureKind:
    """Tell failures apart by the innermost cause: httpx has one class for several of them."""
    import httpx  # noqa: PLC0415

    causes = _chain(error)
    # A peer that hangs up in the middle of a handshake has not said anything about TLS, though ssl reports it.
    by_cause: tuple[tuple[FailureKind, tuple[type[BaseException], ...]], ...] = (
        (FailureKind.TIMEOUT, (httpx.TimeoutException, TimeoutError)),
        (FailureKind.NAME, (socket.gaierror, UnicodeError)),
        (FailureKind.RESET, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError)),
        (FailureKind.TLS, (ssl.SSLError,)),
        (FailureKind.CONNECTION, (httpx.ConnectError, Unreachable)),
        (FailureKind.RESET, (httpx.NetworkError, OSError)),
    )
    for kind, types in by_cause:
        if any(isinstance(cause, types) for cause in causes):
            return kind
    # The last two are HTTP/2's: one request's stream, and the whole connection.
    signs = ("disconnected without sending", "closed connection without", "StreamReset", "ConnectionTerminated")
    closed = any(words in str(error) for words in signs)
    return FailureKind.RESET if closed else FailureKind.PROTOCOL


def _chain(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        current = current.__cause__ or current.__context__
    return causes
