"""What every kind of cluster hands to the harness (design section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


class ClusterError(Exception):
    """A cluster could not be had or died. `problem` is one sentence, `hint` says what to do next."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem}\n  {hint}")
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True)
class Part:
    """One real program of the cluster: its version and where it came from, for the run's header."""

    version: str
    source: str


class Running(Protocol):
    """A cluster and the processes it consists of, held by whoever started it."""

    @property
    def cluster(self) -> Cluster: ...

    def release(self) -> None:
        """Lets it outlive this process."""

    def end(self) -> None:
        """Ends it and everything in it."""

    def save_logs(self, folder: Path) -> None:
        """What its programs said, after a failure."""

    def note(self) -> dict[str, Any]:
        """What another process needs in order to find it again."""


@dataclass(frozen=True)
class Cluster:
    """A running Kubernetes with Istio.

    `ingress_http` and `ingress_https` are host:port on the machine of the user, for people; the harness itself
    reaches everything through the API server.
    """

    kind: str
    kubeconfig: Path
    parts: Mapping[str, Part]
    deviations: tuple[str, ...]
    ingress_http: str
    ingress_https: str
    logs: Path

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "kubeconfig": str(self.kubeconfig), "logs": str(self.logs)}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Cluster:
        parts = {name: Part(**part) for name, part in document["parts"].items()}
        return Cluster(
            kind=document["kind"],
            kubeconfig=Path(document["kubeconfig"]),
            parts=parts,
            deviations=tuple(document["deviations"]),
            ingress_http=document["ingress_http"],
            ingress_https=document["ingress_https"],
            logs=Path(document["logs"]),
        )
