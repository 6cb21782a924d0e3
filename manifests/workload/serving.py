"""Sockets in, ASGI calls out: uvicorn's httptools protocol on the loop's own servers.

uvicorn.Server is not used. It polls ten times a second, takes the signals for itself and is made for one port, while
a cluster runs a dozen of these processes, most of them idle, each with several ports and one SIGTERM.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from workload.settings import Port, Security, Settings

# Longer than any proxy keeps an idle connection (Envoy: one hour), so that only the proxy ever closes one: a server
# that closes first turns an unlucky request into a 503.
KEEP_ALIVE_SECONDS: Final = 7_200

# What an answer in flight may take after SIGTERM; the process is to be gone within a second.
GRACE_SECONDS: Final = 0.7

# Enough for a burst of fresh connections between two turns of the loop.
BACKLOG: Final = 2_048


class JoiningTransport(asyncio.Transport):
    """Sends the head and the body of an answer with one write.

    uvicorn writes them one after the other, and uvloop sends each write at once: two system calls, two packets, and a
    stall of 40 ms wherever the first waits for a delayed acknowledgement. So a write is held until the next one, and
    goes alone when the loop turns without one.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hold the first part, send it with the second."""
        if self._held:
            self._transport.write(self._held + bytes(data))
            self._held = b""
        else:
            self._held = bytes(data)
            self._loop.call_soon(self._release)

    def close(self) -> None:
        """Send what is held, then close."""
        self._release()
        self._transport.close()

    def _release(self) -> None:
        if self._held:
            self._transport.write(self._held)
            self._held = b""


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 that also tells the application the exact request target and the names in a client's certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who the client is, if it proved that."""
        super().connection_made(JoiningTransport(transport, self.loop))
        # uvicorn copies this state into the scope of each request on the connection.
        self.app_state = {"peer_names": _peer_names(transport), "target": b"", "hang_up": transport.abort}

    def on_headers_complete(self) -> None:
        """Pass the target on as it arrived: uvicorn's path and query lose an empty query and an absolute form."""
        super().on_headers_complete()
        self.scope["state"]["target"] = self.url


class Listeners:
    """Every port of the process, stopped together."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._state = ServerState()

    async def listen(
        self, application: Callable[..., Awaitable[None]], *, host: str, port: int, context: ssl.SSLContext | None
    ) -> None:
        """Serve an ASGI application on one port."""
        config = uvicorn.Config(
            application,
            http=Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        config.load()
        loop = asyncio.get_running_loop()

        def connection() -> Protocol:
            return Protocol(config=config, server_state=self._state, app_state={}, _loop=loop)

        self._servers.append(await loop.create_server(connection, host, port, ssl=context, backlog=BACKLOG))

    def add(self, server: asyncio.Server) -> None:
        """A server of something else than HTTP, to be closed with the others."""
        self._servers.append(server)

    async def stop(self) -> None:
        """Accept nothing more, let requests in flight finish within the grace."""
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
        # uvicorn's protocol takes itself out of the set and tells nobody.
        while self._state.connections and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def context_of(port: Port, settings: Settings) -> ssl.SSLContext | None:
    """The TLS context a data port needs, or None."""
    if port.security is Security.PLAIN:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(settings.certificate, settings.key)
    if port.security is Security.MUTUAL:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(settings.client_ca)
    return context


def _peer_names(transport: asyncio.Transport) -> tuple[str, ...]:
    tls: Any = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if tls is not None else None
    return tuple(f"{kind}:{name}" for kind, name in (certificate or {}).get("subjectAltName", ()))
