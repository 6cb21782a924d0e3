"""`conformance cluster up`, `status`, `shell` and `down`, and `conformance reap`."""

from __future__ import annotations

import argparse
import os
import subprocess
import time

from cluster import kept
from cluster.embedded import cluster as embedded
from cluster.embedded.layout import KUBECONFIG
from cluster.model import Cluster, ClusterError
from conformance.commands import FOLDER, say
from conformance.run import KEPT_NAME, named_programs, prepare


def up(options: argparse.Namespace) -> int:
    if kept.find(KEPT_NAME):
        say("it is running already")
        return status(options)
    ports = {name: getattr(options, f"{name}_port") for name in ("api", "http", "https")}
    chosen = embedded.Options(given=named_programs(options.program), ports=ports)
    log = FOLDER / "cluster.log"
    running = embedded.start(chosen, log, say)
    try:
        prepare(running.cluster, say)
    except BaseException:
        running.end()
        raise
    kept.keep(KEPT_NAME, running)
    return status(options)


def status(_: argparse.Namespace) -> int:
    found = kept.find(KEPT_NAME)
    if not found:
        print("no cluster is kept; `conformance cluster up` starts one")
        return 1
    print(_described(found.cluster))
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
    found = kept.find(KEPT_NAME)
    if not found:
        raise ClusterError("no cluster is kept", "Start one: conformance cluster up")
    obtained = embedded.programs({}, lambda _: None)
    folders = [str(obtained[name].path.parent) for name in ("kubectl", "istioctl")]
    enter = ["nsenter", "--target", str(found.world.pid), "--net"]
    if os.geteuid() != 0:
        enter += ["--user", "--preserve-credentials"]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]),
        "KUBECONFIG": str(found.world.home / KUBECONFIG.name),
    }
    command = options.words or [os.environ.get("SHELL", "/bin/sh")]
    return subprocess.run([*enter, *command], env=environment, check=False).returncode


def down(_: argparse.Namespace) -> int:
    found = kept.find(KEPT_NAME)
    if not found:
        print("no cluster is kept")
        return 0
    begun = time.monotonic()
    kept.end(found)
    print(f"ended in {time.monotonic() - begun:.1f} s")
    return 0


def reap(_: argparse.Namespace) -> int:
    """Clusters of dead runs are gone with their owners; what can be left is the note of a kept one that died."""
    for name in kept.names():
        alive = kept.find(name)
        print(f"{name}: {'runs; `conformance cluster down` ends it' if alive else 'was dead, its note is removed'}")
    print("nothing else can be left: a cluster dies with the process that owns it")
    return 0
