"""Clusters that outlive the command that started them: where they are written down, found again and ended."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.store import cache_root
from cluster.embedded.cluster import Running
from cluster.embedded.world import World
from cluster.model import Cluster


def _folder() -> Path:
    return cache_root() / "clusters"


def _started(pid: int) -> int | None:
    """The kernel's start time of a process, which tells it from a later one with the same number."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


@dataclass(frozen=True)
class Kept:
    """A kept cluster that is alive."""

    name: str
    cluster: Cluster
    world: World

    @property
    def locks(self) -> Path:
        """A folder that all runs on this cluster share; `end` removes it."""
        return _folder() / f"{self.name}.locks"


def keep(name: str, running: Running) -> Kept:
    """Writes a running cluster down and lets it live on without the process that started it."""
    kept = note(name, running)
    running.world.release()
    return kept


def note(name: str, running: Running) -> Kept:
    """Writes a running cluster down, so that other processes find it while the one that started it lives."""
    _folder().mkdir(parents=True, exist_ok=True)
    document = {
        "pid": running.world.pid,
        "started": _started(running.world.pid),
        "ports": dict(running.world.ports),
        "cluster": running.cluster.to_json(),
        "owner": os.getuid(),
    }
    (_folder() / f"{name}.json").write_text(json.dumps(document, indent=2))
    kept = Kept(name, running.cluster, running.world)
    kept.locks.mkdir(exist_ok=True)
    return kept


def find(name: str) -> Kept | None:
    """The kept cluster of that name, None if there is none alive; a dead one's file is removed."""
    path = _folder() / f"{name}.json"
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if _started(document["pid"]) != document["started"] or document["started"] is None:
        forget(name)
        return None
    world = World(document["pid"], None, document["ports"])
    return Kept(name, Cluster.from_json(document["cluster"]), world)


def names() -> list[str]:
    """Every name that is written down, dead or alive."""
    return sorted(path.stem for path in _folder().glob("*.json"))


def end(kept: Kept) -> None:
    """Ends the cluster and everything in it."""
    kept.world.end()
    forget(kept.name)


def forget(name: str) -> None:
    """Removes what was written down, and the locks; the cluster itself is left as it is."""
    shutil.rmtree(_folder() / f"{name}.locks", ignore_errors=True)
    (_folder() / f"{name}.json").unlink(missing_ok=True)
