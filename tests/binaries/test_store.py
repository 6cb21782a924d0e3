"""The store's key changes with everything that determines a program, and damage is noticed."""

import dataclasses
from pathlib import Path

import pytest

from cluster.binaries.catalogue import ModuleFile, Program
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import obtain, verify
from cluster.binaries.store import cache_root, content_key


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_the_key_changes_with_the_pinned_modules(program: Program, file: str) -> None:
    before = content_key(program)
    with (program.module.folder / file).open("a") as appended:
        appended.write("\n")
    assert content_key(program) != before


def test_the_key_changes_with_flags_package_go_and_platform(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        content_key(program),
        content_key(dataclasses.replace(program, ldflags="-s")),
        content_key(dataclasses.replace(program, package="example.org/stub/cmd/other")),
        content_key(dataclasses.replace(program, module=dataclasses.replace(program.module, go="1.27.0"))),
        content_key(ModuleFile("stub", program.module, program.package, program.version)),
    }
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    keys.add(content_key(program))
    assert len(keys) == 6


def test_a_truncated_program_is_built_again(tmp_path: Path, program: Program, fake_go: object) -> None:
    path = obtain((program,), given={}, cache=tmp_path, progress=lambda _: None)["stub"].path
    path.write_text("")
    again = obtain((program,), given={}, cache=tmp_path, progress=lambda _: None)["stub"].path
    assert again == path
    assert path.stat().st_size > 0


def test_verify_finds_a_changed_program_of_the_same_size(tmp_path: Path, program: Program, fake_go: object) -> None:
    path = obtain((program,), given={}, cache=tmp_path, progress=lambda _: None)["stub"].path
    verify((program,), tmp_path)
    path.write_bytes(path.read_bytes().replace(b"1.2.3", b"6.6.6"))
    with pytest.raises(ProgramError, match="is not what was stored there"):
        verify((program,), tmp_path)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CONFORMANCE_CACHE", raising=False)
    assert cache_root() == tmp_path / "istio-conformance"
    monkeypatch.setenv("CONFORMANCE_CACHE", str(tmp_path / "mine"))
    assert cache_root() == tmp_path / "mine"
