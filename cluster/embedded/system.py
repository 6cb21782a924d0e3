"""The Debian packages that an embedded cluster needs; `python -m cluster.embedded.system` installs or explains them.

Standard library only: it runs before anything else is installed.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Which package has each program that an embedded cluster starts: namespaces, their network, what is inside of them.
PACKAGE_OF_PROGRAM = {
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "newuidmap": "uidmap",
    "bwrap": "bubblewrap",
}

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def search_path() -> str:
    """Return a PATH with sbin, which Debian's users lack, though they may run most of what is there."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN))


_INOTIFY_INSTANCES = "/proc/sys/fs/inotify/max_user_instances"
_INSTANCES_OF_A_PROXY = 3
_ENOUGH_INSTANCES = 1024


def proxies_note() -> str | None:
    """Return how few proxies fit on this machine, or None if they are many.

    Envoy has one inotify instance and pilot-agent two, and all of them, of every cluster, run as one user.
    """
    try:
        instances = int(Path(_INOTIFY_INSTANCES).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    if instances >= _ENOUGH_INSTANCES:
        return None
    return (
        f"about {instances // _INSTANCES_OF_A_PROXY} proxies fit on this machine, over all of its clusters; the whole "
        f"catalogue has 40: sysctl fs.inotify.max_user_instances={_ENOUGH_INSTANCES}"
    )


def make_room_for_proxies() -> None:
    """Raise that limit until the next boot, if this is root and may; otherwise proxies_note() tells what to do."""
    limit = Path(_INOTIFY_INSTANCES)
    if os.geteuid() != 0 or proxies_note() is None:
        return
    before = limit.read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError):
        limit.write_text(f"{_ENOUGH_INSTANCES}\n", encoding="ascii")
        print(f"{limit} is {_ENOUGH_INSTANCES} until the next boot: {before} is too few for 40 proxies")


def missing_system_packages() -> tuple[str, ...]:
    """Return the packages of those programs that are not on this machine, sorted, each once."""
    path = search_path()
    missing = {package for program, package in PACKAGE_OF_PROGRAM.items() if not shutil.which(program, path=path)}
    return tuple(sorted(missing))


def install_or_explain() -> int:
    """Install what is missing if this is root on a Debian, else say how; returns the exit status."""
    # Looked up again after installing.
    return install("An embedded cluster", lambda: missing_system_packages())  # noqa: PLW0108 - see above


def install(whose: str, missing_packages: Callable[[], tuple[str, ...]]) -> int:
    """The same for any list of packages."""
    missing = missing_packages()
    if not missing:
        return 0
    install = ("apt-get", "install", "--yes", "--no-install-recommends", *missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        by_hand = f"sudo apt-get update && sudo {' '.join(install)}"
        print(f"{whose} needs the packages {', '.join(missing)}. Install them with:\n  {by_hand}")
        return 2
    print(f"{whose} needs the packages {', '.join(missing)}: installing them with apt-get", flush=True)
    for command in (("apt-get", "update"), install):
        done = subprocess.run(command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            print(f"`{' '.join(command)}` ended with {done.returncode}")
            return 2
    still_missing = missing_packages()
    if still_missing:
        print(f"Installed, but their programs are still not found: {', '.join(still_missing)}")
    return 2 if still_missing else 0


if __name__ == "__main__":
    make_room_for_proxies()
    sys.exit(install_or_explain())
