"""Carries connections from 127.0.0.1 of the user's machine into the cluster's private network.

The listening sockets were made outside and inherited: a socket stays in the network namespace it was made in, so
this process accepts there and dials here, and nothing of the host's network has to change.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Mapping

_CHUNK = 256 * 1024


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _carry(outer: tuple[asyncio.StreamReader, asyncio.StreamWriter], target: tuple[str, int]) -> None:
    outer_reader, outer_writer = outer
    try:
        inner_reader, inner_writer = await asyncio.open_connection(*target)
    except OSError:
        outer_writer.transport.abort()
        return
    await asyncio.gather(_pump(outer_reader, inner_writer), _pump(inner_reader, outer_writer))
    for writer in (inner_writer, outer_writer):
        writer.close()


async def _serve(targets: Mapping[int, tuple[str, int]]) -> None:
    async with contextlib.AsyncExitStack() as servers:
        for descriptor, target in targets.items():

            async def accepted(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int] = target
            ) -> None:
                await _carry((reader, writer), target)

            listener = socket.socket(fileno=descriptor)
            await servers.enter_async_context(await asyncio.start_server(accepted, sock=listener))
        await asyncio.Event().wait()


def start(targets: Mapping[int, tuple[str, int]]) -> None:
    """Relays each inherited listening socket to its target, in a thread, for the life of the process."""
    threading.Thread(target=lambda: asyncio.run(_serve(targets)), daemon=True, name="relay").start()
