"""Which programs stand in for a container image: an image here is an entry point and the host's files it needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Mount:
    """A file or folder of the host, read-only at `target` inside."""

    source: Path
    target: str


@dataclass(frozen=True)
class Image:
    """What a container image says: the command, the user it runs as and the files it brings."""

    entrypoint: tuple[str, ...]
    user: int
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = "/"


class UnknownImage(Exception):  # noqa: N818 - an answer about a pod, not a fault of the node
    """No program stands in for this image; the message says which ones are known."""


@dataclass(frozen=True)
class Images:
    """The image names this node can run, as patterns over the whole reference."""

    known: tuple[tuple[str, Image], ...]

    def find(self, reference: str) -> Image:
        for pattern, image in self.known:
            if re.fullmatch(pattern, reference):
                return image
        names = ", ".join(
            pattern.replace(".*", "*").replace("(", "").replace(")?", "").replace("/*", "/")
            for pattern, _ in self.known
        )
        raise UnknownImage(
            f'no program stands in for image "{reference}": this node runs no container images, it knows {names}. '
            "Use one of these, or run this manifest with --cluster kind"
        )


def images(programs: Mapping[str, Path]) -> Images:
    """The images of this project, made of the programs that `cluster.binaries` obtained."""
    return Images(
        (
            (r"(.*/)?pilot:.*", _pilot(programs)),
            (r"(.*/)?proxyv2:.*", _proxy(programs)),
            (r"(.*/)?conformance/workload:.*", _workload()),
            (r"(.*/)?conformance/shell:.*", Image(("/bin/sh",), user=0)),
        )
    )


# Istio's images run as this user; istio-iptables exempts it from the redirection.
ISTIO_USER = 1337


def _pilot(programs: Mapping[str, Path]) -> Image:
    target = "/usr/local/bin/pilot-discovery"
    return Image((target,), ISTIO_USER, (Mount(programs["pilot-discovery"], target),))


def _proxy(programs: Mapping[str, Path]) -> Image:
    agent = "/usr/local/bin/pilot-agent"
    mounts = (
        Mount(programs["pilot-agent"], agent),
        Mount(programs["envoy"], "/usr/local/bin/envoy"),
        Mount(programs["envoy_bootstrap.json"], "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"),
    )
    return Image((agent,), ISTIO_USER, mounts)


def _workload() -> Image:
    """The application: this interpreter with this environment's packages, and the program of manifests/workload."""
    # Both prefixes at their own paths: the environment's interpreter is a link into the base installation.
    prefixes = dict.fromkeys((Path(sys.base_prefix), Path(sys.prefix)))
    mounts = tuple(Mount(prefix, str(prefix)) for prefix in prefixes if prefix != Path("/usr"))
    return Image(
        (sys.executable, "-m", "workload"),
        user=1000,
        mounts=(*mounts, Mount(PROJECT / "manifests", "/app")),
        # -B by environment: the mounts are read-only.
        environment={"PYTHONPATH": "/app", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        working_directory="/app",
    )
