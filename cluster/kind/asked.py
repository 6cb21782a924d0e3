"""What a user says about the images of a kind cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """A folder of archives, `registry`, or neither: built here. Versions, or empty for whatever there is."""

    folder: Path | None = None
    registry: bool = False
    istio: str = ""
    kubernetes: str = ""

    @property
    def is_built_here(self) -> bool:
        return self.folder is None and not self.registry
