"""Who sees an object: exportTo (specification, section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EVERYONE = "*"
NOBODY = "~"
OWN = "."


@dataclass(frozen=True, slots=True)
class Audience:
    """The namespaces an object is exported to, `.` replaced by its own."""

    namespaces: frozenset[str]

    @property
    def is_public(self) -> bool:
        return EVERYONE in self.namespaces

    def includes(self, namespace: str) -> bool:
        return EVERYONE in self.namespaces or namespace in self.namespaces


def audience(export_to: Iterable[str], own: str, default: Iterable[str]) -> Audience:
    """Of exportTo, or of the mesh's default where it is absent; `*` beats all, `~` all but that (push_context.go)."""
    named = frozenset(export_to) or frozenset(default)
    if NOBODY in named and EVERYONE not in named:
        return Audience(frozenset())
    return Audience(frozenset(own if name == OWN else name for name in named))
