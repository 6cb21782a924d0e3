"""Volumes as folders: what they hold, and that they change in one step."""

from __future__ import annotations

import base64
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.api import Api, ApiError, Reference
from cluster.embedded.node.environment import MissingReference
from cluster.embedded.node.volumes import File, Source, contents, write

Object = dict[str, Any]

POD: Object = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"app": "a"}},
    "spec": {"serviceAccountName": "sa", "containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]},
}


class FakeApi:
    """Two objects, and tokens numbered as they are asked for."""

    def __init__(self, life: float = 3600) -> None:
        self.life = life
        self.asked: list[Object] = []
        self.refuses = False

    def get(self, reference: Reference) -> Object | None:
        encoded = base64.b64encode(b"\xff").decode()
        found: dict[tuple[str, str], Object] = {
            ("ConfigMap", "cm"): {"data": {"a": "1", "b": "2"}, "binaryData": {"bytes": encoded}},
            ("Secret", "s"): {"data": {"word": base64.b64encode(b"hidden").decode()}},
        }
        return found.get((reference.kind, reference.name))

    def create_subresource(self, owner: Reference, name: str, manifest: Object) -> Object:
        if self.refuses:
            raise ApiError(404, "NotFound", f"{owner} not found")
        assert name == "token"
        self.asked.append(manifest["spec"])
        expires = datetime.now(UTC) + timedelta(seconds=self.life)
        return {"status": {"token": f"token{len(self.asked)}", "expirationTimestamp": expires.isoformat()}}


def source(api: FakeApi | None = None) -> Source:
    return Source(cast("Api", api or FakeApi()), "n")


def shown(volume: Object, api: FakeApi | None = None) -> dict[str, tuple[bytes, int]]:
    found = contents({"name": "v", **volume}, POD, source(api))
    assert found is not None
    return {path: (file.content, file.mode) for path, file in found.items()}


def test_empty_dir_has_no_content_of_its_own() -> None:
    assert contents({"name": "v", "emptyDir": {}}, POD, source()) is None


def test_config_map_shows_every_key_or_the_items_asked_for() -> None:
    everything = {"a": (b"1", 0o644), "b": (b"2", 0o644), "bytes": (b"\xff", 0o644)}
    assert shown({"configMap": {"name": "cm"}}) == everything
    items = [{"key": "a", "path": "x/y"}, {"key": "b", "path": "z", "mode": 0o600}]
    some = shown({"configMap": {"name": "cm", "items": items, "defaultMode": 0o640}})
    assert some == {"x/y": (b"1", 0o640), "z": (b"2", 0o600)}


def test_projected_volume_joins_its_sources() -> None:
    downward = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu"}, "mode": 0o400},
    ]
    sources = [
        {"configMap": {"name": "cm", "items": [{"key": "a", "path": "a"}]}},
        {"secret": {"name": "s"}},
        {"downwardAPI": {"items": downward}},
        {"serviceAccountToken": {"path": "token", "audience": "istio-ca"}},
    ]
    assert shown({"projected": {"sources": sources, "defaultMode": 0o444}}) == {
        "a": (b"1", 0o444),
        "word": (b"hidden", 0o444),
        "labels": (b'app="a"\n', 0o444),
        "cpu": (b"2", 0o400),
        "token": (b"token1", 0o444),
    }


@pytest.mark.parametrize(
    ("volume", "missing"),
    [
        ({"configMap": {"name": "absent"}}, 'ConfigMap "absent" not found'),
        ({"secret": {"secretName": "absent"}}, 'Secret "absent" not found'),
        ({"configMap": {"name": "cm", "items": [{"key": "no", "path": "x"}]}}, 'ConfigMap "cm" has no key no'),
    ],
)
def test_missing_object_is_named(volume: Object, missing: str) -> None:
    with pytest.raises(MissingReference, match=missing):
        shown(volume)
    for kind, reference in volume.items():
        assert shown({kind: {**reference, "optional": True}}) == {}


def test_token_is_asked_for_once_while_it_is_fresh() -> None:
    api = FakeApi()
    tokens = source(api)
    projection = {"path": "t", "audience": "istio-ca", "expirationSeconds": 600}
    assert [tokens.token(POD, projection).text for _ in range(3)] == ["token1"] * 3
    assert tokens.token(POD, {"path": "t"}).text == "token2"
    first, second = api.asked
    assert first["audiences"] == ["istio-ca"]
    assert first["expirationSeconds"] == 600
    assert first["boundObjectRef"] == {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    assert second["audiences"] == []
    assert second["expirationSeconds"] == 3600


def test_token_is_renewed_when_most_of_its_life_is_over() -> None:
    tokens = source(FakeApi(life=0.5))
    projection = {"path": "t"}
    assert tokens.token(POD, projection).text == "token1"
    time.sleep(0.2)
    assert tokens.token(POD, projection).text == "token1"
    time.sleep(0.25)
    assert tokens.token(POD, projection).text == "token2"


def test_token_of_a_missing_service_account_is_a_missing_reference() -> None:
    api = FakeApi()
    api.refuses = True
    with pytest.raises(MissingReference, match="token of ServiceAccount sa: ServiceAccount n/sa not found"):
        source(api).token(POD, {"path": "t"})


def test_folder_shows_exactly_the_files(tmp_path: Path) -> None:
    assert write(tmp_path, {"a": File(b"1", 0o600), "d/b": File(b"2", 0o644)}, None)
    assert (tmp_path / "a").read_bytes() == b"1"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "d" / "b").read_bytes() == b"2"
    assert write(tmp_path, {"d/c": File(b"3", 0o644)}, None)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("..")] == ["d"]
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["c"]


def test_no_change_leaves_the_folder_alone(tmp_path: Path) -> None:
    files = {"a": File(b"1", 0o644)}
    write(tmp_path, files, None)
    before = (tmp_path / "..data").readlink()
    assert not write(tmp_path, files, None)
    assert (tmp_path / "..data").readlink() == before


def test_files_change_in_one_step_behind_one_link(tmp_path: Path) -> None:
    write(tmp_path, {"a": File(b"1", 0o644), "b": File(b"1", 0o644)}, None)
    held = (tmp_path / "a").resolve().parent
    assert (tmp_path / "a").readlink() == Path("..data/a")
    write(tmp_path, {"a": File(b"2", 0o644), "b": File(b"2", 0o644)}, None)
    assert (tmp_path / "a").resolve().parent != held
    assert (tmp_path / "a").resolve().parent == (tmp_path / "b").resolve().parent
    assert not held.exists()
    assert not (tmp_path / "..data_new").exists()


def test_volume_without_files_is_an_empty_folder(tmp_path: Path) -> None:
    assert write(tmp_path, {}, None)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("..")] == []


def test_mount_point_of_another_volume_stays(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").touch()
    write(tmp_path, {"a": File(b"1", 0o644)}, None)
    write(tmp_path, {"b": File(b"1", 0o644)}, None)
    assert (tmp_path / "inner" / "file").exists()


def test_group_may_read(tmp_path: Path) -> None:
    group = os.getgid()
    write(tmp_path, {"a": File(b"1", 0o600)}, group)
    status = (tmp_path / "a").stat()
    assert status.st_mode & 0o777 == 0o640
    assert status.st_gid == group
