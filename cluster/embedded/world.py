"""Starts and ends an embedded cluster from outside: the owner's side of the lifeline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.embedded import layout
from cluster.embedded.init import RELEASE
from cluster.embedded.system import search_path
from cluster.model import ClusterError

PROJECT = Path(__file__).resolve().parents[2]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a world is made of."""

    programs: Mapping[str, Path]
    kubernetes_version: str
    # Where the world's own last words go: its folder vanishes with it.
    log: Path
    outside_names: str = ""
    node: Mapping[str, float] | None = None


@dataclass(frozen=True)
class World:
    """A running Kubernetes. `pid` is that of its PID 1 as seen from here."""

    pid: int
    process: subprocess.Popen[bytes] | None
    ports: Mapping[str, int]

    @property
    def home(self) -> Path:
        """The world's own folder, seen from outside; it ceases to exist with the world."""
        return Path(f"/proc/{self.pid}/root{layout.HOME}")

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig-outside"

    def release(self) -> None:
        """Lets the world outlive this process; until then it dies with it, whatever kills it."""
        assert self.process is not None, "only the process that started a world can release it"
        assert self.process.stdin is not None
        self.process.stdin.write(RELEASE)
        self.process.stdin.flush()
        _close_pipes(self.process)
        # Popen warns of a child that it was not told the end of; this one is meant to go on.
        self.process.returncode = 0

    def end(self) -> None:
        """Kills PID 1; the kernel takes everything else with it. Returns when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        if self.process:
            _reap(self.process)


def isolation() -> list[str]:
    """The command that makes the namespaces; an ordinary user gets a user namespace around them."""
    command = ["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user", "--map-auto"]
    return command


def _explain_isolation(detail: str) -> ClusterError:
    return ClusterError(
        f"this machine does not let us make network, mount and PID namespaces: {detail.strip() or 'unshare failed'}",
        "Run as root, or as a user with a subuid/subgid range (package uidmap, /etc/subuid) on a kernel that allows "
        "unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns); "
        "or use containers: --cluster kind",
    )


def check_isolation() -> None:
    """Raises ClusterError with what is missing when namespaces cannot be made."""
    try:
        done = subprocess.run([*isolation(), "true"], capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError as error:
        raise ClusterError("the program unshare is missing", "Install the package util-linux") from error
    if done.returncode:
        raise _explain_isolation(done.stderr)


def listen(wanted: Mapping[str, int]) -> dict[str, socket.socket]:
    """Sockets on 127.0.0.1 of this machine; port 0 lets the kernel choose."""
    listeners: dict[str, socket.socket] = {}
    for name, port in wanted.items():
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            for made in (*listeners.values(), listener):
                made.close()
            raise ClusterError(
                f"port {port} of 127.0.0.1, wanted for the cluster's {name}, is taken: {error.strerror}",
                f"Choose another with --{name}-port, or leave it out to get a free one",
            ) from error
        listener.listen(128)
        listeners[name] = listener
    return listeners


def start(plan: Plan, ports: Mapping[str, int], progress: Progress) -> World:
    """Starts a world and returns when Kubernetes serves; raises ClusterError.

    `ports` are those wanted on 127.0.0.1 for `api`, `http` and `https`; 0 for any.
    """
    check_isolation()
    listeners = listen({"api": 0, "http": 0, "https": 0, **ports})
    numbers = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    settings = {
        "programs": {name: str(path) for name, path in plan.programs.items()},
        "kubernetes_version": plan.kubernetes_version,
        "listeners": {name: listener.fileno() for name, listener in listeners.items()},
        "api_url": f"https://127.0.0.1:{numbers['api']}",
        "outside_names": plan.outside_names,
        "node": dict(plan.node or {}),
    }
    plan.log.parent.mkdir(parents=True, exist_ok=True)
    with plan.log.open("ab") as log:
        process = subprocess.Popen(
            [*isolation(), sys.executable, "-m", "cluster.embedded.init"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=PROJECT,
            env={**os.environ, "PATH": search_path()},
            pass_fds=[listener.fileno() for listener in listeners.values()],
            # Ctrl-C at the terminal is for the owner, who then decides.
            start_new_session=True,
        )
    for listener in listeners.values():
        listener.close()
    assert process.stdin is not None
    process.stdin.write(json.dumps(settings).encode() + b"\n")
    process.stdin.flush()
    try:
        _await_ready(process, plan.log, progress)
        return World(pid_one(process.pid), process, numbers)
    except BaseException:
        abandon(process)
        raise


def abandon(process: subprocess.Popen[bytes]) -> None:
    """Ends a world that did not come to be.

    PID 1 is what to kill: unshare waits for it, and the kernel lets it be waited for when all its processes are
    gone. A killed unshare takes PID 1 with it too, but nobody could wait for that.
    """
    try:
        os.kill(pid_one(process.pid), signal.SIGKILL)
    except (OSError, IndexError):
        process.kill()
    _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.wait(timeout=30)
    _close_pipes(process)


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def pid_one(unshare: int) -> int:
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    return int(children[0])


def _await_ready(process: subprocess.Popen[bytes], log: Path, progress: Progress) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        message: dict[str, Any] = json.loads(line)
        if "step" in message:
            progress(f"{message['step']} after {message['seconds']} s")
        elif "failed" in message:
            raise ClusterError(message["failed"], "Run again; if it happens again, the log names the reason")
        else:
            return
    last_words = log.read_text(errors="replace").strip()[-2000:]
    raise ClusterError(f"the cluster ended before it was ready: {last_words}", f"All it said is in {log}")
