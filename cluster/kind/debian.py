"""A Debian root file system from the machine's own apt sources: the lowest layer of every image that needs one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

from cluster.model import ClusterError

# systemd and what kubelet, containerd and kind call, as kind's own base image has it; iptables also for istio-init;
# Python for the application.
PACKAGES = (
    "systemd dbus conntrack iptables nftables iproute2 ethtool util-linux mount kmod libseccomp2 pigz e2fsprogs bash "
    "ca-certificates curl jq procps socat hostname python3-minimal libpython3-stdlib"
).split()
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_FORM = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(RELEASE)|$(COMPONENT)"


def sources() -> tuple[str, list[str]]:
    """The code name of this Debian (or Ubuntu) and the lines that name its archives, as apt here has them."""
    command = ["apt-get", "indextargets", "--format", _FORM, "Created-By: Packages"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ClusterError(
            f"images are built on a Debian root file system, and apt does not answer here ({error})",
            "Use a Debian or Ubuntu, or bring finished images: --images DIR",
        ) from error
    rows = dict.fromkeys(tuple(line.split("|")) for line in done.stdout.splitlines())
    found = [(uri, suite, component) for origin, uri, _, suite, component in rows if origin in {"Debian", "Ubuntu"}]
    if not found:
        raise ClusterError("apt has no Debian or Ubuntu archive here", "Run apt-get update, or bring images: --images")
    suites: dict[tuple[str, str], list[str]] = {}
    for uri, suite, component in found:
        suites.setdefault((uri, suite), []).append(component)
    codename = min((suite for _, suite in suites), key=len)
    return codename, [f"deb {uri} {suite} {' '.join(each)}" for (uri, suite), each in suites.items()]


def key() -> str:
    """What the root file system depends on, hashed."""
    codename, lines = sources()
    return hashlib.sha256("\n".join((codename, *lines, *PACKAGES, *_LEFT_OUT)).encode()).hexdigest()[:16]


def build(result: Path, workspace: Path) -> None:
    """Writes the tar file; raises ClusterError. A minute or two."""
    codename, lines = sources()
    options = ["--mode=auto", "--variant=minbase", "--format=tar"]
    # The files live as long as one command: no power cut has to be survived.
    options += ['--aptopt=Apt::Install-Recommends "false"', "--dpkgopt=force-unsafe-io"]
    left_out = [f"--dpkgopt=path-exclude={each}" for each in _LEFT_OUT]
    # The tar file is the same for the same packages.
    cleared = ["--customize-hook=rm -rf $1/var/log/* $1/var/cache/apt/* $1/var/lib/apt/lists/*"]
    chosen = [f"--include={','.join(PACKAGES)}", codename, str(result), "-"]
    # Its mounts and processes are in namespaces that die with us, its files below the workspace.
    alone = ["setpriv", "--pdeathsig", "KILL"]
    if os.geteuid() == 0:
        alone += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*alone, "env", f"TMPDIR={workspace}", "mmdebstrap", *options, *left_out, *cleared, *chosen],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        if "No space left on device" in done.stderr:
            raise OSError(28, "No space left on device", str(workspace))
        raise ClusterError(
            f"mmdebstrap failed: {done.stderr.strip()[-1000:]}",
            "Is the archive of apt's sources reachable? apt-get update says so",
        )


def python_version(root: Path) -> str:
    """Such as 3.11, of the tar file's Python."""
    with tarfile.open(root) as archive:
        for member in archive:
            if member.name.lstrip("./") == "usr/bin/python3":
                return member.linkname.rsplit("/", 1)[-1].removeprefix("python")
    raise ClusterError(f"{root} has no Python", "Remove it; it is built again")
