"""Clusters that outlive the command that started them: where they are written down, found again and ended."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from cluster.binaries.store import cache_root
from cluster.embedded import cluster as embedded
from cluster.embedded.world import World
from cluster.kind import cluster as kind
from cluster.kind.owner import started
from cluster.model import Cluster, ClusterError, Running


def _folder() -> Path:
    return cache_root() / "clusters"


@dataclass(frozen=True)
class Kept:
    """A kept cluster that is alive."""

    name: str
    running: Running

    @property
    def cluster(self) -> Cluster:
        return self.running.cluster

    @property
    def locks(self) -> Path:
        """A folder that all runs on this cluster share; `end` removes it."""
        return _folder() / f"{self.name}.locks"


def keep(name: str, running: Running) -> Kept:
    """Writes a running cluster down and lets it live on without the process that started it.

    Raises ClusterError where another one of that name lives: nobody would find that one again.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    with FileLock(_folder() / f"{name}.lock"):
        if find(name):
            problem = f"a cluster is kept as {name} already, and this one would take its place"
            raise ClusterError(problem, "End the kept one first: conformance cluster down")
        kept = note(name, running)
    running.release()
    return kept


def note(name: str, running: Running) -> Kept:
    """Writes a running cluster down, so that other processes find it while the one that started it lives."""
    _folder().mkdir(parents=True, exist_ok=True)
    found = running.note()
    document = {
        **found,
        "started": started(found["pid"]) if found["pid"] else None,
        "cluster": running.cluster.to_json(),
        "owner": os.getuid(),
    }
    (_folder() / f"{name}.json").write_text(json.dumps(document, indent=2))
    kept = Kept(name, running)
    kept.locks.mkdir(exist_ok=True)
    return kept


def find(name: str) -> Kept | None:
    """The kept cluster of that name, None if there is none alive; a dead one's file is removed."""
    path = _folder() / f"{name}.json"
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    running = _running(document)
    if running is None:
        forget(name)
        return None
    return Kept(name, running)


def _running(document: Mapping[str, Any]) -> Running | None:
    """What the note is about, None if it is no more."""
    has_process = document["pid"] is not None
    if has_process and (document["started"] is None or started(document["pid"]) != document["started"]):
        return None
    if "kind" in document:
        found = kind.restored(document)
        try:
            return found if found.is_alive() else None
        except ClusterError:
            # Docker itself is gone.
            return None
    world = World(document["pid"], None, document["ports"])
    return embedded.Running(Cluster.from_json(document["cluster"]), world)


def names() -> list[str]:
    """Every name that is written down, dead or alive."""
    return sorted(path.stem for path in _folder().glob("*.json"))


def end(kept: Kept) -> None:
    """Ends the cluster and everything in it."""
    kept.running.end()
    forget(kept.name)


def forget(name: str) -> None:
    """Removes what was written down, and the locks; the cluster itself is left as it is."""
    shutil.rmtree(_folder() / f"{name}.locks", ignore_errors=True)
    (_folder() / f"{name}.json").unlink(missing_ok=True)


def notes() -> list[dict[str, Any]]:
    """What is written down of clusters that are alive."""
    alive = (name for name in names() if find(name))
    return [json.loads((_folder() / f"{name}.json").read_text()) for name in alive]
