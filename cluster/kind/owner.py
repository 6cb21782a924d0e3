"""Names that say which process something in Docker belongs to, so that what dead ones left can be told and removed."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

LABEL = "istio-conformance"
"""Of containers that are started here directly; kind's own carry its cluster's name instead."""
PREFIX = "conformance"

_NAME = re.compile(rf"{PREFIX}-(?P<boot>[0-9a-f]{{8}})-(?P<pid>\d+)-(?P<started>\d+)-[0-9a-f]{{4}}")


def started(pid: int) -> int | None:
    """The kernel's start time of a process, which tells it from a later one with the same number."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "")[:8]


def name_of_mine() -> str:
    """A name for something that this process owns."""
    pid = os.getpid()
    return f"{PREFIX}-{_boot()}-{pid}-{started(pid)}-{secrets.token_hex(2)}"


def is_of_the_dead(name: str) -> bool:
    """Whether the name is one of ours, made by a process of this machine that is no more."""
    found = _NAME.match(name)
    # Another boot: this machine's before its last start, or another machine's on a shared daemon. Docker does not
    # outlive a start of the machine with running containers, so the former is as dead as the latter is unknown.
    if found is None or found["boot"] != _boot():
        return False
    return started(int(found["pid"])) != int(found["started"])
