"""Archives of the user's are used only as they were saved."""

from pathlib import Path

import pytest

from cluster.kind import archive, saved
from cluster.kind.archive import Entry, Start
from cluster.kind.images import NODE, Image, Images
from cluster.model import ClusterError, Part


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = []
    for name in (NODE, "pilot"):
        layer = archive.write_layer(tmp_path / f"{name}.layer", [Entry("x", name.encode() * 10_000)])
        path = tmp_path / f"{name}-built.tar"
        archive.write(path, f"conformance/{name}:1", [layer], Start(()), "amd64")
        made.append(Image(name, f"conformance/{name}:1", path, archive.layer(path).digest, path.stat().st_size))
    parts = {"kubelet": Part("v1.36.3", "built"), "pilot-discovery": Part("1.32.0", "built")}
    images = Images("built here", made[0], (made[1],), parts, ("upstream-envoy",), is_built_here=True)
    saved.save(images, tmp_path / "saved", lambda _: None)
    return tmp_path / "saved"


def test_what_was_saved_is_loaded(folder: Path) -> None:
    loaded = saved.load(folder, lambda _: None)
    assert loaded.node.reference == "conformance/node:1"
    assert [each.name for each in loaded.others] == ["pilot"]
    assert loaded.overlays == ("upstream-envoy",)
    assert saved.versions(folder) == {"kubelet": "v1.36.3", "pilot-discovery": "1.32.0"}


def test_a_truncated_archive_is_refused(folder: Path) -> None:
    path = folder / "pilot.tar"
    path.write_bytes(path.read_bytes()[:-512])
    with pytest.raises(ClusterError, match="it is cut off"):
        saved.load(folder, lambda _: None)


def test_a_tampered_archive_is_refused(folder: Path) -> None:
    path = folder / "node.tar"
    path.write_bytes(path.read_bytes().replace(b"nodenode", b"evilevil"))
    with pytest.raises(ClusterError, match="its content was changed"):
        saved.load(folder, lambda _: None)


def test_a_missing_archive_is_refused(folder: Path) -> None:
    (folder / "node.tar").unlink()
    with pytest.raises(ClusterError, match=r"node\.tar cannot be read"):
        saved.load(folder, lambda _: None)


@pytest.mark.parametrize("content", ["", "{}", '{"images": []}', "[1]"])
def test_a_folder_without_a_whole_index_is_refused(folder: Path, content: str) -> None:
    (folder / "images.json").write_text(content)
    with pytest.raises(ClusterError, match="conformance images save"):
        saved.read(folder)


def test_saving_to_a_full_or_impossible_place_leaves_no_index(folder: Path) -> None:
    images = saved.read(folder)
    target = folder / "node.tar"
    with pytest.raises((ClusterError, OSError)):
        saved.save(images, target, lambda _: None)
