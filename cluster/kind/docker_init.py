"""PID 1 of a private Docker daemon's own world: no bridge, rule, mount or process of it exists outside.

As in the embedded cluster: standard input carries one line of settings and is then the lifeline. When its other end
closes, whatever killed the owner, this process ends, and the kernel takes every container with it. One byte on it lets
the daemon live on without an owner.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from cluster.embedded import relay
from cluster.embedded.init import RELEASE

# A tmpfs of the world's own.
SOCKET = "/run/docker.sock"

# Where dockerd and kind write beside their own folders: key.json, containerd's opt folder, /lib/modules if there is
# none. What they write there stays in this world.
_WRITTEN = ("/etc", "/opt", "/lib")

# Of the world's own network: nobody else has them. The ingress gateway's are those of manifests/istio/values.yaml.
PORTS = {"api": 6443, "http": 30080, "https": 30443}


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _mounts() -> None:
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    Path("/run/lock").mkdir()
    for number, name in enumerate(_WRITTEN):
        folder = Path(name).resolve()
        upper, work = Path(f"/run/written/{number}/upper"), Path(f"/run/written/{number}/work")
        upper.mkdir(parents=True)
        work.mkdir()
        _run(
            "mount", "-t", "overlay", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", str(folder)
        )


def _command(settings: dict[str, Any]) -> list[str]:
    configuration = Path("/run/daemon.json")
    runtime = Path("/run/bounded-runc")
    runtime.write_text(f'#!/bin/sh\nexec {sys.executable} -I {Path(__file__).with_name("runtime.py")} "$@"\n')
    runtime.chmod(0o755)
    chosen = {"runtimes": {"bounded": {"path": str(runtime)}}, "default-runtime": "bounded"}
    configuration.write_text(json.dumps(chosen if settings["bounded"] else {}))
    return [
        settings["dockerd"],
        f"--config-file={configuration}",
        f"--data-root={settings['data']}",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        f"--host=unix://{SOCKET}",
        f"--cgroup-parent={settings['cgroup']}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
    ]


def _die_with(lifeline: IO[bytes]) -> None:
    if lifeline.read(1) != RELEASE:
        os._exit(0)


def main() -> None:
    settings = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_die_with, args=(sys.stdin.buffer,), daemon=True).start()
    os.umask(0o022)
    _mounts()
    _run("ip", "link", "set", "lo", "up")
    relay.start({descriptor: ("127.0.0.1", PORTS[name]) for name, descriptor in settings["listeners"].items()})
    daemon = subprocess.Popen(_command(settings), stdin=subprocess.DEVNULL)
    while True:
        ended, status = os.wait()
        if ended == daemon.pid:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
