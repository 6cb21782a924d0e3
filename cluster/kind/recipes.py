"""What is in each image that is built here, and what its content depends on."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.containers import BASE_FILES, PAUSE_SOURCE
from cluster.binaries.obtain import Obtained, Programs
from cluster.binaries.store import go_platform
from cluster.kind import archive, debian, workload
from cluster.kind.archive import Entry, Layer, Start
from cluster.model import ClusterError

REPOSITORY = "conformance"
"""The first part of the name of every image that is built here: no registry has them."""
WORKLOAD = f"{REPOSITORY}/workload:dev"
"""As manifests/ name it."""

_ISTIO_USER = "1337"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Context:
    """What recipes work with: the programs, the Debian root, a folder of their own."""

    programs: Programs
    root: Layer
    workspace: Path


@dataclass(frozen=True)
class Recipe:
    """One image. `has_root`: its lowest layer is the Debian root file system."""

    name: str
    reference: str
    start: Start
    entries: Callable[[Context], Sequence[Entry]]
    programs: tuple[str, ...] = ()
    has_root: bool = True

    def write(self, context: Context, result: Path) -> None:
        """The archive with the image."""
        own = archive.write_layer(context.workspace / f"{self.name}.layer.tar", self.entries(context))
        layers = [context.root, own] if self.has_root else [own]
        archive.write(result, self.reference, layers, self.start, go_platform()[1])
        own.path.unlink()


def fingerprint(programs: Sequence[Obtained], makers: Sequence[str], *, has_root: bool) -> str:
    """Hashes everything that an image is made of, and the code that makes it: modules of this folder."""
    digest = hashlib.sha256()
    for each in programs:
        digest.update(f"{each.name} {each.version} {_content(each.path)}\n".encode())
    for name in ("archive", "recipes", *makers):
        digest.update((_HERE / f"{name}.py").read_bytes() + b"\0")
    if "workload" in makers:
        for file in workload.sources():
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        digest.update(workload.requirements().encode())
    digest.update((debian.key() if has_root else "").encode())
    return digest.hexdigest()[:16]


def _content(path: Path) -> str:
    """The hash of a program: from the record that the store wrote beside it, or of the file itself."""
    record = path.with_name("record.json")
    if record.exists():
        known: str = json.loads(record.read_text())["sha256"]
        return known
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _program(name: str, target: str) -> Callable[[Context], Sequence[Entry]]:
    return lambda context: [Entry(target, context.programs[name].path, 0o755)]


def istio(programs: Programs) -> tuple[Recipe, Recipe, Recipe]:
    """istiod, its proxy, and the application."""
    tag = programs["pilot-discovery"].version
    user = Start(("/usr/local/bin/pilot-discovery",), _ISTIO_USER, PATH)
    agent = Start(("/usr/local/bin/pilot-agent",), _ISTIO_USER, PATH)
    python = Start(("python3", "-m", "workload"), "1000", {**PATH, **_PYTHON}, "/app")
    proxy = ("pilot-agent", "envoy", "envoy_bootstrap.json")
    return (
        Recipe("pilot", f"{REPOSITORY}/pilot:{tag}", user, _pilot, ("pilot-discovery",), has_root=False),
        Recipe("proxyv2", f"{REPOSITORY}/proxyv2:{tag}", agent, _proxy, proxy),
        Recipe("workload", WORKLOAD, python, _workload),
    )


PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
_PYTHON = {"PYTHONPATH": "/app", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def _pilot(context: Context) -> Sequence[Entry]:
    binary = Entry("usr/local/bin/pilot-discovery", context.programs["pilot-discovery"].path, 0o755)
    accounts = Entry("etc/passwd", f"istio:x:{_ISTIO_USER}:{_ISTIO_USER}::/:/sbin/nologin\n".encode())
    return [binary, accounts, Entry("tmp/.keep", b"")]


def _proxy(context: Context) -> Sequence[Entry]:
    paths = {name: each.path for name, each in context.programs.items()}
    return [
        Entry("usr/local/bin/pilot-agent", paths["pilot-agent"], 0o755),
        Entry("usr/local/bin/envoy", paths["envoy"], 0o755),
        Entry("var/lib/istio/envoy/envoy_bootstrap_tmpl.json", paths["envoy_bootstrap.json"]),
    ]


def _workload(context: Context) -> Sequence[Entry]:
    folder = context.workspace / "packages"
    folder.mkdir()
    workload.install(folder, debian.python_version(context.root.path))
    return workload.entries(folder)


def control_plane(programs: Programs, pause: str) -> tuple[Recipe, ...]:
    """The images that kubeadm starts, under the versions that their programs truly have."""
    made = []
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "coredns"):
        reference = f"{REPOSITORY}/{name}:{tag_of(programs, name)}"
        # kubeadm's manifests name the command; CoreDNS's has arguments only.
        start = Start((f"/usr/local/bin/{name}",) if name == "coredns" else (), environment=PATH)
        has_root = name == "kube-proxy"
        entries = _program(name, f"usr/local/bin/{name}")
        made.append(Recipe(name, reference, start, entries, (name,), has_root=has_root))
    made.append(Recipe("pause", pause_reference(pause), Start(("/pause",), "65535:65535"), _pause, has_root=False))
    return tuple(made)


def tag_of(programs: Mapping[str, Obtained], name: str) -> str:
    version = programs[name].version
    return version if name.startswith("kube-") else f"v{version.removeprefix('v')}"


def pause_reference(version: str) -> str:
    return f"{REPOSITORY}/pause:{version}"


def _pause(context: Context) -> Sequence[Entry]:
    result = context.workspace / "pause"
    # As Kubernetes' own Makefile compiles it.
    source = context.programs[PAUSE_SOURCE].path
    flags = ["-Os", "-Wall", "-static", f"-DVERSION={context.programs[PAUSE_SOURCE].version}"]
    done = subprocess.run(["gcc", *flags, "-o", result, source], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"gcc cannot build pause: {done.stderr.strip()[-500:]}", "Install gcc and libc6-dev")
    return [Entry("pause", result, 0o755)]


def base_files(programs: Programs) -> Path:
    return programs[BASE_FILES].path
