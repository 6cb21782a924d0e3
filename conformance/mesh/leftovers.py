"""What a killed run or worker left in the mesh: taken away once, before the next scenario, for all workers of a run."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from conformance.mesh.labels import LABEL, SCENARIO_KINDS
from conformance.mesh.staging import Reach
from conformance.mesh.territory import Territory, held


def expect(locks: Path) -> None:
    """Somebody may have died in this mesh: the next scenario begins with a look at what is left."""
    _marker(locks).unlink(missing_ok=True)


def take_away(reach: Reach, locks: Path) -> None:
    """Waits until nobody is at work, unless it has been done since somebody was expected to have died."""
    # The lock is not the mesh's: a worker that is second must not wait for the scenario of the first.
    with FileLock(locks / "leftovers.lock"):
        if _marker(locks).exists():
            return
        with held(Territory(frozenset(), is_whole_mesh=True), locks):
            reach.take_away(
                [
                    {**each, "apiVersion": api_version, "kind": kind}
                    for api_version, kinds in (*SCENARIO_KINDS.items(), ("v1", ("Namespace",)))
                    for kind in kinds
                    for each in reach.api.items(api_version, kind, label_selector=LABEL)
                ]
            )
        _marker(locks).touch()


def _marker(locks: Path) -> Path:
    return locks / "nothing-left"
