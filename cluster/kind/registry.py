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
from cluster.kind.docker import Docker
from cluster.kind.images import NODE, Image, Images
from cluster.model import ClusterError, Part

Progress = Callable[[str], None]


def pull(programs: Programs, kubernetes: str, daemon: Callable[[], Docker], progress: Progress) -> Images:
    """The node image and Istio's from a registry; only the application is built here."""
    docker = daemon()
    if docker.host:
        raise ClusterError(
            "a private Docker daemon has a network of its own, without a way to a registry",
            "Start the machine's own daemon, or leave --registry out",
        )
    workload = images.build_workload(programs, progress)
    wanted = {NODE: f"kindest/node:{kubernetes}", **_istio(programs)}
    found = {}
    for number, (name, reference) in enumerate(wanted.items(), 1):
        docker.run("pull", reference)
        path = cache_root() / "images" / f"pulled-{hashlib.sha256(reference.encode()).hexdigest()[:16]}.tar"
        if name != NODE:
            docker.run("save", "--output", str(path), reference)
        found[name] = Image(name, reference, path, "", 0)
        progress(f"[{number}/{len(wanted)}] pulled {reference}")
    version = programs["istioctl"].version
    parts = {
        "kubelet": Part(kubernetes, f"image {wanted[NODE]}"),
        "pilot-discovery": Part(version, f"image {wanted['pilot']}"),
        "istioctl": Part(version, programs["istioctl"].source),
        "kind": Part(programs["kind"].version, programs["kind"].source),
    }
    others = (found["pilot"], found["proxyv2"], workload)
    return Images("official ones, pulled from a registry", found[NODE], others, parts, (), is_built_here=False)


def _istio(programs: Programs) -> dict[str, str]:
    """Pilot and proxyv2 by the names in istioctl's manifests."""
    objects = istio.manifests(programs["istioctl"].path, (), cache_root())
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    containers = [each for one in deployments for each in one["spec"]["template"]["spec"]["containers"]]
    names = {Path(each["image"].rsplit(":", 1)[0]).name: each["image"] for each in containers}
    return {name: names[name] for name in ("pilot", "proxyv2")}
