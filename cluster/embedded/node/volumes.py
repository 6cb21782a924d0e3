"""A pod's volumes as folders: emptyDir, configMap, secret, downwardAPI, projected (with service-account tokens).

Files of a volume change together: they lie in a folder of their own behind the link `..data`, which is replaced in
one step, as a kubelet does (k8s.io/kubernetes/pkg/volume/util AtomicWriter).
"""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cluster.api import Api, ApiError, Reference
from cluster.embedded.node.environment import MissingReference, field, resource_field

Object = Mapping[str, Any]

# A kubelet renews a token when 80 % of its life is over.
TOKEN_RENEWAL_FRACTION = 0.8

_DEFAULT_MODE = 0o644


@dataclass(frozen=True)
class File:
    content: bytes
    mode: int


@dataclass(frozen=True)
class Token:
    """A service-account token and when (epoch seconds) to ask for the next one."""

    text: str
    renew_at: float


# Makes a token: (pod, serviceAccountToken projection) -> token.
IssueToken = Callable[[Object, Object], Token]


class Source:
    """Reads what volumes and environments are filled from; remembers nothing but unexpired tokens."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._tokens: dict[tuple[str, int], Token] = {}

    def data(self, kind: str, name: str) -> dict[str, bytes] | None:
        """The data of a ConfigMap or a Secret, None when there is no such object."""
        document = self._api.get(Reference("v1", kind, self._namespace, name))
        if document is None:
            return None
        decode = base64.b64decode
        if kind == "Secret":
            return {key: decode(value) for key, value in (document.get("data") or {}).items()}
        text = {key: value.encode() for key, value in (document.get("data") or {}).items()}
        return text | {key: decode(value) for key, value in (document.get("binaryData") or {}).items()}

    def text(self, kind: str, name: str) -> dict[str, str] | None:
        """Like `data`, as text for environment variables."""
        data = self.data(kind, name)
        return None if data is None else {key: value.decode(errors="replace") for key, value in data.items()}

    def token(self, pod: Object, projection: Object) -> Token:
        """A token bound to the pod; the one at hand while it is fresh (authentication.k8s.io/v1 TokenRequest)."""
        seconds = projection.get("expirationSeconds") or 3600
        key = (projection.get("audience") or "", seconds)
        token = self._tokens.get(key)
        if token is None or time.time() >= token.renew_at:
            token = self._issue(pod, key[0], seconds)
            self._tokens[key] = token
        return token

    def _issue(self, pod: Object, audience: str, seconds: int) -> Token:
        account = pod["spec"].get("serviceAccountName") or "default"
        metadata = pod["metadata"]
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        }
        owner = Reference("v1", "ServiceAccount", self._namespace, account)
        try:
            answer = self._api.create_subresource(owner, "token", request)["status"]
        except ApiError as error:
            raise MissingReference(f"token of ServiceAccount {account}: {error.message}") from error
        now = time.time()
        expires = datetime.fromisoformat(answer["expirationTimestamp"]).timestamp()
        return Token(answer["token"], now + (expires - now) * TOKEN_RENEWAL_FRACTION)


def contents(volume: Object, pod: Object, source: Source) -> dict[str, File] | None:
    """The files of a volume by relative path; None for an emptyDir, which the containers fill themselves.

    Raises MissingReference while a required object or key is absent.
    """
    if "emptyDir" in volume:
        return None
    if "projected" in volume:
        projected = volume["projected"]
        mode = projected.get("defaultMode") or _DEFAULT_MODE
        files: dict[str, File] = {}
        for each in projected.get("sources") or ():
            files |= _source(each, pod, source, mode)
        return files
    for kind in ("configMap", "secret", "downwardAPI"):
        if kind in volume:
            mode = volume[kind].get("defaultMode") or _DEFAULT_MODE
            return _source({kind: volume[kind]}, pod, source, mode)
    raise MissingReference(f"volume {volume['name']} has no source that this node implements")


def _source(projection: Object, pod: Object, source: Source, mode: int) -> dict[str, File]:
    if "configMap" in projection:
        reference = projection["configMap"]
        return _keys("ConfigMap", reference["name"], reference, source, mode)
    if "secret" in projection:
        reference = projection["secret"]
        # The volume says secretName, the projection name.
        return _keys("Secret", reference.get("secretName") or reference["name"], reference, source, mode)
    if "downwardAPI" in projection:
        return {
            item["path"]: File(_downward(item, pod).encode(), item.get("mode") or mode)
            for item in projection["downwardAPI"].get("items") or ()
        }
    token = projection["serviceAccountToken"]
    return {token["path"]: File(source.token(pod, token).text.encode(), mode)}


def _downward(item: Object, pod: Object) -> str:
    if "fieldRef" in item:
        return field(pod, item["fieldRef"]["fieldPath"])
    return resource_field(pod, item["resourceFieldRef"])


def _keys(kind: str, name: str, reference: Object, source: Source, mode: int) -> dict[str, File]:
    data = source.data(kind, name)
    if data is None:
        if reference.get("optional"):
            return {}
        raise MissingReference(f'{kind} "{name}" not found')
    items = reference.get("items")
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = File(data[item["key"]], item.get("mode") or mode)
        elif not reference.get("optional"):
            raise MissingReference(f'{kind} "{name}" has no key {item["key"]}')
    return files


def write(folder: Path, files: Mapping[str, File], group: int | None) -> bool:
    """Makes the folder show exactly these files, all at once; False when it already did."""
    current = folder / "..data"
    if current.exists() and _shown(current) == {path: file.content for path, file in files.items()}:
        return False
    version = folder / f"..{time.time_ns()}"
    for path, file in files.items():
        target = version / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode | (0o040 if group is not None else 0))
        if group is not None:
            os.chown(target, -1, group)
    version.mkdir(exist_ok=True)
    previous = current.resolve() if current.exists() else None
    link = folder / "..data_new"
    link.symlink_to(version.name)
    link.replace(current)
    _link_names(folder, {path.split("/")[0] for path in files})
    if previous:
        shutil.rmtree(previous, ignore_errors=True)
    return True


def _shown(current: Path) -> dict[str, bytes]:
    root = current.resolve()
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _link_names(folder: Path, names: set[str]) -> None:
    # Links only: a folder here is the mount point of another volume.
    shown = {path.name for path in folder.iterdir() if path.is_symlink() and not path.name.startswith("..")}
    for stale in shown - names:
        (folder / stale).unlink()
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
