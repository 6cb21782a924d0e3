"""One real mesh for all tests in this folder: Kubernetes, Istio, bookinfo."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.embedded import cluster as embedded
from conformance.run import WorkerSite, prepare


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerSite]:
    folder: Path = tmp_path_factory.mktemp("mesh")
    running = embedded.start(embedded.Options(), folder / "cluster.log", print)
    try:
        prepare(running.cluster, print)
        site = WorkerSite(running.cluster, folder)
        yield site
        site.close()
    finally:
        running.end()
