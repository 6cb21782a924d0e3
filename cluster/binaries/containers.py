"""What a Kubernetes in containers needs beyond the embedded cluster's programs: kind, and the inside of its node."""

import re
from functools import cache

from cluster.binaries.catalogue import (
    HERE,
    Module,
    ModuleFile,
    Program,
    Wanted,
    catalogue,
    istio_module,
    kubernetes_program,
    read_module,
)

_KIND = "sigs.k8s.io/kind"
_CONTAINERD = "github.com/containerd/containerd/v2"
_RUNC = "github.com/opencontainers/runc"
_PLUGINS = "github.com/containernetworking/plugins"
_CRI_TOOLS = "sigs.k8s.io/cri-tools"

BASE_FILES = "kind-base-files.tar"
PAUSE_SOURCE = "pause.c"
SUPPORTED = "k8sversion.go"


def _kind() -> Module:
    return read_module(HERE / "kind", _KIND)


def _containerd(name: str, seconds: int) -> Program:
    module = read_module(HERE / "containerd", _CONTAINERD)
    stamp = f"-s -w -X {_CONTAINERD}/version.Version={module.version}"
    # What kind's own base image leaves out, and what makes it independent of the machine's C library.
    tags = ("no_aufs", "no_zfs", "no_btrfs", "no_devmapper", "netgo", "osusergo", "static_build")
    flags = ("-v",) if name.startswith("containerd-shim") else ("--version",)
    return Program(name, module, f"{_CONTAINERD}/cmd/{name}", module.version, stamp, flags, seconds, tags)


def _runc() -> Program:
    module = read_module(HERE / "runc", _RUNC)
    stamp = f"-s -w -X main.version={module.version.removeprefix('v')}"
    # The part that enters namespaces is C, and so is libseccomp.
    return Program("runc", module, _RUNC, module.version, stamp, ("--version",), 7, ("seccomp",), has_c=True)


def _plugin(folder: str, seconds: int = 1) -> Program:
    module = read_module(HERE / "cni", _PLUGINS)
    stamp = f"-s -w -X {_PLUGINS}/pkg/utils/buildversion.BuildVersion={module.version}"
    name = folder.rsplit("/", 1)[1]
    return Program(name, module, f"{_PLUGINS}/plugins/{folder}", module.version, stamp, ("--version",), seconds)


def _crictl() -> Program:
    module = read_module(HERE / "crictl", _CRI_TOOLS)
    stamp = f"-s -w -X {_CRI_TOOLS}/pkg/version.Version={module.version}"
    return Program("crictl", module, f"{_CRI_TOOLS}/cmd/crictl", module.version, stamp, ("--version",), 20)


def _supported_versions() -> ModuleFile:
    module, version = istio_module()
    return ModuleFile(SUPPORTED, module, "istioctl/pkg/install/k8sversion/version.go", version)


def _pause_source() -> ModuleFile:
    module = read_module(HERE / "kubelet", "k8s.io/kubernetes")
    return ModuleFile(PAUSE_SOURCE, module, "build/pause/linux/pause.c", module.version)


@cache
def kind_catalogue() -> tuple[Wanted, ...]:
    """Everything an embedded cluster runs, kind, and what is in the node image that is built here."""
    kind = _kind()
    return (
        *catalogue(),
        kubernetes_program("kubelet", 184, folder="kubelet"),
        kubernetes_program("kubeadm", 16, ("version", "-o", "short"), folder="kubelet"),
        Program("kind", kind, _KIND, kind.version, "-s -w", ("version",), 8),
        _containerd("containerd", 60),
        _containerd("containerd-shim-runc-v2", 5),
        _containerd("ctr", 5),
        _runc(),
        _plugin("ipam/host-local", 4),
        _plugin("main/loopback"),
        _plugin("main/ptp"),
        _plugin("meta/portmap"),
        _crictl(),
        # The layout of kind's own base image: entrypoint, units, configuration.
        ModuleFile(BASE_FILES, kind, "images/base/files", kind.version),
        _pause_source(),
        _supported_versions(),
    )


def oldest_kubernetes(source: str) -> int:
    """The minor version in istioctl's own k8sversion package, from its source text."""
    found = re.search(r"MinK8SVersion\s*=\s*(\d+)", source)
    assert found, "k8sversion names no minimum"
    return int(found[1])
