"""Every program from the first source that works: a path the user names, the store, a wheel, a build."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.build import build
from cluster.binaries.catalogue import ModuleFile, Program, Wanted, WheelProgram, catalogue
from cluster.binaries.errors import ProgramError
from cluster.binaries.given import find_in_wheel, version_of_given
from cluster.binaries.store import GivenUpError, Slot
from cluster.binaries.toolchain import Toolchain, find_toolchain


@dataclass(frozen=True, slots=True)
class Obtained:
    """A program that is on this machine, and how it came here."""

    name: str
    path: Path
    version: str
    source: str


Programs = Mapping[str, Obtained]
Progress = Callable[[str], None]


def obtain(wanted: Sequence[Wanted], *, given: Mapping[str, Path], cache: Path, progress: Progress) -> Programs:
    """Return where each program is; builds those that are missing, once even when two runs want them at once."""
    _refuse_unknown(given, wanted)
    counted = _Counter(len(wanted), progress)
    found: dict[str, Obtained] = {}
    missing: list[Program | ModuleFile] = []
    for each in wanted:
        if each.name in given:
            path = given[each.name].absolute()
            found[each.name] = Obtained(each.name, path, version_of_given(each, path), "path given by the user")
            counted.done(each.name, "path given by the user")
        elif isinstance(each, WheelProgram):
            path, version = find_in_wheel(each)
            found[each.name] = Obtained(each.name, path, version, f"wheel {each.distribution} {version}")
            counted.at_hand()
        elif Slot.of(each, cache).is_present():
            found[each.name] = _from_slot(each, cache)
            counted.at_hand()
        else:
            missing.append(each)
    counted.tell_at_hand()
    if missing:
        _build_all(missing, cache, counted)
    found.update((each.name, _from_slot(each, cache)) for each in missing)
    return {each.name: found[each.name] for each in wanted}


def verify(wanted: Sequence[Wanted], cache: Path) -> None:
    """Read the whole of every stored program and compare it with what was stored; takes seconds."""
    for each in wanted:
        if isinstance(each, Program | ModuleFile) and (slot := Slot.of(each, cache)).is_present():
            slot.check_content()


def _refuse_unknown(given: Mapping[str, Path], wanted: Sequence[Wanted]) -> None:
    known = {each.name for each in (*wanted, *catalogue())}
    for name, path in given.items():
        if name not in known:
            raise ProgramError(path, f"given for {name!r}, which is no program", f"One of: {', '.join(sorted(known))}.")


def _from_slot(wanted: Program | ModuleFile, cache: Path) -> Obtained:
    slot = Slot.of(wanted, cache)
    record = slot.record()
    if record is None:
        raise ProgramError(slot.path, "was removed while it was being obtained", "Run again.")
    return Obtained(wanted.name, slot.path, wanted.version, record.source)


def _build_all(missing: Sequence[Program | ModuleFile], cache: Path, counted: "_Counter") -> None:
    """Build the slowest first, two cores each; the first failure ends the others."""
    stop = threading.Event()
    required = max((each.module.go for each in missing), key=lambda version: [int(part) for part in version.split(".")])
    try:
        toolchain = find_toolchain(required, cache=cache, progress=counted.note, stop=stop)
    except OSError as error:
        raise _unusable(cache, error) from error
    builders = max(1, (os.cpu_count() or 1) // 2)
    counted.note(
        f"building {len(missing)} of {counted.total} with go {toolchain.version} into {cache}, once per machine; "
        f"about {sum(map(_cold_build_seconds, missing))} s on two cores, less where Go's caches are filled"
    )
    with ThreadPoolExecutor(builders, thread_name_prefix="go-build") as executor:
        futures = [
            executor.submit(_build_one, each, cache, toolchain, stop, counted)
            for each in sorted(missing, key=_cold_build_seconds, reverse=True)
        ]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            _raise_first(done)
        except BaseException:
            # Also for KeyboardInterrupt: leaving the executor waits for its threads, which end as soon as they see it.
            stop.set()
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _build_one(
    wanted: Program | ModuleFile, cache: Path, toolchain: Toolchain, stop: threading.Event, counted: "_Counter"
) -> None:
    if stop.is_set():
        raise GivenUpError
    slot = Slot.of(wanted, cache)
    began = time.monotonic()
    try:
        with slot.locked(stop):
            if slot.is_present():
                counted.done(wanted.name, "built by another run")
                return
            build(wanted, slot, toolchain, stop)
    except OSError as error:
        raise _unusable(cache, error) from error
    counted.done(wanted.name, f"built in {time.monotonic() - began:.0f} s")


def _unusable(cache: Path, error: OSError) -> ProgramError:
    return ProgramError(cache, f"cannot be used as cache: {error}", "CONFORMANCE_CACHE=<folder> names another one.")


def _cold_build_seconds(wanted: Program | ModuleFile) -> int:
    # A file of a module needs the module's download only, which a build of the same module has done by then.
    return wanted.cold_build_seconds if isinstance(wanted, Program) else 0


def _raise_first(done: set[Future[None]]) -> None:
    errors = [error for future in done if (error := future.exception()) is not None]
    for error in errors:
        if not isinstance(error, GivenUpError):
            raise error
    if errors:
        raise errors[0]


class _Counter:
    """Numbers the progress lines in the order in which programs become available."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total = total
        self.note = progress
        self._done = 0
        self._lock = threading.Lock()

    def at_hand(self) -> None:
        """Counts a program that needs no line of its own: nothing had to be done for it."""
        self._done += 1

    def tell_at_hand(self) -> None:
        if self._done:
            self.note(f"[{self._done}/{self.total}] programs are at hand")

    def done(self, name: str, how: str) -> None:
        with self._lock:
            self._done += 1
            self.note(f"[{self._done}/{self.total}] {name}  {how}")
