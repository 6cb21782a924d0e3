"""Missing system packages are installed where that is possible, and explained where not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster.embedded import system


@pytest.fixture
def only_ip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has `ip` and apt-get, and nothing else."""
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/bin/{name}" if name in {"ip", "apt-get"} else None)


def test_each_missing_package_is_named_once(only_ip: None) -> None:
    assert system.missing_system_packages() == ("bubblewrap", "iptables", "mount", "nftables", "uidmap", "util-linux")


def test_a_user_is_told_the_exact_command(
    only_ip: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system.install_or_explain() == 2
    command = "sudo apt-get install --yes --no-install-recommends bubblewrap iptables mount nftables uidmap util-linux"
    assert command in capsys.readouterr().out


def test_root_installs_after_an_update(only_ip: None, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...], **_: object) -> object:
        commands.append(command)
        monkeypatch.setattr(system, "missing_system_packages", tuple)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", run)
    assert system.install_or_explain() == 0
    assert [command[:2] for command in commands] == [("apt-get", "update"), ("apt-get", "install")]


def test_nothing_is_done_where_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/bin/{name}")
    assert system.install_or_explain() == 0


@pytest.mark.parametrize(("instances", "note"), [("128\n", "about 42 proxies fit"), ("1024\n", None), ("many\n", None)])
def test_a_machine_that_few_proxies_fit_on_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instances: str, note: str | None
) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text(instances)
    monkeypatch.setattr(system, "_INOTIFY_INSTANCES", str(limit))
    assert (system.proxies_note() or "").startswith(note or "")
    assert (system.proxies_note() is None) == (note is None)


def test_a_machine_that_does_not_tell_has_no_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_INOTIFY_INSTANCES", str(tmp_path / "absent"))
    assert system.proxies_note() is None


def test_root_makes_room_for_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text("128\n")
    monkeypatch.setattr(system, "_INOTIFY_INSTANCES", str(limit))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    system.make_room_for_proxies()
    assert limit.read_text() == "128\n"

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system.make_room_for_proxies()
    assert system.proxies_note() is None
