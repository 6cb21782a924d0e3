"""Docker's daemon: the one that answers, or a private one in a world of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.store import cache_root
from cluster.embedded.system import search_path
from cluster.embedded.world import PROJECT, World, abandon, isolation, listen, pid_one
from cluster.kind.docker import Docker, explained
from cluster.kind.docker_init import PORTS, SOCKET
from cluster.kind.runtime import missing
from cluster.model import ClusterError

Progress = Callable[[str], None]

# 2 s here; a used data root on a slow disk takes longer.
_READY_SECONDS = 120
_CGROUPS = Path("/sys/fs/cgroup")
_CGROUP = "istio-conformance"


@dataclass(frozen=True)
class Daemon:
    """A daemon that answers. `world` is None for one that is not ours."""

    docker: Docker
    world: World | None
    data: Path | None

    def release(self) -> None:
        if self.world:
            self.world.release()

    def end(self) -> None:
        """Ends a private daemon with every container, network and mount; leaves others alone."""
        if self.world is None or self.data is None:
            return
        self.world.end()
        remove_cgroups(self.data)

    def to_json(self) -> dict[str, str | None]:
        return {"program": str(self.docker.program), "data": str(self.data) if self.data else None}


def restored(document: Mapping[str, str | None], pid: int | None, ports: Mapping[str, int]) -> Daemon:
    """A kept one."""
    program = Path(str(document["program"]))
    if pid is None or not document["data"]:
        return Daemon(Docker(program), None, None)
    return Daemon(Docker(program, _address(pid)), World(pid, None, ports), Path(document["data"]))


def _address(pid: int) -> str:
    # The socket lies on a tmpfs of the world's own, so it cannot outlive the daemon.
    return f"unix:///proc/{pid}/root{SOCKET}"


def start(ports: Mapping[str, int], log: Path, progress: Progress) -> Daemon:
    """The daemon of this machine if one answers, else a private one if that is possible; raises ClusterError."""
    program = shutil.which("docker", path=search_path())
    if program is None:
        raise ClusterError(
            "there is no docker here",
            "Install it: apt-get install --no-install-recommends docker.io; or use the embedded cluster",
        )
    docker = Docker(Path(program))
    answer = docker.try_run("version", "--format", "{{.Server.Version}}")
    if answer.returncode == 0:
        progress(f"Docker {answer.stdout.strip()}, the machine's own")
        return Daemon(docker, None, None)
    problem = explained("docker version", answer.stderr)
    dockerd = shutil.which("dockerd", path=search_path())
    if "permission denied" in answer.stderr or dockerd is None or os.geteuid() != 0 or os.environ.get("DOCKER_HOST"):
        raise problem
    return _private(Path(dockerd), ports, log, progress)


def _private(dockerd: Path, ports: Mapping[str, int], log: Path, progress: Progress) -> Daemon:
    begun = time.monotonic()
    data, lock = _locked_data_root()
    try:
        world = _started(dockerd, data, lock, ports, log)
    finally:
        os.close(lock)
    # The client of the same package: another one on PATH may be too new for this daemon, or too old.
    beside = shutil.which("docker", path="/usr/bin:/usr/local/bin") or "docker"
    daemon = Daemon(Docker(Path(beside), _address(world.pid)), world, data)
    try:
        _await(daemon, log)
        _sweep(daemon.docker)
    except BaseException:
        daemon.end()
        raise
    progress(f"Docker {daemon.docker.info()['version']}, a private daemon  [{time.monotonic() - begun:.1f} s]")
    return daemon


def data_roots() -> list[Path]:
    return sorted(path for path in (cache_root() / "docker").glob("data-*") if path.is_dir())


def _locked_data_root() -> tuple[Path, int]:
    """The first that no living daemon uses. The lock belongs to the daemon's world and dies with it."""
    for number in range(64):
        data = cache_root() / "docker" / f"data-{number}"
        data.mkdir(parents=True, exist_ok=True)
        lock = try_lock(data)
        if lock is not None:
            return data, lock
    raise ClusterError("64 private Docker daemons run already", "End some: conformance cluster down, conformance reap")


def try_lock(data: Path) -> int | None:
    lock = os.open(data.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _started(dockerd: Path, data: Path, lock: int, ports: Mapping[str, int], log: Path) -> World:
    remove_cgroups(data)
    listeners = listen({**dict.fromkeys(PORTS, 0), **ports})
    numbers = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    settings = {
        "dockerd": str(dockerd),
        "data": str(data),
        "cgroup": f"/{_cgroup(data)}",
        "bounded": bool(missing()),
        "listeners": {name: listener.fileno() for name, listener in listeners.items()},
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*isolation(), sys.executable, "-m", "cluster.kind.docker_init"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=PROJECT,
            env={**os.environ, "PATH": search_path()},
            pass_fds=[lock, *(listener.fileno() for listener in listeners.values())],
            start_new_session=True,
        )
    for listener in listeners.values():
        listener.close()
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        return World(_first_child(process), process, numbers)
    except BaseException:
        abandon(process)
        raise


def _first_child(process: subprocess.Popen[bytes]) -> int:
    for _ in range(500):
        with contextlib.suppress(OSError, IndexError):
            return pid_one(process.pid)
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise ClusterError("this machine does not let us make namespaces", "Run as root, or start Docker yourself")


def _await(daemon: Daemon, log: Path) -> None:
    assert daemon.world is not None
    assert daemon.world.process is not None
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if daemon.docker.try_run("version").returncode == 0:
            return
        if daemon.world.process.poll() is not None:
            break
        time.sleep(0.1)
    last = "\n    ".join(log.read_text(errors="replace").splitlines()[-4:])
    raise explained("the private Docker daemon", f"its last words:\n    {last}")


def _sweep(docker: Docker) -> None:
    """Removes what a daemon that was killed had in its data root: everything but images is of dead runs."""
    if containers := docker.names("container"):
        docker.run("rm", "--force", "--volumes", *containers)
    docker.run("volume", "prune", "--force")
    docker.run("network", "prune", "--force")
    docker.run("image", "prune", "--force")


def sweep() -> None:
    """Starts the private daemon and ends it again: starting sweeps."""
    dockerd = shutil.which("dockerd", path=search_path())
    if dockerd is not None and os.geteuid() == 0:
        _private(Path(dockerd), {}, cache_root() / "docker" / "sweep.log", lambda _: None).end()


def _cgroup(data: Path) -> str:
    return f"{_CGROUP}-{data.name}-{data.stat().st_ino}"


def remove_empty_cgroups() -> None:
    """Of data roots that are no more. A living daemon makes its own again when it needs it."""
    for root in (*_CGROUPS.glob(f"*/{_CGROUP}-*"), *_CGROUPS.glob(f"{_CGROUP}-*")):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def remove_cgroups(data: Path) -> None:
    """Empty control groups outlive the processes that were in them, and they are the machine's."""
    for root in (*_CGROUPS.glob(f"*/{_cgroup(data)}"), *_CGROUPS.glob(_cgroup(data))):
        for folder, _, _ in os.walk(root, topdown=False):
            # A process on its way out holds its group for a moment.
            for _ in range(20):
                try:
                    Path(folder).rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)
