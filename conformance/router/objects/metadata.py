"""What every object has, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reference:
    """Names one object in a message or a trace."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Metadata:
    """Identity of an object; `age` orders objects as creationTimestamp does, the smallest is the oldest."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    age: int = 0
    where: str = ""
    """File and line, for a person."""

    @property
    def seniority(self) -> tuple[int, str, str]:
        """The order of istiod: creation time, then name, then namespace (model/config.go)."""
        return (self.age, self.name, self.namespace)


@dataclass(frozen=True, slots=True)
class WorkloadSelector:
    """`workloadSelector` of the networking API: labels that a pod must have."""

    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """`selector` of the security API."""

    match_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PortSelector:
    number: int | None = None
