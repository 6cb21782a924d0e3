"""The client's side of a TCP connection: one line out, everything that comes back in, until the peer ends it."""

from __future__ import annotations

import socket
import time
from typing import Final, Protocol
from urllib.parse import urlsplit

from workload.tcp import heard, line_of

MAXIMUM_ANSWER_BYTES: Final = 64 * 1024


class Unreachable(OSError):  # noqa: N818  the state of the network, as the other kinds of OSError
    """No connection came about."""


class Sendable(Protocol):
    """What is needed of a planned request."""

    @property
    def token(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def body(self) -> str | None: ...
    @property
    def via(self) -> str | None: ...
    @property
    def headers(self) -> tuple[tuple[str, str], ...]: ...


def address_of(request: Sendable) -> tuple[str, int]:
    """Host and port to dial."""
    parts = urlsplit(f"//{request.via}" if request.via else request.url)
    return parts.hostname or "", parts.port or 0


def sent_text(request: Sendable, deadline: float) -> dict[str, object]:
    """An answer without status, its sender taken from the banner. Raises OSError for a connection without an answer."""
    connection = _connected(request, deadline)
    with connection:
        connection.sendall(line_of(request.token, request.body or ""))
        received = bytearray()
        while chunk := _received(connection, deadline):
            received += chunk
            if len(received) > MAXIMUM_ANSWER_BYTES:
                break
    if not received:
        raise ConnectionResetError("the peer closed the connection without an answer")
    by, text = heard(received[:MAXIMUM_ANSWER_BYTES].decode("utf-8", "replace"))
    headers = [] if by is None else [["x-answered-by", by]]
    cut = len(received) > MAXIMUM_ANSWER_BYTES
    return {"status": None, "headers": headers, "body": text, "body_cut": cut, "http_version": ""}


def _connected(request: Sendable, deadline: float) -> socket.socket:
    try:
        return socket.create_connection(address_of(request), timeout=_left(deadline))
    except (TimeoutError, socket.gaierror):
        raise
    except OSError as error:
        raise Unreachable(str(error)) from error


def _received(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    return connection.recv(65536)


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.perf_counter())
