"""`conformance order`."""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

from cluster import kept
from cluster.embedded import cluster as embedded
from conformance.commands import FOLDER, say
from conformance.order import Order, compare, proved
from conformance.run import KEPT_NAME, prepare

_OWN = f"order-{os.getpid()}"


def main(options: argparse.Namespace) -> int:
    seeds = random.Random(options.seed)  # noqa: S311 - orders, not secrets
    workers = [int(word) for word in options.workers.split(",")]
    orders = [Order(seeds.randrange(2**31), workers[index % len(workers)]) for index in range(options.runs)]
    words = ["--only", options.only] if options.only else []
    with _cluster() as name:
        found = compare(orders, name, words, say)
    print("\n".join(found) or proved(len(orders)))
    return 1 if found else 0


@contextmanager
def _cluster() -> Iterator[str]:
    """The kept one if there is one, otherwise one for these runs; its name."""
    if kept.find(KEPT_NAME):
        yield KEPT_NAME
        return
    running = embedded.start(embedded.Options(), FOLDER / "cluster.log", say)
    try:
        prepare(running.cluster, say)
        yield kept.note(_OWN, running).name
    finally:
        running.end()
        kept.forget(_OWN)
