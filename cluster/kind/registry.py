"""Official images, pulled by the daemon under the names that kind and istioctl's own manifests give them.

Not tried where this was written: no registry can be reached from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from cluster import istio
from cluster.binaries.obtain import Programs
from cluster.binaries.store import cache_root
from cluster.kind import images
from cluster.kind.asked import Asked
from cluster.kind.docker import Docker
from cluster.kind.images import NODE, Image, Images
from cluster.kind.owner import LABEL, name_of_mine
from cluster.model import ClusterError, Part

Progress = Callable[[str], None]

_ISTIOCTL = "istio/istioctl"


def pull(programs: Programs, asked: Asked, daemon: Callable[[], Docker], progress: Progress) -> Images:
    """The node image and Istio's from a registry; only the application is built here."""
    docker = daemon()
    if docker.host:
        raise ClusterError(
            "a private Docker daemon has a network of its own, without a way to a registry",
            "Start the machine's own daemon, or leave --registry out",
        )
    workload = images.build_workload(programs, progress)
    istioctl = _istioctl(asked.istio, docker)
    wanted = {NODE: f"kindest/node:{asked.kubernetes}", **_istio(istioctl)}
    found = {}
    for number, (name, reference) in enumerate(wanted.items(), 1):
        docker.run("pull", reference)
        path = cache_root() / "images" / f"pulled-{hashlib.sha256(reference.encode()).hexdigest()[:16]}.tar"
        if name != NODE:
            docker.run("save", "--output", str(path), reference)
        found[name] = Image(name, reference, path, "", 0)
        progress(f"[{number}/{len(wanted)}] pulled {reference}")
    version = asked.istio
    parts = {
        "kubelet": Part(asked.kubernetes, f"image {wanted[NODE]}"),
        "pilot-discovery": Part(version, f"image {wanted['pilot']}"),
        "istioctl": Part(version, f"image {_ISTIOCTL}:{version}"),
        "kind": Part(programs["kind"].version, programs["kind"].source),
    }
    others = (found["pilot"], found["proxyv2"], workload)
    source = "official ones, pulled from a registry"
    return Images(source, found[NODE], others, parts, (), is_built_here=False, istioctl=istioctl)


def _istioctl(version: str, docker: Docker) -> Path:
    """Out of its own image, so that a registry is all that is needed."""
    path = cache_root() / "images" / f"istioctl-{version}"
    if not path.exists():
        docker.run("pull", f"{_ISTIOCTL}:{version}")
        container = docker.run("create", "--label", f"{LABEL}={name_of_mine()}", f"{_ISTIOCTL}:{version}").strip()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            docker.run("cp", f"{container}:/usr/local/bin/istioctl", str(unfinished))
            unfinished.replace(path)
        finally:
            docker.try_run("rm", "--force", container)
    return path


def _istio(istioctl: Path) -> dict[str, str]:
    """Pilot and proxyv2 by the names in istioctl's manifests."""
    objects = istio.manifests(istioctl, (), cache_root())
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    containers = [each for one in deployments for each in one["spec"]["template"]["spec"]["containers"]]
    names = {Path(each["image"].rsplit(":", 1)[0]).name: each["image"] for each in containers}
    return {name: names[name] for name in ("pilot", "proxyv2")}
