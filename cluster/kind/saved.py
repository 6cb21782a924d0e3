"""Images as files in a folder of the user's: written by `conformance images save`, used with --images DIR."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.kind import archive
from cluster.kind.images import NODE, Image, Images
from cluster.model import ClusterError, Part

Progress = Callable[[str], None]

_INDEX = "images.json"
_AGAIN = "Write the folder again: conformance images save DIR"


def save(images: Images, folder: Path, progress: Progress) -> None:
    """Copies every archive and writes what they are; the index last, so that half a folder is none."""
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / _INDEX
    index.unlink(missing_ok=True)
    try:
        for number, each in enumerate(images.all(), 1):
            unfinished = folder / f"{each.name}.tar.unfinished"
            shutil.copyfile(each.path, unfinished)
            unfinished.replace(folder / f"{each.name}.tar")
            progress(f"[{number}/{len(images.all())}] {each.name}.tar  {each.size / 1e6:.0f} MB")
    except OSError as error:
        for left in folder.glob("*.unfinished"):
            left.unlink()
        raise ClusterError(f"{folder}: {error.strerror}", "Name a folder with about 2 GB to spare") from error
    document = {
        "images": [{**asdict(each), "path": f"{each.name}.tar"} for each in images.all()],
        "parts": {name: asdict(part) for name, part in images.parts.items()},
        "overlays": list(images.overlays),
        "is_built_here": images.is_built_here,
    }
    index.write_text(json.dumps(document, indent=2) + "\n")


def read(folder: Path) -> Images:
    """What the folder says that it has; raises ClusterError when it is no such folder."""
    try:
        document: dict[str, Any] = json.loads((folder / _INDEX).read_text())
        found = [Image(**{**each, "path": folder / each["path"]}) for each in document["images"]]
        node = next(each for each in found if each.name == NODE)
        parts = {name: Part(**part) for name, part in document["parts"].items()}
        overlays, built = tuple(document["overlays"]), bool(document["is_built_here"])
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise ClusterError(f"{folder / _INDEX} cannot be read ({error})", _AGAIN) from error
    others = tuple(each for each in found if each is not node)
    return Images(f"archives in {folder}", node, others, parts, overlays, built)


def versions(folder: Path) -> Mapping[str, str]:
    return {name: part.version for name, part in read(folder).parts.items()}


def load(folder: Path, progress: Progress) -> Images:
    """The images, each compared with what was saved: none is used that was cut off or changed."""
    images = read(folder)
    for number, each in enumerate(images.all(), 1):
        _check(each)
        progress(f"[{number}/{len(images.all())}] archive {each.name}.tar is as it was saved")
    return images


def _check(image: Image) -> None:
    try:
        size = image.path.stat().st_size
        if size != image.size:
            raise ClusterError(f"{image.path} has {size} bytes instead of {image.size}: it is cut off", _AGAIN)
        with image.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != image.sha256:
            raise ClusterError(f"{image.path} is not what was saved: its content was changed", _AGAIN)
        if image.reference not in archive.references(image.path):
            raise ClusterError(f"{image.path} has no image {image.reference}", _AGAIN)
    except (OSError, tarfile.TarError, ValueError) as error:
        raise ClusterError(f"{image.path} cannot be read ({error})", _AGAIN) from error
