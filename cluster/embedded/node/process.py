"""A container as a process: a root file system of its own, the pod's network, the user and capabilities it asked for.

bubblewrap makes the root (a tmpfs with read-only binds of the host's /usr and what the image and the volumes bring)
and the PID namespace; setpriv changes the user. Both are ordinary Debian programs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.embedded.node.images import Image
from cluster.embedded.node.network import PodNetwork

Object = Mapping[str, Any]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What container runtimes leave to a root process unless it is dropped (containerd's default set).
_DEFAULT_CAPABILITIES = frozenset(
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE".split()
)
# setpriv needs these to become the container's user; they are gone afterwards, because the user is not root.
_CHANGE_USER = frozenset({"SETUID", "SETGID", "SETPCAP"})


class ConfigurationProblem(Exception):  # noqa: N818 - an answer about a pod, not a fault of the node
    """The container cannot be made as asked for (a kubelet's CreateContainerConfigError)."""


@dataclass(frozen=True)
class Bind:
    """A volume in a container."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True)
class Identity:
    """Whom a container runs as and what it may do."""

    user: int
    group: int
    groups: tuple[int, ...]
    capabilities: frozenset[str]

    @property
    def become(self) -> list[str]:
        """The command prefix that turns root into this identity."""
        if self.user == 0 and self.group == 0 and not self.groups:
            return []
        groups = f"--groups={','.join(map(str, self.groups))}" if self.groups else "--clear-groups"
        return [_program("setpriv"), f"--reuid={self.user}", f"--regid={self.group}", groups]


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if not found:
        raise ConfigurationProblem(f"program {name} is not installed; python -m cluster.embedded.system says how")
    return found


def identity(container: Object, pod: Object, image: Image) -> Identity:
    """The container's securityContext wins over the pod's, which wins over the image's user."""
    of_pod = pod["spec"].get("securityContext") or {}
    of_container = container.get("securityContext") or {}
    merged = {**of_pod, **of_container}
    user = merged.get("runAsUser", image.user)
    if merged.get("runAsNonRoot") and user == 0:
        raise ConfigurationProblem("container has runAsNonRoot and would run as root: set runAsUser")
    group = merged.get("runAsGroup", user)
    extra = list(of_pod.get("supplementalGroups") or ())
    if "fsGroup" in of_pod:
        extra.append(of_pod["fsGroup"])
    asked = of_container.get("capabilities") or {}
    dropped = {name.removeprefix("CAP_") for name in asked.get("drop") or ()}
    added = {name.removeprefix("CAP_") for name in asked.get("add") or ()}
    kept = frozenset() if "ALL" in dropped else _DEFAULT_CAPABILITIES - dropped
    return Identity(user, group, tuple(extra), kept | added)


@dataclass(frozen=True)
class Recipe:
    """All that is needed to start a container."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    identity: Identity
    image: Image
    binds: tuple[Bind, ...]
    network: PodNetwork
    hostname: str
    working_directory: str
    read_only_root: bool
    etc: Path


def _base_root(etc: Path) -> list[str]:
    """The part of the root that is the same for all: the host's programs and libraries, private /tmp, /run and /etc."""
    arguments = ["--ro-bind", "/usr", "/usr", "--tmpfs", "/usr/local"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/") / name
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--dir", "/etc", "--dir", "/var"]
    for shared in ("/etc/alternatives", "/etc/ssl", "/etc/ld.so.cache", "/etc/localtime", "/etc/protocols"):
        arguments += ["--ro-bind-try", shared, shared]
    for name in ("hosts", "resolv.conf", "passwd", "group", "hostname"):
        arguments += ["--ro-bind", str(etc / name), f"/etc/{name}"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for writable in ("/tmp", "/run", "/var/tmp", "/etc/istio"):  # noqa: S108 - the container's own, not the host's
        arguments += ["--perms", "1777", "--tmpfs", writable]
    # pilot-agent and libraries write beside their fixed paths; images have these folders owned by their user.
    return [*arguments, "--perms", "1777", "--tmpfs", "/var/lib/istio", "--perms", "0755", "--dir", "/var/run"]


def _root(recipe: Recipe) -> list[str]:
    arguments = _base_root(recipe.etc)
    for mount in recipe.image.mounts:
        arguments += [*_mount_point(mount.target), "--ro-bind", str(mount.source), mount.target]
    # Outer mount points first, so that a volume inside another one is not covered by it.
    binds = sorted(recipe.binds, key=lambda each: each.target.count("/"))
    for position, bind in enumerate(binds):
        outer = _innermost(binds[:position], bind)
        if outer is None:
            arguments += _mount_point(bind.target)
        else:
            # The outer volume may be read-only inside: the place is made in its source.
            (outer.source / Path(bind.target).relative_to(outer.target)).mkdir(parents=True, exist_ok=True)
        arguments += ["--ro-bind" if bind.read_only else "--bind", str(bind.source), bind.target]
    if recipe.read_only_root:
        arguments += ["--remount-ro", "/"]
    return [*arguments, "--chdir", recipe.working_directory]


def _mount_point(target: str) -> list[str]:
    """Folders that bubblewrap makes on its own way to a target are for root only; these are for everybody."""
    return ["--perms", "0755", "--dir", str(Path(target).parent)]


def _innermost(outer: Sequence[Bind], bind: Bind) -> Bind | None:
    around = [each for each in outer if Path(bind.target).is_relative_to(each.target)]
    return around[-1] if around else None


def _capabilities(wanted: Identity) -> list[str]:
    needed = wanted.capabilities | (_CHANGE_USER if wanted.become else frozenset())
    arguments = ["--cap-drop", "ALL"]
    for name in sorted(needed):
        arguments += ["--cap-add", name if name == "ALL" else f"CAP_{name}"]
    return arguments


@dataclass(frozen=True)
class End:
    """How a container ended; `start_error` says why its command could not even be run."""

    exit_code: int
    start_error: str = ""


class Process:
    """One run of a container, from start to exit."""

    def __init__(self, recipe: Recipe, log: Path) -> None:
        """Starts it; raises ConfigurationProblem when its root or its command cannot be made."""
        self.recipe = recipe
        self.log = log
        status, status_writer = os.pipe()
        # Stays open to the end: bubblewrap writes the exit code there and would die of a closed pipe.
        self._status = os.fdopen(status)
        command = [
            *recipe.network.enter,
            _program("bwrap"),
            "--unshare-pid",
            "--unshare-uts",
            "--unshare-ipc",
            "--hostname",
            recipe.hostname,
            "--as-pid-1",
            "--json-status-fd",
            str(status_writer),
            *_capabilities(recipe.identity),
            *_root(recipe),
            "--",
            *recipe.identity.become,
            *recipe.command,
        ]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={"PATH": _PATH, **recipe.variables},
                    pass_fds=(status_writer,),
                    start_new_session=True,
                )
            finally:
                os.close(status_writer)
            first = self._status.readline()
        if not first:
            self.wait()
            raise ConfigurationProblem(f"container could not be made: {_last_line(log)}")
        self._pid: int = json.loads(first)["child-pid"]

    def wait(self) -> End:
        """Blocks until it ends; the exit code is 128 + N for signal N."""
        code = self._process.wait()
        self._status.close()
        problem = _start_error(self.recipe.command[0], code, self.log)
        # The code that container runtimes give to what they could not start.
        return End(128, problem) if problem else End(code if code >= 0 else 128 - code)

    def signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            try:
                os.kill(self._pid, number)
            except ProcessLookupError:
                return

    def execute(self, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Runs a command inside the container, as its user and with its variables; (exit code, output)."""
        entered = ["nsenter", "--target", str(self._pid)]
        entered += ["--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wd"]
        if not self._has_its_root(seconds):
            return 126, "the container has not started"
        with subprocess.Popen(
            [*entered, *self.recipe.identity.become, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": _PATH, **self.recipe.variables},
            start_new_session=True,
        ) as running:
            try:
                output, _ = running.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                # nsenter waits for a child of its own inside; both are in this session.
                os.killpg(running.pid, signal.SIGKILL)
                return 124, f"no end after {seconds} s"
        return running.returncode, output.decode(errors="replace")

    def _has_its_root(self, seconds: float) -> bool:
        """Waits until bubblewrap, which names its child before it has made the root, has become the container."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if Path(f"/proc/{self._pid}/exe").readlink().name != "bwrap":
                    return True
            except OSError:
                return False
            time.sleep(0.01)
        return False


# Whoever runs the command last tells by this exit code and a line in the log that it cannot.
_CANNOT_RUN = {1: "bwrap: execvp", 126: "setpriv: failed to execute", 127: "setpriv: failed to execute"}


def _start_error(program: str, code: int, log: Path) -> str:
    """Why the program was not run; empty when it was."""
    if code not in _CANNOT_RUN:
        return ""
    line = _last_line(log)
    beginning = f"{_CANNOT_RUN[code]} {program}: "
    return f'exec: "{program}": {line.removeprefix(beginning)}' if line.startswith(beginning) else ""


def _last_line(log: Path) -> str:
    with log.open("rb") as written:
        # Far more than such a line has, and far less than a log may have.
        written.seek(max(0, log.stat().st_size - 8192))
        lines = written.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"
