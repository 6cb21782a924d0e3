"""PID 1 of an embedded cluster's own world: makes mounts and network private, starts the supervisor, reaps.

Standard input carries one line of settings and is then the lifeline: when its other end closes, whatever killed the
owner, this process ends, and the kernel takes every process, mount and interface of the namespaces with it. One byte
on it lets the world live on without an owner.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from cluster.embedded import layout

RELEASE = b"k"


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _mounts() -> None:
    # /run first: `ip netns` and iptables keep their files there, and all of the cluster's own lie there too.
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    # /sys still shows the network devices of the host's namespace until it is mounted from inside the new one.
    _run("mount", "-t", "sysfs", "sysfs", "/sys")
    for folder in ("/run/netns", "/run/lock", layout.LOGS, layout.PODS):
        Path(folder).mkdir(parents=True)


def _write(name: str, value: str) -> None:
    Path("/proc/sys", name.replace(".", "/")).write_text(value)


def _network() -> None:
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", f"{layout.NODE_ADDRESS}/32", "dev", "lo")
    # Without any route a connection to a ClusterIP is refused as unreachable before kube-proxy's rules see it.
    _run("ip", "route", "add", layout.SERVICE_NETWORK, "dev", "lo", "src", layout.NODE_ADDRESS)
    _write("net.ipv4.ip_forward", "1")
    _write("net.ipv4.conf.all.route_localnet", "1")
    _write("net.ipv4.conf.default.rp_filter", "0")
    _write("net.ipv4.conf.all.rp_filter", "0")
    _write("net.ipv4.ip_unprivileged_port_start", "0")


def _die_with(lifeline: IO[bytes]) -> None:
    if lifeline.read(1) != RELEASE:
        os._exit(0)


def main() -> None:
    line = sys.stdin.buffer.readline()
    settings = json.loads(line)
    os.umask(0o022)
    _mounts()
    _network()
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "cluster.embedded.supervisor", line.decode()],
        stdin=subprocess.DEVNULL,
        pass_fds=settings["listeners"].values(),
    )
    threading.Thread(target=_die_with, args=(sys.stdin.buffer,), daemon=True).start()
    while True:
        ended, status = os.wait()
        if ended == supervisor.pid:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
