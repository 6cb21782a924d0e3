"""`conformance cluster up`, `status`, `shell` and `down`, and `conformance reap`."""

from __future__ import annotations

import argparse
import os
import subprocess
import time

from cluster import kept, provide
from cluster.embedded import cluster as embedded
from cluster.embedded.layout import KUBECONFIG
from cluster.kind import reap as kind_reap
from cluster.kind.cluster import Running as KindRunning
from cluster.model import Cluster, ClusterError
from conformance.choices import wanted
from conformance.commands import FOLDER, say
from conformance.run import KEPT_NAME, prepare


def up(options: argparse.Namespace) -> int:
    chosen = wanted(options)
    if provide.find(KEPT_NAME, chosen, say):
        say("it is running already")
        return status(options)
    running = provide.start(chosen, FOLDER / "cluster.log", say)
    try:
        prepare(running.cluster, say)
        provide.keep(KEPT_NAME, running)
    except BaseException:
        running.end()
        raise
    return status(options)


def status(_: argparse.Namespace) -> int:
    found = provide.kept_ones(KEPT_NAME)
    if not found:
        print("no cluster is kept; `conformance cluster up` starts one")
        return 1
    print("\n\n".join(_described(each.cluster) for each in found))
    return 0


def _described(cluster: Cluster) -> str:
    width = max(map(len, cluster.parts))
    rows = [f"  {name:<{width}}  {part.version:<24}  {part.source}" for name, part in cluster.parts.items()]
    return "\n".join(
        (
            f"{cluster.kind} cluster with Istio and bookinfo",
            *rows,
            *(f"  note: {each}" for each in cluster.deviations),
            f"  KUBECONFIG={cluster.kubeconfig}",
            f"  ingress gateway: http://{cluster.ingress_http}  https://{cluster.ingress_https}",
            f"  logs: {cluster.logs}",
            "  conformance cluster shell   a shell in its network, with kubectl and istioctl",
            "  conformance run             scenarios use it while it is there",
            "  conformance cluster down    ends it",
        )
    )


def shell(options: argparse.Namespace) -> int:
    found = provide.kept_ones(KEPT_NAME)
    if not found:
        raise ClusterError("no cluster is kept", "Start one: conformance cluster up")
    running = found[-1].running
    obtained = embedded.programs({}, lambda _: None)
    folders = [str(obtained[name].path.parent) for name in ("kubectl", "istioctl")]
    path = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "KUBECONFIG": str(running.cluster.kubeconfig)}
    enter: list[str] = []
    if isinstance(running, embedded.Running):
        enter = ["nsenter", "--target", str(running.world.pid), "--net"]
        if os.geteuid() != 0:
            enter += ["--user", "--preserve-credentials"]
        environment["KUBECONFIG"] = str(running.world.home / KUBECONFIG.name)
    elif isinstance(running, KindRunning):
        environment = {**running.daemon.docker.environment(), **environment}
    command = options.words or [os.environ.get("SHELL", "/bin/sh")]
    return subprocess.run([*enter, *command], env=environment, check=False).returncode


def down(_: argparse.Namespace) -> int:
    found = provide.kept_ones(KEPT_NAME)
    if not found:
        print("no cluster is kept")
    for each in found:
        begun = time.monotonic()
        kept.end(each)
        print(f"{each.cluster.kind} cluster ended in {time.monotonic() - begun:.1f} s")
    return 0


def reap(_: argparse.Namespace) -> int:
    """Embedded clusters of dead runs are gone with their owners; what can be left are notes, and what Docker keeps."""
    for name in kept.names():
        alive = kept.find(name)
        print(f"{name}: {'runs; `conformance cluster down` ends it' if alive else 'was dead, its note is removed'}")
    for line in kind_reap.reap(kept.notes()):
        print(line)
    print("nothing else can be left: a cluster dies with the process that owns it")
    return 0
