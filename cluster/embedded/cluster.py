"""An embedded cluster with Istio, from nothing to ready: programs, world, Istio."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster import istio
from cluster.api import Api
from cluster.binaries.catalogue import catalogue
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import Programs, obtain
from cluster.binaries.store import cache_root
from cluster.embedded import world
from cluster.embedded.layout import LOGS
from cluster.embedded.system import missing_system_packages, proxies_note
from cluster.model import Cluster, ClusterError, Part

Progress = Callable[[str], None]

_OUTSIDE_NAMES = Path(__file__).resolve().parents[2] / "manifests" / "outside.coredns"
_OVERLAY = "upstream-envoy"


@dataclass(frozen=True)
class Options:
    """What a user may choose. `ports` on 127.0.0.1: api, http, https; 0 or absent for any free one."""

    given: Mapping[str, Path] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A cluster and the world it lives in."""

    cluster: Cluster
    world: world.World

    def release(self) -> None:
        self.world.release()

    def end(self) -> None:
        self.world.end()

    def save_logs(self, folder: Path) -> None:
        shutil.copytree(self.cluster.logs, folder, dirs_exist_ok=True)

    def note(self) -> dict[str, Any]:
        return {"pid": self.world.pid, "ports": dict(self.world.ports)}


def programs(given: Mapping[str, Path], progress: Progress) -> Programs:
    """Every real program, from the cache, the user or a build; raises ClusterError with what to do."""
    try:
        return obtain(catalogue(), given=given, cache=cache_root(), progress=progress)
    except ProgramError as error:
        raise ClusterError(f"{error.path}: {error.problem}", error.hint) from error


def start(options: Options, log: Path, progress: Progress) -> Running:
    """Returns when istiod and both gateways are ready; raises ClusterError and leaves nothing running.

    `log` takes what the world itself says; it is the only file outside of it.
    """
    missing = missing_system_packages()
    if missing:
        hint = f"Install them: apt-get install {' '.join(missing)}"
        raise ClusterError(f"system packages are missing: {', '.join(missing)}", hint)
    obtained = programs(options.given, progress)
    note = proxies_note()
    if note:
        progress(f"note: {note}")
    begun = time.monotonic()

    def timed(text: str) -> None:
        progress(f"{text}  [{time.monotonic() - begun:.1f} s]")

    paths = {name: each.path for name, each in obtained.items()}
    objects = istio.manifests(paths["istioctl"], [_OVERLAY], cache_root())
    plan = world.Plan(
        programs=paths,
        kubernetes_version=obtained["kube-apiserver"].version,
        log=log,
        outside_names=_OUTSIDE_NAMES.read_text(),
    )
    running = world.start(plan, options.ports, lambda text: timed(f"Kubernetes: {text}"))
    try:
        timed("Kubernetes serves")
        api = Api(running.kubeconfig)
        istio.install(api, objects, timed)
        api.close()
    except BaseException:
        running.end()
        raise
    timed("Istio is ready: istiod, ingress gateway, egress gateway")
    return Running(_described(obtained, running), running)


def _described(obtained: Programs, running: world.World) -> Cluster:
    home = running.home
    return Cluster(
        kind="embedded",
        kubeconfig=running.kubeconfig,
        parts={name: Part(each.version, each.source) for name, each in sorted(obtained.items())},
        deviations=(istio.UPSTREAM_ENVOY,),
        ingress_http=f"127.0.0.1:{running.ports['http']}",
        ingress_https=f"127.0.0.1:{running.ports['https']}",
        logs=home / LOGS.name,
    )
