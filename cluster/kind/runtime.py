"""An OCI runtime for machines whose root lacks a capability: runc, told not to ask for what nobody here can have.

`docker run --privileged` asks for every capability the kernel knows, and runc fails at the first that is missing from
the bounding set. Standard library only, and quick: it runs for every container and every exec.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# In the order of the kernel's numbers (include/uapi/linux/capability.h).
_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()


def missing() -> frozenset[str]:
    """The capabilities, such as CAP_SYS_RESOURCE, that no process of ours can ever have."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    bounding = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), 16)
    return frozenset(f"CAP_{name}" for number, name in enumerate(_NAMES) if not bounding >> number & 1)


def without(process: dict[str, Any], unwanted: frozenset[str]) -> dict[str, Any]:
    """The `process` of an OCI configuration that asks for none of them."""
    sets = process.get("capabilities") or {}
    kept = {name: [each for each in words or () if each not in unwanted] for name, words in sets.items()}
    return {**process, "capabilities": kept} if sets else process


def _rewrite(path: Path) -> None:
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        # runc says what is wrong with it.
        return
    unwanted = missing()
    changed = {**document, "process": without(document["process"], unwanted)} if "process" in document else None
    path.write_text(json.dumps(changed or without(document, unwanted)))


def _value(words: list[str], *names: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return None


def main(words: list[str]) -> None:
    if any(word in {"create", "run", "restore"} for word in words):
        _rewrite(Path(_value(words, "--bundle", "-b") or ".", "config.json"))
    elif "exec" in words and (process := _value(words, "--process", "-p")):
        _rewrite(Path(process))
    os.execvp("runc", ["runc", *words])  # noqa: S606 - it is to become runc


if __name__ == "__main__":
    main(sys.argv[1:])
