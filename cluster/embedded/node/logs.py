"""Logs of containers and programs: files on the world's tmpfs, which is memory, so that none may grow for ever.

Their writers hold them open and append; what is too long is therefore emptied where it lies, not moved away.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

# A kubelet's containerLogMaxSize; what it keeps of older output, `kubectl logs` does not show either.
LIMIT = 10 * 2**20

_LOOK_SECONDS = 1.0

# A file of this suffix beside a log says that nothing more will be written to it.
_ENDED = ".ended"


def end(log: Path) -> None:
    """Tells those who follow the log that it is complete."""
    log.with_suffix(_ENDED).touch()


def has_ended(log: Path) -> bool:
    return log.with_suffix(_ENDED).exists()


def keep_short(folder: Path) -> None:
    """Looks after all logs below the folder; never returns."""
    while True:
        for log in folder.rglob("*.log"):
            # Whatever is wrong with one now must not end the care for all; it is looked at again.
            with contextlib.suppress(OSError):
                shorten(log)
        time.sleep(_LOOK_SECONDS)


def shorten(log: Path) -> None:
    """Empties a log above the limit, but for a line that says so."""
    # Memory, not length: a writer that does not append leaves a hole before what it writes next.
    held = log.stat().st_blocks * 512
    if held <= LIMIT:
        return
    with log.open("ab") as file:
        file.truncate(0)
        dropped = (
            f"[the embedded node dropped {held / 2**20:.1f} MiB of this log; its limit is {LIMIT / 2**20:g} MiB]\n"
        )
        file.write(dropped.encode())
