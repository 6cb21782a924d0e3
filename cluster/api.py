"""One connection to an API server: plain objects in and out, by server-side apply.

The only module that imports the kubernetes client. Objects stay dictionaries: judging them is the API server's task.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import config, watch
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from tenacity import (
    retry,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_exponential_jitter,
    wait_fixed,
)
from urllib3.exceptions import HTTPError

Object = dict[str, Any]

FIELD_MANAGER = "istio-conformance"

# The client writes its discovery cache to the temporary directory unless it is given a file that cannot exist.
_NO_CACHE_FILE = "/dev/null/discovery"

# Many pods are started at once, each by a thread of its own with one request under way.
_CONNECTIONS = 64

_REQUEST_SECONDS = 30


class ApiError(Exception):
    """The API server refused: `status` is its HTTP code, `reason` the word and `message` the sentence it gave."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Reference:
    """Names one object."""

    api_version: str
    kind: str
    namespace: str | None
    name: str

    @staticmethod
    def of(manifest: Object) -> Reference:
        metadata = manifest["metadata"]
        return Reference(manifest["apiVersion"], manifest["kind"], metadata.get("namespace"), metadata["name"])

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


def _api_error(error: ApiException) -> ApiError:
    try:
        status = json.loads(error.body or "{}")
    except ValueError:
        status = {}
    return ApiError(error.status or 0, status.get("reason") or str(error.reason), status.get("message") or str(error))


def _is_passing(error: BaseException) -> bool:
    """Faults of the way to the API server, not answers of it (notes: anchors-reliability section 7)."""
    if isinstance(error, ApiError):
        return error.status in (0, 429, 503)
    return isinstance(error, HTTPError | ConnectionError)


_retry_passing_faults = retry(
    retry=retry_if_exception(_is_passing),
    stop=stop_after_delay(20),
    wait=wait_exponential_jitter(multiplier=0.05, max=1),
    reraise=True,
)


