"""Executes plans: requests in order, one answer or one failure for each, nothing repeated.

A plan runs in a thread of its own with httpx's synchronous client. httpx is imported when the first plan runs,
because most workloads never get one.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from workload.handshakes import VERSIONS, Handshake, Witness, alert_of, context_for
from workload.plain_streams import Unreachable, sent_text
from workload.remote_calls import called

if TYPE_CHECKING:
    import httpx

MAXIMUM_REQUESTS: Final = 10_000
# Each is a thread.
MAXIMUM_AT_ONCE: Final = 500
MAXIMUM_BODY_BYTES: Final = 1024 * 1024
MAXIMUM_TIMEOUT_SECONDS: Final = 300.0
# Of one answer's body, enough to judge it by.
KEPT_BODY_BYTES: Final = 64 * 1024
# Of all bodies of a plan together: 10,000 answers at their own limit would be 640 MiB of memory.
KEPT_PLAN_BYTES: Final = 32 * 1024 * 1024

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HTTP_VERSION = re.compile(r"1\.1|2")
HEADER_VALUE = re.compile(r"[^\x00\r\n]*")
URL = re.compile(r"https?://[!\x22$-.0-\x3e@-~]+(?P<target>[!\x22$-~]*)")
PLANNED_URL = re.compile(r"(?:https?|tcp|grpc)://[!\x22$-.0-\x3e@-~]+(?P<target>[!\x22$-~]*)")
VIA = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):(?P<port>[0-9]{1,5})")


class PlanError(Exception):
    """The plan cannot be executed; the text says which part and what was expected."""


class FailureKind(Enum):
    """Why there is no answer, as the client can tell it."""

    CONNECTION = "connection"  # nobody there: refused, unreachable
    RESET = "reset"  # the peer ended the connection before its answer was complete, by RST or by closing it
    TLS = "tls"  # an alert, or a certificate that does not verify
    NAME = "name"  # the name does not resolve
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"  # what came back is not HTTP


@dataclass(frozen=True)
class PlannedRequest:
    """One request of a plan."""

    token: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str | None
    via: str | None
    tls: Handshake | None = None
    """None: as the whole plan says."""
    http: str = "1.1"

    @property
    def scheme(self) -> str:
        """http, https, tcp or grpc."""
        return urlsplit(self.url).scheme


@dataclass(frozen=True)
class Plan:
    """Requests and how to send them. `certificate` holds the client's chain and key in one PEM text."""

    requests: tuple[PlannedRequest, ...]
    kept: bool
    at_once: bool
    """All at the same time, each on a connection of its own, instead of one after the other."""
    timeout_seconds: float
    ca: str | None
    certificate: str | None


def plan_from(content: object) -> Plan:
    """Read a plan from decoded JSON; raise PlanError for anything it does not expect."""
    fields = _fields(
        content,
        "plan",
        allowed={"requests", "connection", "at_once", "timeout_seconds", "ca", "certificate"},
        needed={"requests"},
    )
    requests = fields["requests"]
    if not isinstance(requests, list) or len(requests) > MAXIMUM_REQUESTS:
        raise PlanError(f"requests: expected a list of at most {MAXIMUM_REQUESTS} requests")
    connection = fields.get("connection", "fresh")
    if connection not in {"fresh", "kept"}:
        raise PlanError(f"connection: expected fresh or kept, found {connection!r}")
    at_once = fields.get("at_once", False)
    if not isinstance(at_once, bool) or (at_once and (connection == "kept" or len(requests) > MAXIMUM_AT_ONCE)):
        raise PlanError(f"at_once: expected true for at most {MAXIMUM_AT_ONCE} requests on fresh connections, or false")
    timeout = fields.get("timeout_seconds", 10.0)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= MAXIMUM_TIMEOUT_SECONDS:
        raise PlanError(f"timeout_seconds: expected more than 0, at most {MAXIMUM_TIMEOUT_SECONDS:g}")
    return Plan(
        requests=tuple(_planned(request, f"requests[{index}]") for index, request in enumerate(requests)),
        kept=connection == "kept",
        at_once=at_once,
        timeout_seconds=float(timeout),
        ca=_text_or_none(fields, "ca", "plan"),
        certificate=_text_or_none(fields, "certificate", "plan"),
    )


