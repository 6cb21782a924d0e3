"""Image archives: what is written can be read, layers that are shared travel once."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from cluster.kind import archive
from cluster.kind.archive import Entry, Start


def _image(folder: Path, name: str, root: archive.Layer) -> Path:
    own = archive.write_layer(folder / f"{name}.layer", [Entry(f"usr/bin/{name}", name.encode(), 0o755)])
    path = folder / f"{name}.tar"
    archive.write(path, f"conformance/{name}:1", [root, own], Start((f"/usr/bin/{name}",), "1337"), "amd64")
    return path


@pytest.fixture
def root(tmp_path: Path) -> archive.Layer:
    return archive.write_layer(tmp_path / "root.layer", [Entry("etc/os-release", b"Debian")])


def test_an_archive_names_its_image_and_its_layers_by_content(tmp_path: Path, root: archive.Layer) -> None:
    path = _image(tmp_path, "one", root)
    assert archive.references(path) == ("conformance/one:1",)
    with tarfile.open(path) as files:
        manifest = json.loads(files.extractfile("manifest.json").read())  # type: ignore[union-attr]
        config = json.loads(files.extractfile(manifest[0]["Config"]).read())  # type: ignore[union-attr]
        digests = [
            hashlib.sha256(files.extractfile(name).read()).hexdigest()  # type: ignore[union-attr]
            for name in manifest[0]["Layers"]
        ]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{each}" for each in digests]
    assert config["config"]["User"] == "1337"


def test_the_same_files_give_the_same_bytes(tmp_path: Path, root: archive.Layer) -> None:
    first = _image(tmp_path, "one", root).read_bytes()
    assert _image(tmp_path, "one", root).read_bytes() == first


def test_merging_keeps_every_image_and_each_layer_once(tmp_path: Path, root: archive.Layer) -> None:
    paths = [_image(tmp_path, name, root) for name in ("one", "two")]
    output = io.BytesIO()
    archive.merge(paths, output)
    merged = tmp_path / "merged.tar"
    merged.write_bytes(output.getvalue())
    assert archive.references(merged) == ("conformance/one:1", "conformance/two:1")
    with tarfile.open(merged) as files:
        names = files.getnames()
    assert len(names) == len(set(names))
    assert f"{root.digest}.tar" in names


def test_a_layer_has_the_folders_of_its_files_once(tmp_path: Path) -> None:
    made = archive.write_layer(tmp_path / "layer", [Entry("a/b/one", b"1"), Entry("a/b/two", b"2")])
    with tarfile.open(made.path) as files:
        assert files.getnames() == ["a", "a/b", "a/b/one", "a/b/two"]


def test_what_is_no_archive_has_no_references(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w"):
        pass
    with pytest.raises(ValueError, match=r"manifest\.json"):
        archive.references(path)
