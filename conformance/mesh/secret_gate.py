"""Whether proxies have the Secrets of a scenario. Like the gate's sentinel, it asks for things of its own.

istiod hears of Secrets and of Istio's objects on two connections, so the sentinel VirtualService proves nothing about
them. Another Secret does: events of one kind come in order, and a gateway that serves the sentinel's newest certificate
has had every push before it.

Files are another matter: a kubelet brings a Secret into a running pod in its own time, and a proxy reads it in its own.
What it has read only the proxy knows, so it is asked (config_dump).
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import trustme

from cluster.api import Api, Object, Reference
from conformance.mesh.applications import SYSTEM
from conformance.mesh.certificates import issued
from conformance.mesh.proxies import Proxies
from conformance.mesh.workloads import Pod, Workloads

Until = Callable[[Callable[[], list[str]], str], None]
"""Asks again and again for what is missing; raises NotConverged with the sentence when that takes too long."""

_SECRET_PORT = 15098
_ROOT = "istio-system"
MOUNTED: Mapping[str, tuple[str, str]] = {
    "istio-ingressgateway-certs": ("istio-ingressgateway", "/etc/istio/ingressgateway-certs"),
    "client-certs": ("client", "/etc/certs"),
}
"""Secrets that proxies have as files: whose, and where. Istio's chart and manifests/clients.yaml say so."""

_NAMING = re.compile(r'"(?:credentialNames?|serverCertificate|clientCertificate|caCertificates)"')


def name_certificates(objects: Iterable[Object]) -> bool:
    """Whether a proxy has to fetch a certificate for any of these."""
    return any(_NAMING.search(json.dumps(each.get("spec") or {})) for each in objects)


class SecretGate:
    """One per worker; nothing of it is there before it is needed."""

    def __init__(self, api: Api, workloads: Workloads, proxies: Proxies, gateways: Sequence[Pod], until: Until) -> None:
        self._api = api
        self._workloads = workloads
        self._proxies = proxies
        self._gateways = gateways
        self._until = until
        self._name = f"sentinel-{uuid.uuid4().hex[:12]}"
        self._host = f"{self._name}.invalid"
        self._authority = trustme.CA(organization_name="sentinel")
        self._is_there = False

    def close(self) -> None:
        if self._is_there:
            self._api.delete(Reference.of(self._gateway()))
            self._api.delete(Reference("v1", "Secret", _ROOT, self._name))

    def pass_secrets(self) -> None:
        """Waits until the gateways have had every change of a Secret that was made before."""
        pair = issued(self._authority, self._host)
        self._api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self._name, "namespace": _ROOT},
                "data": {
                    "tls.crt": base64.b64encode(pair.chain).decode(),
                    "tls.key": base64.b64encode(pair.key).decode(),
                },
            }
        )
        if not self._is_there:
            self._api.apply(self._gateway())
            self._is_there = True
        waiting = {pod.name: pod for pod in self._gateways}

        def not_served() -> list[str]:
            for pod in [*waiting.values()]:
                if self._served(pod) == pair.fingerprint:
                    del waiting[pod.name]
            return [*waiting]

        self._until(not_served, "gateways do not have the newest Secrets")

    def hasten(self, secret: Object, pods: Iterable[Pod]) -> None:
        """A kubelet looks after a pod's volumes at once when the pod itself has changed."""
        for pod in _readers(secret, pods):
            changed = {"metadata": {"annotations": {"conformance/volumes": uuid.uuid4().hex}}}
            self._api.patch(Reference("v1", "Pod", pod.namespace, pod.name), changed)

    def pass_files(self, secret: Object, pods: Sequence[Pod]) -> None:
        """Waits until the proxies that use files of a Secret have read the newest; at once with any other Secret."""
        readers = _readers(secret, pods)
        if readers:
            _, folder = MOUNTED[secret["metadata"]["name"]]
            missing = partial(self._unread, secret["data"], folder, readers)
            self._until(missing, "proxies have not read the newest files")

    def _unread(self, data: Mapping[str, str], folder: str, pods: Sequence[Pod]) -> list[str]:
        dumps = zip(pods, self._proxies.config_dumps(pods), strict=True)
        return [name for pod, dump in dumps for name in ([pod.name] if dump is None else unread(dump, folder, data))]

    def _served(self, pod: Pod) -> str | None:
        via = f"{pod.address}:{_SECRET_PORT}"
        request = {"token": "sentinel", "method": "GET", "url": f"https://{self._host}/", "via": via}
        served: str | None = self._workloads.plan(self._workloads.collector, [request])[0]["served"]
        return served

    def _gateway(self) -> Object:
        """Without a selector: every gateway serves it."""
        server = {
            "port": {"number": _SECRET_PORT, "name": "https-sentinel", "protocol": "HTTPS"},
            "hosts": [self._host],
            "tls": {"mode": "SIMPLE", "credentialName": self._name},
        }
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": self._name, "namespace": SYSTEM},
            "spec": {"servers": [server]},
        }


def _readers(secret: Object, pods: Iterable[Pod]) -> list[Pod]:
    metadata = secret["metadata"]
    app, _ = MOUNTED.get(metadata["name"], ("", ""))
    return [pod for pod in pods if pod.app == app and pod.namespace == metadata["namespace"]]


def unread(dump: str, folder: str, data: Mapping[str, str]) -> list[str]:
    """The certificate files below a folder of which a proxy has another content than `data` (base64), or none."""
    return [
        path
        for path, content in _files(dump)
        if path.startswith(f"{folder}/") and content != data.get(path.removeprefix(f"{folder}/"))
    ]


def _files(dump: str) -> Iterator[tuple[str, str | None]]:
    """Path and content (base64) of each certificate file of a proxy; None while the proxy waits for it."""
    for section in json.loads(dump)["configs"]:
        for state in ("dynamic_active_secrets", "dynamic_warming_secrets"):
            for each in section.get(state) or ():
                kind, _, paths = each.get("name", "").partition(":")
                if kind in ("file-cert", "file-root"):
                    is_read = state == "dynamic_active_secrets"
                    yield paths.partition("~")[0], _content(each.get("secret") or {}) if is_read else None


def _content(secret: Mapping[str, Any]) -> str | None:
    certificate = (secret.get("tls_certificate") or {}).get("certificate_chain")
    authority = (secret.get("validation_context") or {}).get("trusted_ca")
    found: str | None = (certificate or authority or {}).get("inline_bytes")
    return found
