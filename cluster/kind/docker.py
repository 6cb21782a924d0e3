"""Docker's own client, and its complaints in one sentence with what to do about them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cluster.model import ClusterError

_SECONDS = 600

# What Docker, kind and the kernel say, what it means, and what a person can do.
_KNOWN = (
    (
        ("permission denied while trying to connect", "Got permission denied"),
        "this user may not use Docker's socket",
        (
            "Run as root or as a member of the group docker (sudo usermod -aG docker $USER, then log in again), "
            "or use the embedded cluster, which needs no Docker"
        ),
    ),
    (
        ("Cannot connect to the Docker daemon", "Is the docker daemon running", "error during connect"),
        "no Docker daemon answers",
        "Start it (sudo systemctl start docker), or use the embedded cluster, which needs no Docker",
    ),
    (
        ("no space left on device",),
        "the disk is full",
        "Images need about 4 GB below Docker's data root and in the cache; CONFORMANCE_CACHE=<folder> moves ours",
    ),
    (
        ("port is already allocated", "address already in use"),
        "a port that the cluster needs is taken",
        "Choose others with --api-port, --http-port and --https-port, or leave them out to get free ones",
    ),
)


def explained(what: str, output: str) -> ClusterError:
    """The problem in words that a person can act on; whatever is not known is quoted from its end."""
    for signs, problem, hint in _KNOWN:
        found = next((sign for sign in signs if sign.lower() in output.lower()), None)
        if found:
            line = next(line.strip() for line in output.splitlines() if found.lower() in line.lower())
            return ClusterError(f"{what}: {problem} ({line[-300:]})", hint)
    return ClusterError(f"{what} failed: {output.strip()[-1500:]}", "Run again; `conformance reap` removes leftovers")


@dataclass(frozen=True)
class Docker:
    """One daemon. `host` is the value of DOCKER_HOST; None for what the environment says."""

    program: Path
    host: str | None = None

    def environment(self) -> dict[str, str]:
        """For programs that call `docker` themselves: this client first, and this daemon."""
        path = os.pathsep.join((str(self.program.parent), os.environ.get("PATH", os.defpath)))
        chosen = {"DOCKER_HOST": self.host} if self.host else {}
        # A context of the user's would outrank nothing but confuse everybody who reads the environment.
        return {**os.environ, **chosen, "PATH": path}

    def try_run(self, *words: str, stdin: IO[bytes] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *words],
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
            env=self.environment(),
        )

    def run(self, *words: str, stdin: IO[bytes] | None = None) -> str:
        """Standard output; raises ClusterError."""
        done = self.try_run(*words, stdin=stdin)
        if done.returncode:
            raise explained(f"docker {words[0]}", done.stderr or done.stdout)
        return done.stdout

    def names(self, kind: str, **labels: str) -> list[str]:
        """Of containers, networks or volumes with these labels."""
        filters = [word for name, value in labels.items() for word in ("--filter", f"label={name}={value}")]
        everything = ["--all"] if kind == "container" else []
        form = "{{.Names}}" if kind == "container" else "{{.Name}}"
        return self.run(kind, "ls", *everything, "--format", form, *filters).split()

    def has_image(self, reference: str) -> bool:
        return self.try_run("image", "inspect", "--format", "{{.Id}}", reference).returncode == 0

    def info(self) -> Mapping[str, str]:
        """Of the daemon: its version, its root folder and the version of cgroups that it sees."""
        form = "{{.ServerVersion}}|{{.DockerRootDir}}|{{.CgroupVersion}}"
        version, root, cgroups = self.run("info", "--format", form).strip().split("|")
        return {"version": version, "root": root, "cgroups": cgroups}
