"""One real mesh for all tests in this folder: Kubernetes, Istio, bookinfo."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.embedded import cluster as embedded
from conformance.run import WorkerSite, prepare


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Running]:
    running = embedded.start(embedded.Options(), tmp_path_factory.mktemp("mesh") / "cluster.log", print)
    try:
        prepare(running.cluster, print)
        yield running
    finally:
        running.end()


@pytest.fixture(scope="session")
def site(running: embedded.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerSite]:
    folder: Path = tmp_path_factory.mktemp("locks")
    site = WorkerSite(running.cluster, folder)
    yield site
    site.close()
