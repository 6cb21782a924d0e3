"""Data ports that speak no HTTP: a line comes in, the workload says who it is and says the line again.

token T-1 hello            one line from the client, its token if it wants to be found again
answered-by echo-v1        two lines back, then the connection ends
hello
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from workload.journal import Entry, Journal
from workload.settings import Settings

MAXIMUM_LINE_BYTES: Final = 64 * 1024
LINE_SECONDS: Final = 30.0
WORD: Final = "token"
ANSWERED_BY: Final = "answered-by"


def line_of(token: str, text: str) -> bytes:
    """What a client sends."""
    return f"{WORD} {token} {text}\n".encode()


def told(line: str) -> tuple[str | None, str]:
    """Token and text of a line; a line of somebody else has no token."""
    word, _, rest = line.partition(" ")
    if word != WORD:
        return None, line
    token, _, text = rest.partition(" ")
    return token, text


def heard(answer: str) -> tuple[str | None, str]:
    """Who answered, and what; nobody if it is not the answer of such a port."""
    first, newline, rest = answer.partition("\n")
    word, _, name = first.partition(" ")
    return (name, rest.removesuffix("\n")) if newline and word == ANSWERED_BY else (None, answer)


async def listen_tcp(settings: Settings, journal: Journal, port: int) -> asyncio.Server:
    """Serve one port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), LINE_SECONDS)
            if not line:
                return
            token, text = told(line.decode("utf-8", "replace").rstrip("\r\n"))
            journal.record(
                Entry(at=time.time(), token=token, method="", target=b"", http_version="", headers=(), peer_names=())
            )
            writer.write(f"{ANSWERED_BY} {settings.workload}\n{text}\n".encode())
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            # Whoever hangs up, says nothing or does not end its line gets no answer.
            pass
        finally:
            writer.close()

    return await asyncio.start_server(connected, settings.host, port, limit=MAXIMUM_LINE_BYTES)
