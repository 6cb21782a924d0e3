"""Which kind of cluster: the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cluster import kept
from cluster.embedded import cluster as embedded
from cluster.kept import Kept
from cluster.kind import cluster as kind
from cluster.kind.asked import Asked
from cluster.model import ClusterError, Running

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """A cluster as a user asks for it. `ports` on 127.0.0.1: api, http, https; 0 or absent for any free one."""

    kind: str = "embedded"
    given: Mapping[str, Path] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)


def start(wanted: Wanted, log: Path, progress: Progress) -> Running:
    """Returns when Istio is ready; raises ClusterError and leaves nothing behind."""
    if wanted.kind == "kind":
        return kind.start(_options(wanted), log, progress)
    _refuse(wanted)
    return embedded.start(embedded.Options(wanted.given, wanted.ports), log, progress)


def _refuse(wanted: Wanted) -> None:
    if wanted.kind != "embedded":
        hint = "Leave it out for the embedded cluster, or say --cluster kind"
        raise ClusterError(f"--cluster {wanted.kind} is not there yet", hint)
    if wanted.asked != Asked():
        hint = "Add --cluster kind: the embedded cluster runs the programs of this checkout, without images"
        raise ClusterError("--images, --registry, --istio and --kubernetes choose a kind cluster's images", hint)


def _options(wanted: Wanted) -> kind.Options:
    return kind.Options(wanted.given, wanted.ports, wanted.asked)


def kept_name(name: str, kind_of_cluster: str) -> str:
    """Under which a cluster of this kind is kept; both kinds may be there at once."""
    return name if kind_of_cluster == "embedded" else f"{name}-{kind_of_cluster}"


def find(name: str, wanted: Wanted, progress: Progress) -> Kept | None:
    """The kept cluster of this name and kind, unless it has other versions than those wanted."""
    _refuse(wanted) if wanted.kind != "kind" else None
    found = kept.find(kept_name(name, wanted.kind))
    if found and wanted.kind == "kind" and not kind.is_as_asked(found.cluster, _options(wanted)):
        progress("the kept kind cluster has other versions: starting another (conformance cluster down ends the kept)")
        return None
    return found


def keep(name: str, running: Running) -> Kept:
    """Lets it live on."""
    return kept.keep(kept_name(name, running.cluster.kind), running)


def kept_ones(name: str) -> list[Kept]:
    """Those of either kind that are alive."""
    found = (kept.find(kept_name(name, each)) for each in ("embedded", "kind"))
    return [each for each in found if each]