class Api:
    """A client for one kubeconfig; safe to use from many threads."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = Configuration()
        config.load_kube_config(config_file=str(kubeconfig), client_configuration=settings)
        settings.connection_pool_maxsize = _CONNECTIONS
        # Proxy variables of the environment are meant for the internet, never for this server.
        settings.proxy = None
        self._client = ApiClient(settings)
        self._dynamic = DynamicClient(self._client, cache_file=_NO_CACHE_FILE)

    def close(self) -> None:
        self._client.rest_client.pool_manager.clear()

    def _path(self, api_version: str, kind: str, namespace: str | None, name: str | None) -> str:
        try:
            resource = self._dynamic.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError as error:
            # kubectl's words.
            message = f'no matches for kind "{kind}" in version "{api_version}"'
            raise ApiError(404, "NoKindMatch", message) from error
        if resource.namespaced and not namespace and name:
            namespace = "default"
        path: str = resource.path(name=name, namespace=namespace if resource.namespaced else None)
        return path

    def rediscover(self) -> None:
        """Looks again at which kinds the API server serves; needed after CustomResourceDefinitions were added."""
        self._dynamic.resources.invalidate_cache()

    def request(self, method: str, path: str, body: Any = None, **parameters: Any) -> bytes:
        """Sends one request; raises ApiError for any answer that is not 2xx."""
        parameters.setdefault("_request_timeout", _REQUEST_SECONDS)
        try:
            response = self._dynamic.request(method, path, body=body, serialize=False, **parameters)
        except ApiException as error:
            raise _api_error(error) from error
        data: bytes = response.data if response.data is not None else response.read()
        return data

    @_retry_passing_faults
    def _json(self, method: str, path: str, body: Any = None, **parameters: Any) -> Object:
        document: Object = json.loads(self.request(method, path, body, **parameters))
        return document

    def get(self, reference: Reference) -> Object | None:
        try:
            return self._json(
                "get", self._path(reference.api_version, reference.kind, reference.namespace, reference.name)
            )
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list_object(self, api_version: str, kind: str, namespace: str | None = None, **selectors: str) -> Object:
        """The list object, so that its resourceVersion is at hand for a watch."""
        return self._json("get", self._path(api_version, kind, namespace, None), **selectors)

    def items(self, api_version: str, kind: str, namespace: str | None = None, **selectors: str) -> list[Object]:
        items: list[Object] = self.list_object(api_version, kind, namespace, **selectors)["items"]
        return items

    def watch(
        self, api_version: str, kind: str, namespace: str | None = None, **selectors: str
    ) -> Iterator[tuple[str, Object]]:
        """Yields (ADDED | MODIFIED | DELETED, object) for ever: what is there now, then every change.

        After a lost connection or an expired resourceVersion it lists again; an object that went in between is
        reported as DELETED.
        """
        resource = self._dynamic.resources.get(api_version=api_version, kind=kind)
        known: dict[str, Object] = {}
        while True:
            listed = self.list_object(api_version, kind, namespace, **selectors)
            present = {item["metadata"]["uid"]: item for item in listed["items"]}
            for uid in known.keys() - present.keys():
                yield "DELETED", known[uid]
            known = {}
            for uid, item in present.items():
                known[uid] = item
                yield "ADDED", item
            try:
                stream = watch.Watch().stream(
                    resource.get,
                    namespace=namespace,
                    resource_version=listed["metadata"]["resourceVersion"],
                    serialize=False,
                    **selectors,
                )
                for event in stream:
                    item = event["raw_object"]
                    if event["type"] == "DELETED":
                        known.pop(item["metadata"]["uid"], None)
                    elif event["type"] in ("ADDED", "MODIFIED"):
                        known[item["metadata"]["uid"]] = item
                    else:
                        continue
                    yield event["type"], item
            except (ApiException, HTTPError, ConnectionError):
                continue

    @_retry_passing_faults
    def apply(self, manifest: Object, *, dry_run: bool = False) -> Object:
        """Server-side apply; the harness owns what it applies, so conflicts are settled in its favour."""
        reference = Reference.of(manifest)
        path = self._path(reference.api_version, reference.kind, reference.namespace, reference.name)
        parameters = {"dry_run": "All"} if dry_run else {}
        return self._json(
            "patch",
            path,
            manifest,
            content_type="application/apply-patch+yaml",
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
            **parameters,
        )

    def create(self, manifest: Object) -> Object:
        reference = Reference.of(manifest)
        path = self._path(reference.api_version, reference.kind, reference.namespace, None)
        return self._json("post", path, manifest)

    @_retry_passing_faults
    def try_create(self, manifest: Object) -> Object:
        """Everything that a creation goes through, with `kubectl apply`'s strict look at the fields; nothing is stored.

        Server-side apply would have other words for an unknown field, and call it a fault of the server (500).
        """
        reference = Reference.of(manifest)
        path = self._path(reference.api_version, reference.kind, reference.namespace, None)
        return self._json("post", path, manifest, dry_run="All", query_params=[("fieldValidation", "Strict")])

    def create_subresource(self, owner: Reference, name: str, manifest: Object) -> Object:
        """Posts to a subresource of an object, such as `token` of a ServiceAccount."""
        path = self._path(owner.api_version, owner.kind, owner.namespace, owner.name)
        return self._json("post", f"{path}/{name}", manifest)

    def patch(self, reference: Reference, body: Object) -> Object:
        """A merge patch: null removes a field."""
        path = self._path(reference.api_version, reference.kind, reference.namespace, reference.name)
        return self._json("patch", path, body, content_type="application/merge-patch+json")

    def patch_status(self, reference: Reference, status: Object) -> Object:
        path = self._path(reference.api_version, reference.kind, reference.namespace, reference.name)
        body = {"status": status}
        return self._json("patch", f"{path}/status", body, content_type="application/merge-patch+json")

    def delete(self, reference: Reference, grace_seconds: int | None = None, propagation: str | None = None) -> bool:
        """Deletes; False when there was nothing to delete."""
        path = self._path(reference.api_version, reference.kind, reference.namespace, reference.name)
        try:
            self._json("delete", path, grace_period_seconds=grace_seconds, propagation_policy=propagation)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def apply_all(self, manifests: Sequence[Object], threads: int = 4) -> list[Object]:
        """Applies many objects: namespaces and definitions of kinds first, then the rest side by side."""
        first = [m for m in manifests if m["kind"] in ("Namespace", "CustomResourceDefinition")]
        rest = [m for m in manifests if m["kind"] not in ("Namespace", "CustomResourceDefinition")]
        with ThreadPoolExecutor(threads) as pool:
            applied = list(pool.map(self.apply, first))
            definitions = [each for each in applied if each["kind"] == "CustomResourceDefinition"]
            for definition in definitions:
                self._wait_until_established(Reference.of(definition))
            if definitions:
                self.rediscover()
            return applied + list(pool.map(self.apply, rest))

    @retry(retry=retry_if_result(lambda served: not served), stop=stop_after_delay(20), wait=wait_fixed(0.05))
    def _wait_until_established(self, definition: Reference) -> bool:
        """The API server serves a new kind a moment after it has accepted its definition."""
        found = self.get(definition) or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

    def pod_proxy(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str,
        *,
        method: str = "get",
        body: Any = None,
        seconds: float = 30,
    ) -> bytes:
        """One HTTP exchange with a port of a pod, carried by the API server, which dials the pod's own address."""
        full = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{path.lstrip('/')}"
        return self.request(method, full, body, _request_timeout=seconds)

    @_retry_passing_faults
    def safe_pod_proxy(self, namespace: str, pod: str, port: int, path: str, body: Any, *, seconds: float) -> bytes:
        """A POST that changes nothing, so it is made again where the way broke.

        Go's proxies break it themselves, rarely: they cut an answer off that came before they had seen the end of the
        body that they sent (golang/go#40747).
        """
        return self.pod_proxy(namespace, pod, port, path, method="post", body=body, seconds=seconds)


def in_namespace(manifests: Iterable[Object], namespace: str) -> list[Object]:
    """The manifests with `namespace` filled in where they name none (cluster-scoped kinds ignore it)."""
    return [{**manifest, "metadata": {"namespace": namespace, **manifest["metadata"]}} for manifest in manifests]
