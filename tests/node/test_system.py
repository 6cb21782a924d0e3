"""What a world needs of the machine is what `cluster.embedded.system` asks for."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.api import Api, Reference
from cluster.embedded import system
from cluster.embedded import world as worlds
from cluster.embedded.cluster import programs

# Of packages that no Debian is without (Essential: yes).
ESSENTIAL = ("sh", "tr", "true")
# What ordinary users do not have in their PATH.
FOR_ROOT = ("nft", "iptables")


def within(seconds: float, check: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_world_runs_on_the_named_programs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {name: shutil.which(name, path=system.search_path()) for name in (*system.PACKAGE_OF_PROGRAM, *ESSENTIAL)}
    nft = found.get("nft") or "nft"
    for name, path in found.items():
        link = tmp_path / ("sbin" if name in FOR_ROOT else "bin") / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path or "absent")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(system, "_SBIN", (str(tmp_path / "sbin"),))
    obtained = programs({}, lambda _: None)
    paths = {name: each.path for name, each in obtained.items()}
    log = tmp_path / "world.log"
    world = worlds.start(worlds.Plan(paths, obtained["kube-apiserver"].version, log), {}, lambda _: None)

    def proxied() -> bool:
        command = ["nsenter", f"--net=/proc/{world.pid}/ns/net", nft, "list", "tables"]
        return "kube-proxy" in subprocess.run(command, check=False, capture_output=True, text=True).stdout

    try:
        # A program that ends takes the world with it, and says so in the log.
        assert within(10, proxied), log.read_text()
        api = Api(world.kubeconfig)
        account = Reference("v1", "ServiceAccount", "default", "default")
        assert within(10, lambda: api.get(account))
        spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "conformance/shell:dev"}]}
        metadata = {"name": "one", "namespace": "default"}
        api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        one = Reference("v1", "Pod", "default", "one")
        assert within(10, lambda: (api.get(one) or {}).get("status", {}).get("phase") == "Succeeded"), log.read_text()
        api.close()
    finally:
        world.end()
