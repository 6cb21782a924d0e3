"""Fill a slot of the store with `go`. Effects: the network through Go's module proxy, Go's own caches, the slot."""

import errno
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Sequence
from pathlib import Path

from cluster.binaries.catalogue import Module, ModuleFile, Program
from cluster.binaries.errors import ProgramError
from cluster.binaries.store import GivenUpError, Slot
from cluster.binaries.toolchain import Toolchain

# How often a running build looks whether the run was given up.
_STOP_POLL_SECONDS = 0.2

# Enough to show the compiler's or the module proxy's complaint, not the list of everything that was downloaded.
_SHOWN_LINES = 8

DISK_FULL = "No space left on device"


def build(wanted: Program | ModuleFile, slot: Slot, toolchain: Toolchain, stop: threading.Event) -> None:
    """Put the program into its slot; the caller holds the slot's lock."""
    try:
        with slot.empty_workspace() as workspace:
            result = workspace / wanted.name
            if isinstance(wanted, Program):
                _build_program(wanted, result, toolchain, stop)
                slot.keep(result, f"built from {wanted.module.name_and_version}")
            else:
                _take(_module_source(wanted.module, toolchain, stop) / wanted.file, result)
                slot.keep(result, f"file of {wanted.module.name_and_version}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise disk_full(slot, str(error)) from error
    except _GoError as error:
        if DISK_FULL.lower() in error.output.lower():
            raise disk_full(slot, _line_with(DISK_FULL, error.output)) from error
        shown = "\n".join(error.output.strip().splitlines()[-_SHOWN_LINES:])
        raise ProgramError(
            wanted.module.folder,
            f"`{error.command}` failed:\n{shown}",
            "Modules come through Go's module proxy (GOPROXY), which has to be reachable; "
            f"or name a path for {wanted.name}.",
        ) from error


def disk_full(slot: Slot, detail: str) -> ProgramError:
    cache = slot.folder.parent.parent
    return ProgramError(
        cache,
        f"the disk is full ({detail})",
        "The programs need about 1.2 GB in this folder and Go's build cache about 6 GB. "
        "CONFORMANCE_CACHE=<folder> moves the first, GOCACHE, GOMODCACHE and GOTMPDIR move what Go writes.",
    )


def _build_program(program: Program, result: Path, toolchain: Toolchain, stop: threading.Event) -> None:
    flags = ("-trimpath", "-buildvcs=false", "-ldflags", program.ldflags, "-o", str(result))
    tags = ("-tags", ",".join(program.tags)) if program.tags else ()
    _run_go(("build", *flags, *tags, program.package), program.module, toolchain, stop, has_c=program.has_c)
    result.chmod(0o755)


def _take(source: Path, result: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, result)
        return
    with tarfile.open(result, "w") as archive:
        archive.add(source, arcname=".", filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    # The module cache is read-only and belongs to whoever filled it; the programs' own modes are in the Dockerfile.
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def _module_source(module: Module, toolchain: Toolchain, stop: threading.Event) -> Path:
    # `go list -m` would do only after a build: it does not download what the module cache lacks.
    answer = json.loads(_run_go(("mod", "download", "-json", module.path), module, toolchain, stop))
    return Path(str(answer["Dir"]))


def _run_go(
    arguments: Sequence[str], module: Module, toolchain: Toolchain, stop: threading.Event, *, has_c: bool = False
) -> str:
    """Run go in the module's folder, return what it prints; ends it when the run is given up."""
    with subprocess.Popen(
        [toolchain.go, *arguments],
        cwd=module.folder,
        env=toolchain.environment(has_c=has_c),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        while True:
            try:
                output, complaints = process.communicate(timeout=_STOP_POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    # SIGTERM, not SIGKILL: go then stops its compilers and removes its temporary folder.
                    process.terminate()
    if stop.is_set():
        raise GivenUpError
    if process.returncode != 0:
        raise _GoError(f"go {' '.join(arguments)}", complaints + output)
    return output


def _line_with(text: str, output: str) -> str:
    return next(line.strip() for line in output.splitlines() if text.lower() in line.lower())


class _GoError(Exception):
    def __init__(self, command: str, output: str) -> None:
        super().__init__(command)
        self.command = command
        self.output = output
