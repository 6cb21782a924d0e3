"""Data ports that speak HTTP/2 without TLS to who begins with it, HTTP/1.1 to everybody else, and gRPC over HTTP/2.

Served by hypercorn, which is imported when such a port exists: few workloads have one.

A gRPC message is a length and bytes, and its status a trailer, so no generated code is needed: every method of every
service is answered with the workload's identity, and a method called Missing with NOT_FOUND.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from workload.application import Message, Receive, Scope, Send, identity_of
from workload.serving import BACKLOG, GRACE_SECONDS, KEEP_ALIVE_SECONDS
from workload.settings import Settings

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_NEVER: Final = 2**31
_NOT_FOUND: Final = 5


class Http2Port:
    """One port, served until `stop`."""

    def __init__(self, application: Asgi, settings: Settings, host: str, port: int) -> None:
        """Accepts connections from here on: whoever is ready has all of its ports."""
        self._socket = socket.create_server((host, port), backlog=BACKLOG)
        self._stopped = asyncio.Event()
        self._task = asyncio.create_task(self._serve(_told_the_target(_with_grpc(application, settings))))

    async def stop(self) -> None:
        """Accepts nothing more; requests in flight have the grace."""
        self._stopped.set()
        await asyncio.wait([self._task], timeout=GRACE_SECONDS)

    async def _serve(self, application: Asgi) -> None:
        from hypercorn.asyncio import serve  # noqa: PLC0415  see the module's docstring
        from hypercorn.config import Config  # noqa: PLC0415

        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        config.errorlog = None
        config.include_server_header = False
        config.include_date_header = False
        config.keep_alive_timeout = KEEP_ALIVE_SECONDS
        config.keep_alive_max_requests = _NEVER
        config.graceful_timeout = GRACE_SECONDS
        await serve(cast("Any", application), config, shutdown_trigger=self._stopped.wait, mode="asgi")


def _told_the_target(application: Asgi) -> Asgi:
    """What the application wants to know beyond ASGI."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        await application({**scope, "state": {"target": target, "peer_names": ()}}, receive, send)

    return told


def _with_grpc(application: Asgi, settings: Settings) -> Asgi:
    """The same application, whose answers to gRPC calls are gRPC's."""
    message = json.dumps(identity_of(settings)).encode()
    by = settings.workload.encode()

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if not any(
            name == b"content-type" and value.startswith(b"application/grpc") for name, value in scope["headers"]
        ):
            await application(scope, receive, send)
            return

        async def drop(_: Message) -> None:
            """The application records the request; its answer is none of gRPC."""

        await application(scope, receive, drop)
        is_missing = scope["path"].rpartition("/")[2] == "Missing"
        headers = [(b"content-type", b"application/grpc"), (b"x-answered-by", by)]
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
        await send({"type": "http.response.body", "body": b"" if is_missing else framed(message)})
        status = [(b"grpc-status", str(_NOT_FOUND).encode()), (b"grpc-message", b"there is no such thing")]
        trailers = [*(status if is_missing else [(b"grpc-status", b"0")]), (b"x-testimony", by)]
        await send({"type": "http.response.trailers", "headers": trailers, "more_trailers": False})

    return answered


def framed(message: bytes) -> bytes:
    """One gRPC message, not compressed."""
    return b"\x00" + len(message).to_bytes(4, "big") + message
