"""A kind cluster with Istio, from nothing to ready: daemon, images, kind, Istio; the same `Cluster` comes out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cluster import istio
from cluster.api import Api
from cluster.binaries.obtain import Obtained
from cluster.binaries.store import cache_root
from cluster.embedded.system import proxies_note
from cluster.kind import daemon, sources
from cluster.kind.asked import Asked
from cluster.kind.config import Machine, dns_objects, kind_config
from cluster.kind.daemon import Daemon
from cluster.kind.docker import Docker, explained
from cluster.kind.docker_init import PORTS
from cluster.kind.images import Images
from cluster.kind.node_image import feed
from cluster.kind.owner import name_of_mine
from cluster.kind.ports import free_ports
from cluster.kind.recipes import REPOSITORY, tag_of
from cluster.kind.runtime import missing
from cluster.model import Cluster, ClusterError, Part
from cluster.readiness import wait_until_available

Progress = Callable[[str], None]

# kind gives up after this; 11 s on an idle machine, minutes on one that also does ten other things.
_WAIT = "300s"


@dataclass(frozen=True)
class Options:
    """What a user may choose. `ports` on 127.0.0.1: api, http, https; 0 or absent for any free one."""

    given: Mapping[str, Path] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class Running:
    """A cluster, its name in kind, and the daemon it lives in."""

    cluster: Cluster
    name: str
    kind: Path
    daemon: Daemon

    def release(self) -> None:
        self.daemon.release()

    def end(self) -> None:
        """Deletes the cluster, then ends the daemon if it is ours."""
        delete(self.name, self.kind, self.daemon)
        self.daemon.end()

    def save_logs(self, folder: Path) -> None:
        export_logs(self.name, self.kind, self.daemon, folder)

    def note(self) -> dict[str, Any]:
        world = self.daemon.world
        found = {"pid": world.pid, "ports": dict(world.ports)} if world else {"pid": None, "ports": {}}
        return {**found, "kind": {"name": self.name, "program": str(self.kind), "daemon": self.daemon.to_json()}}

    def is_alive(self) -> bool:
        return f"{self.name}-control-plane" in self.daemon.docker.names("container")


def restored(document: Mapping[str, Any]) -> Running:
    """A kept one, from what `note` said."""
    known = document["kind"]
    found = daemon.restored(known["daemon"], document["pid"], document["ports"])
    return Running(Cluster.from_json(document["cluster"]), known["name"], Path(known["program"]), found)


def folder_of(name: str) -> Path:
    """What a cluster has on this machine: kubeconfig, kind's configuration, logs."""
    return cache_root() / "kind" / name


def start(options: Options, log: Path, progress: Progress) -> Running:
    """Returns when istiod and both gateways are ready; raises ClusterError and leaves nothing running."""
    begun = time.monotonic()

    def timed(text: str) -> None:
        progress(f"{text}  [{time.monotonic() - begun:.1f} s]")

    source = sources.choose(options.asked)
    # Before the programs, which may take minutes to build, for nothing where Docker may not be used.
    used = daemon.start(options.ports, log, progress)
    try:
        programs = sources.programs(options.given, progress)
        source.refuse(programs)
        images = source.images(programs, lambda: used.docker, progress)
        progress(f"images: {images.source}")
        if note := proxies_note():
            progress(f"note: {note}")
        # What came before is done once per machine; from here on it is this cluster's own time.
        begun = time.monotonic()
        name = name_of_mine()
        kind = programs["kind"].path
        try:
            ports = _create(name, kind, used, images=images, wanted=options.ports, timed=timed)
            _load(name, used, images, timed)
            _install(name, programs, images, timed)
        except BaseException as error:
            if isinstance(error, ClusterError):
                export_logs(name, kind, used, log.parent / "logs")
            delete(name, kind, used)
            raise
    except BaseException:
        used.end()
        raise
    timed("Istio is ready: istiod, ingress gateway, egress gateway")
    return Running(_described(name, images, used, ports), name, kind, used)


def _create(
    name: str, kind: Path, used: Daemon, *, images: Images, wanted: Mapping[str, int], timed: Progress
) -> Mapping[str, int]:
    """The ports on 127.0.0.1 that lead to it."""
    docker = used.docker
    if not docker.has_image(images.node.reference):
        docker.run("load", "--input", str(images.node.path))
        timed("the daemon has the node image")
        if used.world:
            _forget_older(docker, images.node.reference)
    # A private daemon's network is its own, so its ports are always free; the machine's are those of its relay.
    inside = PORTS if used.world else free_ports({**dict.fromkeys(PORTS, 0), **wanted})
    outside = used.world.ports if used.world else inside
    machine = Machine(docker.info()["cgroups"] == "1", bool(missing()))
    folder = folder_of(name)
    folder.mkdir(parents=True)
    config = folder / "kind.yaml"
    config.write_text(yaml.safe_dump(kind_config(name, inside, machine, _tags(images))))
    kubeconfig = folder / "kubeconfig"
    words = ["create", "cluster", "--config", str(config), "--image", images.node.reference, "--retain"]
    _run_kind(kind, used, [*words, "--kubeconfig", str(kubeconfig), "--wait", _WAIT], timed)
    text = kubeconfig.read_text().replace(f"127.0.0.1:{inside['api']}", f"127.0.0.1:{outside['api']}")
    kubeconfig.write_text(text)
    timed("Kubernetes serves")
    return outside


