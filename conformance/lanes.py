"""Which worker performs which scenario: those of one namespace would wait for each other, so they are one worker's.

xdist's own `--dist=loadgroup` does not group with pytest 9.2 (pytest-dev/pytest-xdist#1386), and says nothing of it.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from conformance.language.load import SUFFIXES
from conformance.language.source import FAST_LOADER


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """A lane is a namespace. Longer lanes are begun first; a worker whose lane is done takes the next one."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return lane(Path(self.config.rootpath) / path) or nodeid


def lane(path: Path) -> str | None:
    """The namespace of a scenario file that the workers have read without complaint; None for any other test."""
    if path.suffix not in SUFFIXES:
        return None
    with path.open(encoding="utf-8") as file:
        namespace: str = yaml.load(file, Loader=FAST_LOADER).get("namespace", "default")  # noqa: S506 - a safe loader
    return namespace
