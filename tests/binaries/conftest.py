"""A `go` that pretends: it notes that it was started, waits as long as it is told, and writes a small program."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.binaries.catalogue import Module, Program, read_module

FAKE_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.99.0 linux/amd64"; exit 0; fi
echo "$$ $*" >> "{folder}/starts"
if [ -e "{folder}/full" ]; then
    echo "link: write /tmp/go-build1/exe/a.out: no space left on device" >&2; exit 1
fi
if [ -e "{folder}/broken" ]; then echo "package x is not in std" >&2; exit 1; fi
while [ -e "{folder}/wait" ]; do sleep 0.02; done
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho stub version 1.2.3\\n' > "$2" && chmod +x "$2"
"""


@dataclass(frozen=True)
class FakeGo:
    folder: Path

    def starts(self) -> list[str]:
        log = self.folder / "starts"
        return log.read_text().splitlines() if log.exists() else []

    def turn_on(self, mode: str) -> None:
        (self.folder / mode).touch()

    def turn_off(self, mode: str) -> None:
        (self.folder / mode).unlink()


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    folder = tmp_path / "toolchain"
    folder.mkdir()
    (folder / "go").write_text(FAKE_GO.format(folder=folder))
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return FakeGo(folder)


@pytest.fixture
def module(tmp_path: Path) -> Module:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text("module local\n\ngo 1.26.0\n\nrequire (\n\texample.org/stub v1.2.3 // indirect\n)\n")
    (folder / "go.sum").write_text("example.org/stub v1.2.3 h1:x\n")
    return read_module(folder, "example.org/stub")


@pytest.fixture
def program(module: Module) -> Program:
    return Program("stub", module, "example.org/stub/cmd/stub", "1.2.3", "-s -w", ("--version",), 1)
