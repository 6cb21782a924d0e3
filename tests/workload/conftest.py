"""The workload's package lives beside the manifests, outside what is installed; these tests import it from there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
for folder in (ROOT, ROOT / "manifests"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

from tests.workload.workload_process import WorkloadProcess, running  # noqa: E402  it needs the path above


@pytest.fixture(scope="module")
def reviews() -> Iterator[WorkloadProcess]:
    """A workload that calls nobody and whose ports are plain."""
    with running("reviews-v1") as process:
        yield process
