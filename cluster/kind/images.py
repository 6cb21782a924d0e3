"""The images that a cluster is made of, built here once and kept by their content; `conformance images` shows them.

A store's slot as for programs: an archive counts once its record is written beside it, and a killed build leaves a
folder without a record, which the next one clears.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries.build import DISK_FULL
from cluster.binaries.obtain import Programs
from cluster.binaries.store import Slot, cache_root
from cluster.kind import archive, debian, node_image, recipes
from cluster.kind.docker import Docker
from cluster.kind.recipes import Context, Recipe
from cluster.model import ClusterError, Part

Progress = Callable[[str], None]

ROOT = "debian-root"
NODE = "node"
# Of each image, this many contents are kept: two checkouts that share a cache do not build in turns.
_KEPT = 2


@dataclass(frozen=True)
class Image:
    """An image whose archive is on this machine."""

    name: str
    reference: str
    path: Path
    sha256: str
    size: int


@dataclass(frozen=True)
class Images:
    """All that a cluster needs. `source` is one line for the run's header; `overlays` are those of manifests/istio."""

    source: str
    node: Image
    others: tuple[Image, ...]
    parts: Mapping[str, Part]
    overlays: tuple[str, ...]
    is_built_here: bool
    istioctl: Path | None = None
    """Of the images' own release; None for that of this checkout."""

    def all(self) -> tuple[Image, ...]:
        return (self.node, *self.others)


def build(programs: Programs, docker: Callable[[], Docker], progress: Progress) -> Images:
    """Every image, from the cache or built now; the daemon is asked for only when the node image is to be built."""
    stop = threading.Event()
    counted = _Counter(5, progress)
    root = _slot(ROOT, debian.key())
    try:
        _keep(root, stop, counted, ROOT, debian.build)
        layer = _root_layer(root)
        made = [_built(recipe, programs, layer, stop, counted) for recipe in recipes.istio(programs)]
        node = _node(programs, layer, docker, stop, counted)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(str(error)) from error
    except ClusterError as error:
        if DISK_FULL.lower() in error.problem.lower():
            raise _disk_full(error.problem) from error
        raise
    counted.tell_at_hand()
    return Images(
        source="built here from the pinned programs, on a Debian root file system",
        node=node,
        others=tuple(made),
        parts={name: Part(each.version, each.source) for name, each in sorted(programs.items())},
        overlays=("upstream-envoy",),
        is_built_here=True,
    )


def build_workload(programs: Programs, progress: Progress) -> Image:
    """Only the application, which no registry has."""
    stop, counted = threading.Event(), _Counter(2, progress)
    root = _slot(ROOT, debian.key())
    _keep(root, stop, counted, ROOT, debian.build)
    return _built(recipes.istio(programs)[-1], programs, _root_layer(root), stop, counted)


def _disk_full(detail: str) -> ClusterError:
    return ClusterError(
        f"{cache_root()}: the disk is full ({detail[-200:]})",
        "Images need about 4 GB in this folder; CONFORMANCE_CACHE=<folder> names another one",
    )


def _slot(name: str, key: str) -> Slot:
    file = "root.tar" if name == ROOT else "image.tar"
    return Slot(file, cache_root() / "images" / f"{name}-{key}", executable=False)


def _root_layer(root: Slot) -> archive.Layer:
    record = root.record()
    assert record is not None
    return archive.Layer(root.path, record.sha256)


def _built(recipe: Recipe, programs: Programs, root: archive.Layer, stop: threading.Event, counted: _Counter) -> Image:
    own = [programs[name] for name in recipe.programs]
    makers = ["workload"] if recipe.name == "workload" else []
    slot = _slot(recipe.name, recipes.fingerprint(own, makers, has_root=recipe.has_root))

    def write(result: Path, workspace: Path) -> None:
        recipe.write(Context(programs, root, workspace), result)

    _keep(slot, stop, counted, recipe.name, write)
    return _image(recipe.name, recipe.reference, slot)


def _node(
    programs: Programs, root: archive.Layer, docker: Callable[[], Docker], stop: threading.Event, counted: _Counter
) -> Image:
    key = recipes.fingerprint([programs[name] for name in node_image.PROGRAMS], ["node_image"], has_root=True)
    slot = _slot(NODE, key)
    reference = f"{recipes.REPOSITORY}/{NODE}:{programs['kubelet'].version}-{key}"

    def write(result: Path, workspace: Path) -> None:
        node_image.write(Context(programs, root, workspace), reference, docker(), result)

    _keep(slot, stop, counted, NODE, write)
    return _image(NODE, reference, slot)


def _image(name: str, reference: str, slot: Slot) -> Image:
    record = slot.record()
    assert record is not None
    return Image(name, reference, slot.path, record.sha256, record.size)


def _keep(slot: Slot, stop: threading.Event, counted: _Counter, name: str, write: Callable[[Path, Path], None]) -> None:
    if slot.is_present():
        counted.at_hand()
        return
    begun = time.monotonic()
    with slot.locked(stop):
        if slot.is_present():
            counted.at_hand()
            return
        counted.note(f"building image {name}")
        try:
            with slot.empty_workspace() as workspace:
                result = workspace / slot.name
                write(result, workspace)
                slot.keep(result, "built here")
        except BaseException:
            shutil.rmtree(slot.folder, ignore_errors=True)
            raise
    counted.done(name, f"built in {time.monotonic() - begun:.0f} s, {slot.path.stat().st_size / 1e6:.0f} MB")
    _forget_older(slot, name)


def _forget_older(slot: Slot, name: str) -> None:
    """Removes all but the newest contents of an image."""
    same = [each for each in slot.folder.parent.glob(f"{name}-*") if (each / "record.json").exists()]
    for each in sorted(same, key=lambda folder: folder.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(each, ignore_errors=True)


def unfinished() -> list[Path]:
    """Folders of builds that were killed."""
    folders = (each for each in (cache_root() / "images").glob("*-*") if each.is_dir())
    return [each for each in folders if not (each / "record.json").exists()]


def remove_unfinished() -> list[str]:
    """Removes what killed builds left, except where one is going on; the names of what is gone."""
    removed = []
    for folder in unfinished():
        stop = threading.Event()
        stop.set()
        # Given up at once where somebody else holds the lock: that build lives.
        with contextlib.suppress(Exception), Slot("", folder, executable=False).locked(stop):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder.name)
    return removed


class _Counter:
    """Numbers the progress lines; images that are at hand share one."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self.note = progress
        self._done = 0
        self._at_hand = 0

    def at_hand(self) -> None:
        self._done += 1
        self._at_hand += 1

    def tell_at_hand(self) -> None:
        if self._at_hand:
            self.note(f"[{self._done}/{self._total}] images, {self._at_hand} of them at hand")

    def done(self, name: str, how: str) -> None:
        self._done += 1
        self.note(f"[{self._done}/{self._total}] image {name}  {how}")
