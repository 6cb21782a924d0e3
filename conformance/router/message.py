"""A request as one proxy sees it: after its codec and its path normalisation (specification, section 23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """What matches and policies look at. Header names are in lower case, values in the order of arrival."""

    method: str
    scheme: str
    authority: str
    """Host as sent, with its port and its case."""
    path: str
    """Normalised, without query and fragment."""
    query: str | None
    """Raw, without the question mark; None where there is none."""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: Mapping[str, object] | None = None
    """Of the verified token; None without one."""

    @property
    def target(self) -> str:
        """Path and query as they are sent on."""
        return self.path if self.query is None else f"{self.path}?{self.query}"
