"""Whatever is wrong with the input: one message that says where and what to do, exit code 2, nothing started."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """\
id: my/scenario
title: a title
source: {document: mine, section: "1", claim: something}
app: bookinfo
cases:
- name: one
  from: productpage
  request: {get: http://reviews:9080/}
  expect: {status: 200}
"""


def conformance(folder: Path, *words: str) -> tuple[int, str]:
    # A cluster that somebody keeps on this machine would be used before a bad option is looked at.
    own = ("--kept", "of-nobody") if words[0] == "run" else ()
    command = [sys.executable, "-m", "conformance", *words, *own]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (GOOD.replace("title:", "subject:"), "has no key 'subject'", 2),
        (GOOD.replace("status: 200", "status: ok"), "is 'ok'", 9),
        (GOOD.replace("app: bookinfo", "app: bookstore"), "there is no application 'bookstore'", 4),
        (GOOD.replace("from: productpage", "from: nobody-here"), "has no client 'nobody-here'", 7),
        (GOOD.replace("title: a title", "title: [a"), "", 3),
        (GOOD + "id: again\n", "id", 10),
    ],
    ids=["unknown key", "wrong type", "unknown application", "unknown client", "not YAML", "duplicate key"],
)
def test_a_bad_scenario_file_is_one_message_with_its_line(tmp_path: Path, text: str, message: str, line: int) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)

    code, output = conformance(tmp_path, "run", str(path))

    assert code == 2
    assert message in output
    assert f"mine.yaml:{line}: " in output
    assert "what was recorded" not in output
    assert "Traceback" not in output
    assert "Kubernetes" not in output


def test_who_stops_reading_is_shown_no_stack(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("subject: none\n")
    command = [sys.executable, "-m", "conformance", "run", "mine.yaml"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (1, b"")


def test_two_files_with_one_id_are_named_both(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD)

    code, output = conformance(tmp_path, "run", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))

    assert code == 2
    assert "b.yaml:1: the id my/scenario is taken by" in output
    assert "a.yaml:1" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--program", "envoy"), "write NAME=PATH"),
        (("--program", "envoi=/bin/true"), "envoi"),
        (("--program", "etcd=/no/such/file"), "/no/such/file"),
        (("--program", "etcd=/bin/false"), "/bin/false"),
        (("--only", "nothing/*"), "no scenario matches"),
        (("--cluster", "kind", "--images", "/no/such/folder"), "/no/such/folder"),
        (("--cluster", "kind", "--kubernetes", "latest"), "--kubernetes latest"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_bad_option_is_one_message(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    code, output = conformance(tmp_path, "run", *words)

    assert code == 2
    assert message in output
    assert "Traceback" not in output


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, output = conformance(tmp_path, "cluster", "up", "--http-port", str(port))

    assert code == 2
    assert f"port {port} of 127.0.0.1" in output
    assert "--http-port" in output
    assert "Traceback" not in output


def test_a_record_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "record.ndjson").write_text("")

    code, output = conformance(tmp_path, "replay", "record.ndjson")

    assert code == 2
    assert "no footer" in output
    assert "Traceback" not in output
