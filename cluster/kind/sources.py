"""Where images come from: one choice, made once and told in the run's header.

Built here (the default, for machines without a registry), archives that `conformance images save` wrote, or the
official ones from a registry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.catalogue import Program
from cluster.binaries.containers import SUPPORTED, kind_catalogue, oldest_kubernetes
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import Programs, obtain
from cluster.binaries.store import cache_root
from cluster.kind import images, registry, saved
from cluster.kind.asked import Asked
from cluster.kind.docker import Docker
from cluster.kind.images import Images
from cluster.model import ClusterError

Progress = Callable[[str], None]

_KUBERNETES = re.compile(r"v\d+\.\d+\.\d+")
_ISTIO = re.compile(r"\d+\.\d+(\.\d+)?([-.]\w+)*")


def pinned() -> tuple[Program, ...]:
    return tuple(each for each in kind_catalogue() if isinstance(each, Program))


def programs(given: Mapping[str, Path], progress: Progress) -> Programs:
    """Every program, from the cache, the user or a build; raises ClusterError with what to do."""
    try:
        return obtain(kind_catalogue(), given=given, cache=cache_root(), progress=progress)
    except ProgramError as error:
        raise ClusterError(f"{error.path}: {error.problem}", error.hint) from error


@dataclass(frozen=True)
class Source:
    """The choice."""

    asked: Asked

    def images(self, found: Programs, docker: Callable[[], Docker], progress: Progress) -> Images:
        if self.asked.folder is not None:
            return saved.load(self.asked.folder, progress)
        if self.asked.registry:
            return registry.pull(found, self.asked, docker, progress)
        return images.build(found, docker, progress)

    def refuse(self, found: Programs) -> None:
        """Raises ClusterError for versions that this source does not have, before anything is started."""
        if self.asked.kubernetes and not _KUBERNETES.fullmatch(self.asked.kubernetes):
            raise ClusterError(f"--kubernetes {self.asked.kubernetes} is no version", "Write it as v1.36.3")
        if self.asked.istio and not _ISTIO.fullmatch(self.asked.istio):
            raise ClusterError(f"--istio {self.asked.istio} is no version", "Write it as 1.32.0 or 1.32")
        if self.asked.registry:
            if not self.asked.kubernetes:
                raise ClusterError(
                    "--registry needs --kubernetes", "Name the node image's version: --kubernetes v1.36.1"
                )
            if not self.asked.istio:
                raise ClusterError("--registry needs --istio", "Name a release: --istio 1.31.1")
            return
        has = saved.versions(self.asked.folder) if self.asked.folder else _versions(found)
        where = "the archives have" if self.asked.folder else "this checkout builds"
        hint = f"{where} Kubernetes {has['kubelet']} and Istio {has['pilot-discovery']}; leave the option out, "
        hint += "bring archives of others (--images DIR), or use a registry (--registry)"
        _refuse(found, self.asked.kubernetes or has["kubelet"])
        _same("Kubernetes", self.asked.kubernetes, has["kubelet"], hint)
        _same("Istio", self.asked.istio, has["pilot-discovery"], hint)


def _versions(found: Programs) -> Mapping[str, str]:
    return {name: each.version for name, each in found.items()}


def _same(what: str, asked: str, there: str, hint: str) -> None:
    """1.32 asks for any 1.32.x."""
    if asked and asked != there and not re.match(rf"{re.escape(asked)}[.-]", there):
        raise ClusterError(f"{what} {asked} is not there", hint[0].upper() + hint[1:])


def _refuse(found: Programs, kubernetes: str) -> None:
    """Raises ClusterError for a Kubernetes that is too old for this Istio, as its own istioctl knows."""
    oldest = oldest_kubernetes(found[SUPPORTED].path.read_text())
    major, minor, _ = kubernetes.removeprefix("v").split(".")
    if int(major) == 1 and int(minor) < oldest:
        istio = found["istioctl"].version
        raise ClusterError(
            f"Istio {istio} does not support Kubernetes {kubernetes}", f"It needs 1.{oldest} or newer: --kubernetes"
        )


def choose(asked: Asked) -> Source:
    """Raises ClusterError when two sources are named."""
    if asked.folder is not None and asked.registry:
        raise ClusterError("--images and --registry are two sources", "Name one of them")
    return Source(asked)
