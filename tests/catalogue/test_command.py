"""`conformance list`: what it prints, its exit codes, and that no other command slows it down."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.cli import _parser, command, main

SCENARIO = """\
id: gateway/host/mine
title: a title
source: {document: "003", section: Gateway, claim: something}
app: bookinfo
config:
- apiVersion: networking.istio.io/v1
  kind: Gateway
  metadata: {name: one}
- apiVersion: v1
  kind: Service
  metadata: {name: one}
- apiVersion: networking.istio.io/v1
  kind: Gateway
  metadata: {name: two}
cases:
- name: one
  from: productpage
  request: {get: http://reviews:9080/}
  expect: {status: 200}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(SCENARIO)
    return tmp_path


def test_a_folder_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Gateways", "1/21", "promises"]
    assert lines[1] == "└─ gateway/host/mine  003    1 case   Gateway"
    assert lines[-1] == "1 scenario, 1 case: 1/82 promises"


def test_its_coverage_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--coverage", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "    ● gateway/host  1 case" in lines
    assert lines[-1] == "1/82 promises"


@pytest.mark.parametrize("options", [(), ("--coverage",)])
def test_both_are_there_for_programs(
    options: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--json", *options, str(folder)]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["promises"], read["covered"]) == (82, 1)


def test_the_projects_own_are_listed_without_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "routing/headers/end-user" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [(SCENARIO.replace("title:", "subject:"), "mine.yaml:2: the scenario has no key 'subject'"), ("", "is empty")],
)
def test_bad_input_is_one_message(folder: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text(text)
    assert main(["list", str(folder)]) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert not output.out


def test_a_folder_without_scenarios_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", str(tmp_path / "absent")]) == 2
    assert "there is no scenario here" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_failure(folder: Path) -> None:
    words = [sys.executable, "-m", "conformance", "list", "--coverage", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout
        listing.stdout.close()
        assert listing.stderr
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


def test_it_imports_neither_kubernetes_nor_pytest(folder: Path) -> None:
    # Each of them takes longer than everything that the list needs.
    code = (
        "import sys; from conformance.cli import main; main(['list', sys.argv[1]]); "
        "sys.exit(' '.join({'kubernetes', 'pytest', 'cryptography'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    named = parser.get_default("command")
    if named:
        yield named
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from commands(each)


def test_every_command_exists() -> None:
    names = ["run:main", *commands(_parser())]
    assert len(names) == len(set(names)) == 15
    assert all(callable(command(name)) for name in names)
