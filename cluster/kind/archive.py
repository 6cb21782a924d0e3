"""Image archives in the form of `docker save`, written and read without a daemon.

An image of ours is a list of layers (tar files) and what its processes start with; nothing in it needs a builder.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

_MANIFEST = "manifest.json"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A tar file of the image's file system; `digest` is its SHA-256 in hexadecimal."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Entry:
    """One file, or a link, of a layer that is made here."""

    target: str
    source: Path | bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Start:
    """What the processes of an image start with."""

    entrypoint: tuple[str, ...]
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    stop_signal: str = ""


def write_layer(path: Path, entries: Iterable[Entry]) -> Layer:
    """A layer with these files, their folders, and nothing that differs from one build to the next."""
    folders: set[str] = set()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for entry in sorted(entries, key=lambda each: each.target):
            for folder in _new_folders(entry.target, folders):
                archive.addfile(_member(folder, 0o755, tarfile.DIRTYPE))
            if isinstance(entry.source, bytes):
                member = _member(entry.target, entry.mode)
                member.size = len(entry.source)
                archive.addfile(member, io.BytesIO(entry.source))
                continue
            with entry.source.open("rb") as content:
                member = _member(entry.target, entry.mode)
                member.size = entry.source.stat().st_size
                archive.addfile(member, content)
    return layer(path)


def _new_folders(target: str, known: set[str]) -> list[str]:
    parts = target.strip("/").split("/")[:-1]
    wanted = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    new = [each for each in wanted if each not in known]
    known.update(new)
    return new


def _member(target: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(target.strip("/"))
    member.mode, member.type = mode, kind
    return member


def layer(path: Path) -> Layer:
    with path.open("rb") as file:
        return Layer(path, hashlib.file_digest(file, "sha256").hexdigest())


def write(path: Path, reference: str, layers: Sequence[Layer], start: Start, architecture: str) -> None:
    """An archive with one image."""
    config = json.dumps(_config(layers, start, architecture), sort_keys=True).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{each.digest}.tar" for each in layers]
    manifest = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": names}]).encode()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for target, content in ((_MANIFEST, manifest), (name, config)):
            member = _member(target, 0o644)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for target, each in zip(names, layers, strict=True):
            member = _member(target, 0o644)
            member.size = each.path.stat().st_size
            with each.path.open("rb") as content_of:
                archive.addfile(member, content_of)


def _config(layers: Sequence[Layer], start: Start, architecture: str) -> dict[str, Any]:
    return {
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": list(start.entrypoint),
            "User": start.user,
            "WorkingDir": start.folder,
            **({"StopSignal": start.stop_signal} if start.stop_signal else {}),
            "Env": [f"{name}={value}" for name, value in sorted(start.environment.items())],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{each.digest}" for each in layers]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "istio-conformance"} for _ in layers],
    }


def references(path: Path) -> tuple[str, ...]:
    """The names of the images in an archive; raises OSError, tarfile.TarError or ValueError for anything else."""
    with tarfile.open(path) as archive:
        return tuple(name for image in _manifest(archive) for name in image["RepoTags"] or ())


def _manifest(archive: tarfile.TarFile) -> list[dict[str, Any]]:
    try:
        file = archive.extractfile(_MANIFEST)
    except KeyError as error:
        raise ValueError("there is no manifest.json in it") from error
    assert file is not None
    found: list[dict[str, Any]] = json.load(file)
    return found


def merge(paths: Sequence[Path], output: IO[bytes]) -> None:
    """Writes one archive with the images of several, and each layer that they share once, to a pipe."""
    images: list[dict[str, Any]] = []
    for path in paths:
        with tarfile.open(path) as archive:
            images += _manifest(archive)
    manifest = json.dumps(images).encode()
    written = {_MANIFEST}
    with tarfile.open(fileobj=output, mode="w|", bufsize=_CHUNK, format=tarfile.PAX_FORMAT) as merged:
        member = _member(_MANIFEST, 0o644)
        member.size = len(manifest)
        merged.addfile(member, io.BytesIO(manifest))
        for path in paths:
            with tarfile.open(path) as archive:
                for each in archive:
                    if each.name not in written:
                        written.add(each.name)
                        merged.addfile(each, archive.extractfile(each) if each.isfile() else None)