def _forget_older(docker: Docker, current: str) -> None:
    """The archives are in the cache; a private daemon needs only the node image in use."""
    repository = current.rsplit(":", 1)[0]
    known = docker.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository).split()
    for each in known:
        if each != current:
            docker.try_run("image", "rm", each)


def _tags(images: Images) -> Mapping[str, str] | None:
    if not images.is_built_here:
        return None
    named = {name: Obtained(name, Path(), images.parts[name].version, "") for name in ("etcd", "coredns")}
    return {name: tag_of(named, name) for name in named}


def _run_kind(kind: Path, used: Daemon, words: list[str], timed: Progress) -> None:
    """Runs kind, tells its steps; raises ClusterError."""
    # Should this process be killed, kind is too, instead of going on for nobody.
    command = ["setpriv", "--pdeathsig", "KILL", str(kind), *words]
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=used.docker.environment(),
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said.append(line)
                if line.startswith(" ✓ "):
                    timed(f"kind: {line[3:].encode('ascii', 'ignore').decode().strip()}")
        except BaseException:
            process.send_signal(signal.SIGTERM)
            raise
    if process.returncode:
        raise _unbooted("".join(said))


_BOOT = ("could not find a log line that matches", "is not running", "timed out waiting for", "exited with code")


def _unbooted(output: str) -> ClusterError:
    if any(sign in output for sign in _BOOT):
        lines = [line for line in output.splitlines() if line.startswith(("ERROR", "Command Output"))]
        return ClusterError(
            f"the node image does not boot: {' '.join(lines)[-500:]}",
            "What it said is in the logs folder of the run; `conformance images list` says which image it is",
        )
    return explained("kind create cluster", output)


def _load(name: str, used: Daemon, images: Images, timed: Progress) -> None:
    """As `kind load image-archive` does, all archives in one: a layer that they share is sent once."""
    command = ["ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests", "-"]
    into = ["exec", "--interactive", f"{name}-control-plane", *command]
    feed([used.docker.program, *into], used.docker, [each.path for each in images.others])
    timed(f"the node has the images {', '.join(each.name for each in images.others)}")


def _install(name: str, programs: Mapping[str, Obtained], images: Images, timed: Progress) -> None:
    istioctl = images.istioctl or programs["istioctl"].path
    objects = istio.manifests(istioctl, images.overlays, cache_root(), image_settings(images))
    api = Api(folder_of(name) / "kubeconfig")
    api.apply_all(dns_objects())
    istio.install(api, objects, timed)
    wait_until_available(api, "kube-system", ["coredns"])
    api.close()


def image_settings(images: Images) -> list[str]:
    """Where Istio's own manifests are to find images that were built here; nothing for the official ones."""
    if not images.is_built_here:
        return []
    tag = next(each.reference for each in images.others if each.name == "pilot").rsplit(":", 1)[1]
    return [f"values.global.hub={REPOSITORY}", f"values.global.tag={tag}", "values.global.imagePullPolicy=IfNotPresent"]


def _described(name: str, images: Images, used: Daemon, ports: Mapping[str, int]) -> Cluster:
    version = used.docker.info()["version"]
    parts = {**images.parts, "docker": Part(version, "private daemon" if used.world else "the machine's daemon")}
    return Cluster(
        kind="kind",
        kubeconfig=folder_of(name) / "kubeconfig",
        parts=dict(sorted(parts.items())),
        deviations=(istio.UPSTREAM_ENVOY,) if "upstream-envoy" in images.overlays else (),
        ingress_http=f"127.0.0.1:{ports['http']}",
        ingress_https=f"127.0.0.1:{ports['https']}",
        logs=folder_of(name) / "logs",
    )


def delete(name: str, kind: Path, used: Daemon) -> None:
    """Also a half-made one, or one that is gone already."""
    subprocess.run(
        [kind, "delete", "cluster", "--name", name, "--kubeconfig", os.devnull],
        env=used.docker.environment(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    shutil.rmtree(folder_of(name), ignore_errors=True)


def export_logs(name: str, kind: Path, used: Daemon, folder: Path) -> None:
    """What `kind export logs` collects; a failure of it is no failure of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [kind, "export", "logs", str(folder), "--name", name],
        env=used.docker.environment(),
        capture_output=True,
        check=False,
        timeout=300,
    )


def is_as_asked(kept: Cluster, options: Options) -> bool:
    """Whether a kept cluster is what would be made now."""
    if kept.kind != "kind":
        return False
    wanted = {each.name: each.version for each in sources.pinned()} if options.asked.is_built_here else {}
    asked = {"kubelet": options.asked.kubernetes, "pilot-discovery": options.asked.istio}
    wanted.update({name: version for name, version in asked.items() if version})
    return all(name in kept.parts and kept.parts[name].version == version for name, version in wanted.items())
