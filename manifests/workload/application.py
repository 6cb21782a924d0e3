"""The data port: ASGI requests in, journal entries and answers out.

Every path and method is answered 200, unless the workload was told to behave otherwise (behaviours.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from workload.behaviours import Behaviours
from workload.bookinfo import Answer, Service, body_of
from workload.journal import TOKEN_HEADER, Entry, Journal
from workload.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def identity_of(settings: Settings) -> dict[str, str]:
    """Who this workload is, as every answer says it."""
    return {
        "workload": settings.workload,
        "pod": settings.pod,
        "service": settings.service,
        "version": settings.version,
    }


class Application:
    """The ASGI application of all data ports."""

    def __init__(self, settings: Settings, journal: Journal, behaviours: Behaviours) -> None:
        self._journal = journal
        self._behaviours = behaviours
        self._service = Service(settings)
        self._identity = identity_of(settings)
        self._answered_by = settings.workload.encode()
        # The plain answer never changes, so its messages are made once.
        self._plain = self._messages(Answer())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the request, then answer it."""
        headers = tuple(scope["headers"])
        value = _value(headers, TOKEN_HEADER)
        token = value.decode("latin-1") if value is not None else None
        self._journal.record(
            Entry(
                at=time.time(),
                token=token,
                method=scope["method"],
                target=scope["state"]["target"],
                http_version=scope["http_version"],
                headers=headers,
                peer_names=scope["state"]["peer_names"],
            )
        )
        if _has_body(headers):
            await _drain(receive)
        behaviour = self._behaviours.of(token)
        if behaviour is not None and behaviour.seconds:
            await asyncio.sleep(behaviour.seconds)
        if behaviour is not None and behaviour.resets:
            scope["state"]["hang_up"]()
            await _end(receive)
            return
        if behaviour is not None and behaviour.status is not None:
            start, body = self._messages(Answer(status=behaviour.status))
        else:
            answer = None if self._service.is_plain else await self._service.answer(scope["path"], headers)
            start, body = self._plain if answer is None else self._messages(answer)
        await send(start)
        await send(body)

    def _messages(self, answer: Answer) -> tuple[Message, Message]:
        body = body_of(answer, self._identity)
        content_type = b"application/json" if answer.page is None else b"text/html; charset=utf-8"
        headers = [
            (b"content-type", content_type),
            (b"content-length", str(len(body)).encode()),
            (b"x-answered-by", self._answered_by),
        ]
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        return start, {"type": "http.response.body", "body": body}


def _value(headers: tuple[tuple[bytes, bytes], ...], wanted: bytes) -> bytes | None:
    for name, value in headers:
        if name == wanted:
            return value
    return None


def _has_body(headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in headers)


async def _end(receive: Receive) -> None:
    """Wait until the server knows that the connection is gone: it answers 500 for who returns without an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drain(receive: Receive) -> None:
    """Wait for the end of the request: an answer ahead of it would make the proxy give up the connection."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
