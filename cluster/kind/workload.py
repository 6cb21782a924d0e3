"""What the application program needs beside a Python: its own files and the locked packages it imports."""

from __future__ import annotations

import ast
import compileall
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from py_compile import PycInvalidationMode

from cluster.kind.archive import Entry
from cluster.model import ClusterError

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = PROJECT / "manifests" / "workload"
_LOCK = PROJECT / "requirements.lock"
# What a wheel may ask for and still run on the Debian root: its C library is newer than all of these.
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux1")


def sources() -> list[Path]:
    return sorted(SOURCES.glob("*.py"))


def distributions() -> list[str]:
    """The packages that the program imports, and those that they need, as the environment has them installed."""
    provided = metadata.packages_distributions()
    imported = {name for path in sources() for name in _imports(path)} | _loaded()
    found: set[str] = set()
    waiting = [each for name in imported for each in provided.get(name, ())]
    while waiting:
        name = _normal(waiting.pop())
        if name not in found:
            found.add(name)
            waiting += _required(name)
    return sorted(found)


def _imports(path: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name.split(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def _loaded() -> set[str]:
    """What is imported when the program is: some packages import others only if these are there."""
    code = "import sys, workload.__main__; print(*{name.split('.')[0] for name in sys.modules})"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return set(done.stdout.split())


def _required(name: str) -> Iterable[str]:
    for text in metadata.requires(name) or ():
        word = re.match(r"[A-Za-z0-9._-]+", text)
        if word and "extra ==" not in text and _is_installed(word[0]):
            yield word[0]


def _is_installed(name: str) -> bool:
    # What a marker excludes here (another system, another Python) is not installed.
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> str:
    """The lines of requirements.lock for them, hashes included; raises ClusterError for one that is not locked."""
    # What an interpreter loads by itself at its start is nothing that the program imports.
    wanted = set(distributions()) - {"setuptools"}
    entries = re.split(r"\n(?=[A-Za-z0-9])", _LOCK.read_text())
    named = [(_normal(re.split(r"[=\[ ]", entry, maxsplit=1)[0]), entry) for entry in entries if "==" in entry]
    if unlocked := wanted - {name for name, _ in named}:
        problem = f"the application imports what requirements.lock does not have: {', '.join(sorted(unlocked))}"
        raise ClusterError(problem, "Write it anew: nox -s lock")
    return "".join(f"{entry.rstrip()}\n" for name, entry in named if name in wanted)


def install(folder: Path, python: str) -> None:
    """The packages for Python `python` (such as 3.11) of the image, which need not be this interpreter's."""
    wanted = folder.with_name("workload-requirements.txt")
    wanted.write_text(requirements())
    platforms = [word for each in _PLATFORMS for word in ("--platform", f"{each}_{platform.machine()}")]
    version = ("--implementation", "cp", "--python-version", python, "--abi", f"cp{python.replace('.', '')}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    chosen = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--abi", "abi3", "--target", str(folder)]
    done = subprocess.run(
        [*command, *chosen, *version, *platforms, "-r", str(wanted)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ClusterError(
            f"the packages of the workload cannot be installed: {done.stderr.strip()[-800:]}",
            "Make the Python package index reachable",
        )
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        # Bytecode saves each pod half a second; unchecked, because layers carry no times.
        unchecked = PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, stripdir=str(folder), invalidation_mode=unchecked)


def entries(folder: Path) -> list[Entry]:
    """Everything below /app: packages and program."""
    packages = [Entry(f"app/{each.relative_to(folder)}", each) for each in sorted(folder.rglob("*")) if each.is_file()]
    return [*packages, *(Entry(f"app/workload/{each.name}", each) for each in sources())]
