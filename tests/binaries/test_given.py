"""A path that the user names wins, and is proved to be usable first."""

from pathlib import Path

import pytest

from cluster.binaries.catalogue import Program
from cluster.binaries.errors import ProgramError
from cluster.binaries.obtain import obtain


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def obtain_given(program: Program, path: Path, cache: Path, name: str = "stub") -> str:
    programs = obtain((program,), given={name: path}, cache=cache, progress=lambda _: None)
    assert programs["stub"].path == path
    assert programs["stub"].source == "path given by the user"
    return programs["stub"].version


def test_a_given_path_wins_over_a_build(tmp_path: Path, program: Program) -> None:
    path = script(tmp_path / "mine", "#!/bin/sh\necho 'stub v9.8.7-rc.1 (clean)'\n")
    assert obtain_given(program, path, tmp_path / "cache") == "v9.8.7-rc.1"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("#!/bin/sh\necho 'wrong libc' >&2\nexit 3\n", 0o755, r"ended with 3 \(wrong libc\)"),
        ("not a program", 0o755, "does not run"),
        ("#!/bin/sh\n", 0o644, "is not executable"),
        (None, 0o755, "is not a file"),
    ],
)
def test_a_path_that_does_not_run_gives_one_message(
    tmp_path: Path, program: Program, text: str | None, mode: int, problem: str
) -> None:
    path = tmp_path / "mine" if text is None else script(tmp_path / "mine", text, mode)
    with pytest.raises(ProgramError, match=problem) as caught:
        obtain_given(program, path, tmp_path / "cache")
    assert caught.value.path == path
    assert "stub" in caught.value.problem


def test_the_version_is_not_taken_from_the_path_that_the_program_prints(tmp_path: Path, program: Program) -> None:
    (tmp_path / "python-3.11.7").mkdir()
    path = script(tmp_path / "python-3.11.7" / "mine", "#!/bin/sh\necho $0 version: 6a2b/1.39.1/Clean\n")
    assert obtain_given(program, path, tmp_path / "cache") == "1.39.1"


def test_a_name_that_is_no_program_gives_one_message(tmp_path: Path, program: Program) -> None:
    with pytest.raises(ProgramError, match="'stab', which is no program"):
        obtain_given(program, tmp_path, tmp_path / "cache", name="stab")


def test_a_name_of_another_program_is_left_alone(tmp_path: Path, program: Program, fake_go: object) -> None:
    programs = obtain((program,), given={"etcd": tmp_path}, cache=tmp_path / "cache", progress=lambda _: None)
    assert programs["stub"].source == "built from example.org/stub@v1.2.3"