def _planned(content: object, where: str) -> PlannedRequest:
    fields = _fields(
        content,
        where,
        allowed={"token", "method", "url", "headers", "body", "via", "tls", "http"},
        needed={"token", "method", "url"},
    )
    request = PlannedRequest(
        token=_matching(fields["token"], TOKEN, f"{where}.token", "an HTTP token"),
        method=_matching(fields["method"], TOKEN, f"{where}.method", "an HTTP method"),
        url=_matching(
            fields["url"],
            PLANNED_URL,
            f"{where}.url",
            "an http, https, tcp or grpc URL in printable ASCII, no fragment",
        ),
        headers=headers_from(fields.get("headers", []), f"{where}.headers"),
        body=_text_or_none(fields, "body", where),
        via=_text_or_none(fields, "via", where),
        tls=None if fields.get("tls") is None else _handshake(fields["tls"], f"{where}.tls"),
        http=_matching(fields.get("http", "1.1"), HTTP_VERSION, f"{where}.http", "1.1 or 2"),
    )
    _require_port(request.url, f"{where}.url")
    if request.via is not None:
        _matching(request.via, VIA, f"{where}.via", "HOST:PORT")
        _require_port(f"http://{request.via}", f"{where}.via")
    if request.body is not None and len(request.body.encode()) > MAXIMUM_BODY_BYTES:
        raise PlanError(f"{where}.body: expected at most {MAXIMUM_BODY_BYTES} bytes")
    return request


def _handshake(content: object, where: str) -> Handshake:
    words = ("ca", "certificate", "sni", "max_version")
    fields = _fields(content, where, allowed=set(words), needed=set())
    made = Handshake(**{word: _text_or_none(fields, word, where) for word in words})
    if made.max_version not in {None, *VERSIONS}:
        raise PlanError(f"{where}.max_version: expected one of {', '.join(VERSIONS)}")
    return made


def headers_from(content: object, where: str) -> tuple[tuple[str, str], ...]:
    """Pairs of strings that can stand in a request."""
    if not isinstance(content, list):
        raise PlanError(f"{where}: expected a list of [name, value]")
    headers = []
    for index, pair in enumerate(content):
        if not isinstance(pair, list) or len(pair) != 2:
            raise PlanError(f"{where}[{index}]: expected [name, value]")
        name = _matching(pair[0], TOKEN, f"{where}[{index}] name", "an HTTP token")
        headers.append((name, _matching(pair[1], HEADER_VALUE, f"{where}[{index}] value", "text in one line")))
    return tuple(headers)


def _fields(content: object, where: str, *, allowed: set[str], needed: set[str]) -> Mapping[str, object]:
    if not isinstance(content, dict):
        raise PlanError(f"{where}: expected an object")
    if unknown := set(content) - allowed:
        raise PlanError(f"{where}: expected only {', '.join(sorted(allowed))}, found {', '.join(sorted(unknown))}")
    if missing := needed - set(content):
        raise PlanError(f"{where}: expected also {', '.join(sorted(missing))}")
    return content


def _matching(value: object, pattern: re.Pattern[str], where: str, expected: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PlanError(f"{where}: expected {expected}, found {str(value)[:200]!r}")
    return value


def _text_or_none(fields: Mapping[str, object], name: str, where: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise PlanError(f"{where}.{name}: expected text or null")
    return value


def _require_port(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.hostname is not None and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise PlanError(f"{where}: expected a host and, if any, a port from 1 to 65535, found {url[:200]!r}")


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
        match = URL.fullmatch(request.url)
        target = match["target"] if match else ""
        extensions: dict[str, object] = {"target": (target if target.startswith("/") else f"/{target}").encode()}
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
