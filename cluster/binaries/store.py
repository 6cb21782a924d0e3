"""Where obtained programs are kept: one folder per content key, so that nothing in it ever changes or goes stale.

A program counts as present only once its record has been written beside it, as the last step: a build that was killed
at any moment leaves a folder without a record, which the next one clears under the lock.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cluster.binaries.catalogue import ModuleFile, Program
from cluster.binaries.errors import ProgramError

# Go's names for what Python calls x86_64 and so on.
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# How often somebody who waits for a lock looks whether the run was given up.
_LOCK_POLL_SECONDS = 0.5


def cache_root() -> Path:
    """Return the folder that holds everything this project downloads or builds once per machine."""
    if chosen := os.environ.get("CONFORMANCE_CACHE"):
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "istio-conformance"


def go_platform() -> tuple[str, str]:
    """Return GOOS and GOARCH of this machine."""
    machine = platform.machine().lower()
    return sys.platform, _ARCHITECTURES.get(machine, machine)


def content_key(wanted: Program | ModuleFile) -> str:
    """Hash everything that determines what a build gives; the Go version is go.mod's, so that asking is free."""
    digest = hashlib.sha256()
    detail = ("package", wanted.package, wanted.ldflags) if isinstance(wanted, Program) else ("file", wanted.file)
    if isinstance(wanted, Program) and (wanted.tags or wanted.has_c):
        detail = (*detail, *wanted.tags, str(wanted.has_c))
    for part in (*detail, wanted.module.go, *go_platform()):
        digest.update(part.encode() + b"\0")
    for file in ("go.mod", "go.sum"):
        digest.update((wanted.module.folder / file).read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """What is written beside a stored program."""

    size: int
    sha256: str
    source: str


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one program at one content key."""

    name: str
    folder: Path
    executable: bool

    @classmethod
    def of(cls, wanted: Program | ModuleFile, cache: Path) -> "Slot":
        folder = cache / "programs" / f"{wanted.name}-{content_key(wanted)[:16]}"
        return cls(wanted.name, folder, isinstance(wanted, Program))

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def _record_path(self) -> Path:
        return self.folder / "record.json"

    def record(self) -> Record | None:
        """Return the record, or None if there is none that can be read."""
        try:
            return Record(**json.loads(self._record_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def is_present(self) -> bool:
        """Compare the size only: the hash of all programs takes seconds, and `verify` is there for doubters."""
        record = self.record()
        try:
            status = self.path.stat()
        except OSError:
            return False
        usable = os.access(self.path, os.X_OK if self.executable else os.R_OK)
        return record is not None and status.st_size == record.size and usable

    @contextmanager
    def locked(self, stop: threading.Event) -> Iterator[None]:
        """Exclude other runs; a lock dies with its process, so a killed run never blocks the next one."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder.with_name(self.folder.name + ".lock"), stop):
            yield

    @contextmanager
    def empty_workspace(self) -> Iterator[Path]:
        """Give a new folder inside the slot for building, after removing what a killed build left; needs the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        # A folder, not a file: an orphaned `go build` of a killed run then finds no place to write its result to.
        workspace = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self.folder))
        try:
            yield workspace
        finally:
            shutil.rmtree(workspace, ignore_errors=True)

    def keep(self, built: Path, source: str) -> None:
        """Move the finished program to its place, then write the record that makes it count."""
        with built.open("rb") as file:
            record = Record(os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest(), source)
            os.fsync(file.fileno())
        unfinished = built.with_name("record.json")
        unfinished.write_text(json.dumps(asdict(record)) + "\n")
        built.replace(self.path)
        unfinished.replace(self._record_path)

    def check_content(self) -> None:
        """Compare the whole content with what was stored."""
        record = self.record()
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if record is None or found != record.sha256:
            raise ProgramError(self.path, "is not what was stored there", f"Remove the folder {self.folder}.")


@contextmanager
def exclusive(lock_file: Path, stop: threading.Event) -> Iterator[None]:
    """Hold the lock, unless the run is given up while waiting for it."""
    lock = FileLock(lock_file)
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
            break
        except Timeout:
            if stop.is_set():
                raise GivenUpError from None
    try:
        yield
    finally:
        lock.release()


class GivenUpError(Exception):
    """Another program failed or the user interrupted, so this one is not wanted any more; never shown."""
