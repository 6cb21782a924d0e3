"""What `conformance differential` does: a cluster, a run, its table, and an example for each kind of disagreement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import kept
from cluster.api import Api
from cluster.embedded import cluster as embedded
from cluster.istio import UPSTREAM_ENVOY
from cluster.model import Cluster, ClusterError
from conformance.differential import reproduction
from conformance.differential.arena import Arena
from conformance.differential.perform import Stage
from conformance.differential.run import DifferentialRun
from conformance.differential.smallest import smallest
from conformance.differential.voice import surroundings
from conformance.mesh.applications import lay_foundation

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """Of the command."""

    numbers: Sequence[int]
    seed: int
    arenas: int
    examples: int
    """How many groups of disagreements are shrunk."""
    is_kept: bool
    kept_name: str
    folder: Path


def differential(options: Options, say: Say) -> bool:
    """True if the voices agree on everything. Prints the table."""
    with _cluster(options, say) as (cluster, locks):
        stage = Stage(cluster.kubeconfig, locks, [Arena(number) for number in range(options.arenas)])
        try:
            say(f"{options.arenas} arenas are ready; seed {options.seed}")
            has_istio_proxy = UPSTREAM_ENVOY not in cluster.deviations
            version = cluster.parts["pilot-discovery"].version
            around = surroundings(stage.api, version, has_istio_proxy=has_istio_proxy)
            begun = time.monotonic()
            tally = DifferentialRun(stage, around, options.seed, say).perform(options.numbers)
            print(tally.table(time.monotonic() - begun))
            folder = options.folder / f"seed-{options.seed}"
            for index, (group, found) in enumerate(tally.groups().items()):
                if index == options.examples:
                    break
                say(f"looking for a small example of {group[0]}: {group[1]}")
                print(reproduction.write(folder, index + 1, smallest(found[0], stage, around)))
        finally:
            stage.close()
    return not tally.disagreements


@contextmanager
def _cluster(options: Options, say: Say) -> Iterator[tuple[Cluster, Path]]:
    """The kept one, or one for this run; bookinfo is not needed."""
    if options.is_kept:
        found = kept.find(options.kept_name)
        if found is None:
            raise ClusterError("no cluster is kept", "Start one: conformance cluster up")
        yield found.cluster, found.locks
        return
    running = embedded.start(embedded.Options(), options.folder / "cluster.log", say)
    try:
        api = Api(running.cluster.kubeconfig)
        lay_foundation(api)
        api.close()
        locks = options.folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        yield running.cluster, locks
    finally:
        running.end()
