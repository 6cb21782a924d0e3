"""Clusters that outlive their command: none is lost because another one takes its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cluster import kept
from cluster.model import Cluster, ClusterError

CLUSTER = Cluster("embedded", Path("/k"), {}, (), "127.0.0.1:80", "127.0.0.1:443", Path("/l"))


class FakeRunning:
    """Lives as long as `pid` does."""

    def __init__(self, pid: int) -> None:
        self.cluster = CLUSTER
        self.pid = pid
        self.is_released = False

    def note(self) -> dict[str, Any]:
        return {"pid": self.pid, "ports": {}}

    def release(self) -> None:
        self.is_released = True

    def end(self) -> None: ...

    def save_logs(self, folder: Path) -> None: ...


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_CACHE", str(tmp_path))


def test_a_kept_cluster_is_found_by_its_name() -> None:
    running = FakeRunning(os.getpid())
    kept.keep("one", running)

    found = kept.find("one")
    assert found is not None
    assert found.cluster == CLUSTER
    assert running.is_released


def test_a_second_one_of_that_name_is_refused_and_not_let_go() -> None:
    kept.keep("one", FakeRunning(os.getpid()))
    second = FakeRunning(os.getpid())

    with pytest.raises(ClusterError, match=r"kept as one already[^\n]*\n.*cluster down"):
        kept.keep("one", second)

    assert not second.is_released


def test_the_place_of_a_dead_one_is_free() -> None:
    kept.keep("one", FakeRunning(2**22 + 1))
    assert kept.find("one") is None

    kept.keep("one", FakeRunning(os.getpid()))
    assert kept.find("one") is not None
