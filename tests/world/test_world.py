"""A world's beginning and end: nothing of it is left, however its owner goes; its failures say what is wrong."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.api import Api
from cluster.embedded import world
from cluster.embedded.cluster import programs
from cluster.model import ClusterError

# An owner of a world, as a process of its own: it says how far it is and sleeps.
_OWNER = """
import json, sys, time
from pathlib import Path
from cluster.embedded import world
settings = json.loads(sys.argv[1])
paths = {name: Path(path) for name, path in settings["programs"].items()}
plan = world.Plan(paths, settings["version"], Path(settings["log"]))
running = world.start(plan, {}, lambda text: None)
if settings["release"]:
    running.release()
print(running.pid, flush=True)
if not settings["release"]:
    time.sleep(600)
"""


def plan(log: Path, **replaced: Path) -> world.Plan:
    obtained = programs({}, lambda _: None)
    paths = {name: each.path for name, each in obtained.items()}
    return world.Plan(paths | replaced, obtained["kube-apiserver"].version, log)


def start(plan_: world.Plan) -> world.World:
    return world.start(plan_, {}, lambda _: None)


def owner(log: Path, *, release: bool = False) -> subprocess.Popen[str]:
    made = plan(log)
    paths = {name: str(path) for name, path in made.programs.items()}
    settings = {"programs": paths, "version": made.kubernetes_version, "log": str(log), "release": release}
    return subprocess.Popen(
        [sys.executable, "-c", _OWNER, json.dumps(settings)], stdout=subprocess.PIPE, text=True, cwd=world.PROJECT
    )


def identities() -> dict[tuple[int, str], int]:
    """Every process (its number and when it began, so that a number used again is another one) and its parent."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name), fields[19]] = int(fields[1])
    return found


def descendants(root: int) -> set[tuple[int, str]]:
    every = identities()
    family = {root}
    while grown := {number for (number, _), parent in every.items() if parent in family} - family:
        family |= grown
    return {each for each in every if each[0] in family - {root}}


def host() -> dict[str, str]:
    """What a world must not leave on the machine: interfaces, named networks, mounts, firewall rules."""
    commands = {
        "interfaces": "ip -brief link",
        "networks": "ip netns",
        "rules": "iptables-save",
        "nft": "nft list ruleset",
    }
    found = {"mounts": Path("/proc/self/mountinfo").read_text()}
    for name, command in commands.items():
        try:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        except FileNotFoundError:
            continue
        found[name] = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("#"))
    return found


def gone_within(seconds: float, check: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("attempt", range(5))
def test_nothing_is_left_of_a_world_whose_owner_is_killed(tmp_path: Path, attempt: int) -> None:
    # A moment in each fifth of five seconds, before, during and after the world's start.
    delay = random.uniform(max(0.1, attempt), attempt + 1)
    before = host()
    process = owner(tmp_path / "world.log")
    with process:
        time.sleep(delay)
        family = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
    # What was started between the look and the kill is found by the file that all of them write to.
    log = str(tmp_path / "world.log")
    assert gone_within(10, lambda: family & identities().keys()), f"killed after {delay:.2f} s"
    assert gone_within(10, lambda: open_by(log)), f"killed after {delay:.2f} s"
    assert host() == before, f"killed after {delay:.2f} s"


def open_by(path: str) -> list[str]:
    """The processes that have this file open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/2"):
        try:
            if str(link.readlink()) == path:
                found.append(str(link))
        except OSError:
            continue
    return found


def test_two_worlds_live_side_by_side(tmp_path: Path) -> None:
    before = host()
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(start, [plan(tmp_path / "first.log"), plan(tmp_path / "second.log")])
    try:
        apis = [Api(each.kubeconfig) for each in (first, second)]
        apis[0].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "only-first"}})
        names = [{each["metadata"]["name"] for each in api.items("v1", "Namespace")} for api in apis]
        assert "only-first" in names[0] - names[1]
        assert not set(first.ports.values()) & set(second.ports.values())
        first.end()
        assert apis[1].items("v1", "Node")
        for api in apis:
            api.close()
    finally:
        first.end()
        second.end()
    assert host() == before


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"port {number} of 127.0.0.1, wanted for the cluster's http, is taken"):
            world.start(plan(tmp_path / "log"), {"http": number}, lambda _: None)
    assert not open_by(str(tmp_path / "log"))


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver"])
def test_program_that_dies_at_the_start_is_named_with_its_last_words(tmp_path: Path, name: str) -> None:
    before = host()
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho these are the last words\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(ClusterError, match=rf"{name} ended with exit code 3; the end of its log:\s+these are the last"):
        start(plan(tmp_path / "log", **{name: broken}))
    assert not open_by(str(tmp_path / "log"))
    assert host() == before


def test_program_that_dies_in_silence_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="etcd ended with exit code 1"):
        start(plan(tmp_path / "log", etcd=Path("/bin/false")))
    assert not open_by(str(tmp_path / "log"))


def test_released_world_outlives_its_owner(tmp_path: Path) -> None:
    before = host()
    with owner(tmp_path / "world.log", release=True) as process:
        written, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    pid = int(written)
    running = world.World(pid, None, {})
    try:
        time.sleep(1)
        api = Api(running.kubeconfig)
        assert [each["metadata"]["name"] for each in api.items("v1", "Node")] == ["embedded"]
        api.close()
    finally:
        running.end()
    assert gone_within(10, lambda: open_by(str(tmp_path / "world.log")))
    assert host() == before
