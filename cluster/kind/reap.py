"""What killed runs can leave: containers of a shared daemon, a private one's data, folders, control groups."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.binaries.store import cache_root
from cluster.embedded.system import search_path
from cluster.kind import daemon, images
from cluster.kind.docker import Docker
from cluster.kind.owner import LABEL, is_of_the_dead

# kind's own label of a node's container, whose value is the cluster's name.
_CLUSTER = "io.x-k8s.kind.cluster"


def reap(kept: Sequence[Mapping[str, Any]]) -> list[str]:
    """Removes what belongs to processes that are no more, kept clusters excepted; a line for each."""
    names = frozenset(each["kind"]["name"] for each in kept if "kind" in each)
    lines = [f"image {each}: a half build, removed" for each in images.remove_unfinished()]
    lines += _containers(names)
    lines += _folders(names)
    lines += _private_daemons()
    daemon.remove_empty_cgroups()
    return lines


def _containers(kept: frozenset[str]) -> Iterable[str]:
    """Of a daemon that is not ours; a private one is swept when it starts, and died with its owner."""
    program = shutil.which("docker", path=search_path())
    if program is None:
        return
    docker = Docker(Path(program))
    for label in (_CLUSTER, LABEL):
        form = f'{{{{.Names}}}} {{{{.Label "{label}"}}}}'
        answer = docker.try_run("container", "ls", "--all", "--filter", f"label={label}", "--format", form)
        if answer.returncode:
            # No daemon of the machine, so nothing of ours in one.
            return
        for line in answer.stdout.splitlines():
            container, _, owner = line.partition(" ")
            if is_of_the_dead(owner) and owner not in kept:
                docker.run("rm", "--force", "--volumes", container)
                yield f"container {container}: its run is dead, removed"


def _folders(kept: frozenset[str]) -> Iterable[str]:
    for folder in (cache_root() / "kind").glob("*"):
        if is_of_the_dead(folder.name) and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
            yield f"cluster {folder.name}: its run is dead, its folder is removed"


def _private_daemons() -> Iterable[str]:
    """Containers, volumes and networks of a daemon that is dead are files below its data root; images are kept."""
    for data in daemon.data_roots():
        lock = daemon.try_lock(data)
        if lock is None:
            # Its daemon is alive.
            continue
        try:
            left = [each for each in (data / "containers").glob("*") if each.is_dir()]
            daemon.remove_cgroups(data)
        finally:
            os.close(lock)
        if left:
            # Only a daemon can tell layers of containers from those of images.
            daemon.sweep()
            yield f"private Docker {data.name}: {len(left)} containers of dead runs removed"
