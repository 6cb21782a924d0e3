"""python -m workload: serve the data ports and the control port until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import uvloop

from workload.application import Application
from workload.behaviours import Behaviours
from workload.control import Control
from workload.documents import Documents, DocumentServer
from workload.http2 import Http2Port
from workload.journal import Journal
from workload.serving import Listeners, context_of
from workload.settings import Settings, SettingsError, Speech, settings_from
from workload.tcp import listen_tcp


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. The control port opens last, so a ready workload has all of its ports."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    journal = Journal()
    behaviours = Behaviours()
    listeners = Listeners()
    documents = Documents()
    application = DocumentServer(documents) if settings.serves_documents else Application(settings, journal, behaviours)
    http2: list[Http2Port] = []
    for port in settings.ports:
        if port.speech is Speech.TCP:
            listeners.add(await listen_tcp(settings, journal, port.number))
        elif port.speech is Speech.HTTP2:
            http2.append(Http2Port(application, settings, settings.host, port.number))
        else:
            context = context_of(port, settings)
            await listeners.listen(application, host=settings.host, port=port.number, context=context)
    control = Control(settings, journal, documents, behaviours)
    await listeners.listen(control, host=settings.host, port=settings.control_port, context=None)
    await stopped.wait()
    await asyncio.gather(listeners.stop(), *(port.stop() for port in http2))


async def serve_and_leave(settings: Settings) -> None:
    """Serve, then leave at once: a plan still waiting in its thread would hold an ordinary exit back."""
    await serve(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def main() -> int:
    """Run; the exit status tells an unusable environment (2) from a port or file that is not there (1)."""
    try:
        uvloop.run(serve_and_leave(settings_from(os.environ)))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
