"""The Debian packages that a kind cluster with images built here needs; `python -m cluster.kind.system` installs them.

Standard library only, as cluster.embedded.system, whose packages are needed too.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from cluster.embedded.system import install, missing_system_packages, search_path

_PACKAGE_OF_PROGRAM = {
    "mmdebstrap": "mmdebstrap",
    "gcc": "gcc",
    "pkg-config": "pkg-config",
    "setpriv": "util-linux",
}
# For runc and for pause, which are C in part: headers and libraries, which no PATH has.
_PACKAGE_OF_FILE = {"seccomp.h": "libseccomp-dev", "stdio.h": "libc6-dev"}


def missing() -> tuple[str, ...]:
    """Those not on this machine, sorted; Docker's own only if no daemon answers and there is none to start."""
    path = search_path()
    found = {package for program, package in _PACKAGE_OF_PROGRAM.items() if not shutil.which(program, path=path)}
    found |= {package for file, package in _PACKAGE_OF_FILE.items() if not Path("/usr/include", file).exists()}
    if not shutil.which("dockerd", path=path) and not _docker_answers(path):
        found.add("docker.io")
    return tuple(sorted(found))


def _docker_answers(path: str) -> bool:
    docker = shutil.which("docker", path=path)
    if docker is None:
        return False
    return subprocess.run([docker, "version"], capture_output=True, check=False).returncode == 0


def main() -> int:
    """The exit status."""
    return install("A kind cluster", lambda: tuple(sorted({*missing(), *missing_system_packages()})))


if __name__ == "__main__":
    sys.exit(main())
