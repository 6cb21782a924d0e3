"""Programs are built once, whatever happens in between, and found again without starting anything."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.binaries.catalogue import Program
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import Programs, obtain

if TYPE_CHECKING:
    from tests.binaries.conftest import FakeGo

# The interface that the embedded cluster starts with: not worth a wait that a person would notice.
CACHED_LIMIT_SECONDS = 0.1

OBTAIN_ELSEWHERE = """
import pickle, signal, sys
from pathlib import Path
# A shell starts what is to run in the background with interrupts ignored, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from cluster.binaries.obtain import obtain
obtain((pickle.loads(bytes.fromhex(sys.argv[1])),), given={}, cache=Path(sys.argv[2]), progress=print)
"""


def silently(program: Program, cache: Path) -> Programs:
    return obtain((program,), given={}, cache=cache, progress=lambda _: None)


def elsewhere(program: Program, cache: Path) -> subprocess.Popen[bytes]:
    arguments = [pickle.dumps(program).hex(), str(cache)]
    return subprocess.Popen([sys.executable, "-c", OBTAIN_ELSEWHERE, *arguments], stdout=subprocess.DEVNULL)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "nothing happened within 20 s"
        time.sleep(0.01)


def leftovers(cache: Path) -> list[Path]:
    return list(cache.rglob("unfinished-*"))


def test_a_build_says_what_it_did(tmp_path: Path, program: Program, fake_go: object) -> None:
    lines: list[str] = []
    stub = obtain((program,), given={}, cache=tmp_path, progress=lines.append)["stub"]
    assert stub.source == "built from example.org/stub@v1.2.3"
    assert lines[-1] == "[1/1] stub  built in 0 s"
    assert subprocess.run([stub.path], capture_output=True, check=True).stdout == b"stub version 1.2.3\n"
    assert not leftovers(tmp_path)


def test_what_is_cached_is_found_at_once_and_without_go(tmp_path: Path, program: Program, fake_go: FakeGo) -> None:
    first = silently(program, tmp_path)
    (fake_go.folder / "go").unlink()
    began = time.monotonic()
    assert silently(program, tmp_path) == first
    assert time.monotonic() - began < CACHED_LIMIT_SECONDS
    assert len(fake_go.starts()) == 1


def test_two_runs_at_once_build_once(tmp_path: Path, program: Program, fake_go: FakeGo) -> None:
    fake_go.turn_on("wait")
    other = elsewhere(program, tmp_path)
    wait_until(fake_go.starts)
    with ThreadPoolExecutor() as threads:
        here = threads.submit(silently, program, tmp_path)
        time.sleep(0.3)
        assert not here.done()
        fake_go.turn_off("wait")
        assert here.result()["stub"].path.is_file()
    assert other.wait(20) == 0
    assert len(fake_go.starts()) == 1


def test_a_run_killed_while_building_does_not_hinder_the_next(
    tmp_path: Path, program: Program, fake_go: FakeGo
) -> None:
    fake_go.turn_on("wait")
    killed = elsewhere(program, tmp_path)
    wait_until(fake_go.starts)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(20) == -signal.SIGKILL
    assert leftovers(tmp_path)
    with ThreadPoolExecutor() as threads:
        here = threads.submit(silently, program, tmp_path)
        wait_until(lambda: len(fake_go.starts()) == 2)
        # The killed run's go lives on and ends at the same time as the new one: its result has no place to go to.
        fake_go.turn_off("wait")
        stub = here.result()["stub"]
    assert subprocess.run([stub.path], capture_output=True, check=True).stdout == b"stub version 1.2.3\n"
    assert not leftovers(tmp_path)


def test_an_interrupt_ends_the_running_build(tmp_path: Path, program: Program, fake_go: FakeGo) -> None:
    fake_go.turn_on("wait")
    interrupted = elsewhere(program, tmp_path)
    wait_until(fake_go.starts)
    go = int(fake_go.starts()[0].split()[0])
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(20) != 0
    assert not Path(f"/proc/{go}").exists()
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    ("mode", "problem"),
    [("full", r"the disk is full \(.*no space left"), ("broken", "failed:\npackage x is not in std")],
)
def test_a_failing_build_gives_one_message(
    tmp_path: Path, program: Program, fake_go: FakeGo, mode: str, problem: str
) -> None:
    fake_go.turn_on(mode)
    others = [replace(program, name=f"stub-{number}", ldflags=str(number)) for number in range(5)]
    with pytest.raises(ProgramError, match=problem) as caught:
        obtain(others, given={}, cache=tmp_path, progress=lambda _: None)
    if mode == "full":
        assert caught.value.path == tmp_path
        assert "CONFORMANCE_CACHE" in caught.value.hint
    assert threading.active_count() == 1
    assert not leftovers(tmp_path)


def test_a_disk_that_fills_while_storing_gives_the_same_message(
    tmp_path: Path, program: Program, fake_go: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(ProgramError, match="the disk is full"):
        silently(program, tmp_path)


def test_a_cache_that_cannot_be_written_gives_one_message(tmp_path: Path, program: Program, fake_go: object) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProgramError, match="cannot be used as cache"):
        silently(program, tmp_path / "file")
