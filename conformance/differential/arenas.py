"""Arenas on a cluster: deployed once, found again by later runs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import trustme

from cluster.api import Api, Object, Reference, in_namespace
from cluster.readiness import wait_until_available
from conformance.differential.arena import ROOT, SERVICES, WORKLOADS, Arena, Service, Workload
from conformance.mesh.applications import read

SIMPLE_SECRET = "arena-simple"  # noqa: S105 - names of objects, not secrets
MUTUAL_SECRET = "arena-mutual"  # noqa: S105
_CLIENT_SECRET = "arena-client"  # noqa: S105
_CLIENT_NAMESPACE = "outside"

AUTHORITY = "arena"
"""Names the authority whose clients the gateway's mutual server accepts."""

_DEPLOYED = "conformance/arena"
"""The annotation of a namespace that says which manifests are available in it."""


@dataclass(frozen=True)
class Certificates:
    """What clients can show at the gateway, as PEM with its key."""

    trusted: str
    stranger: str


def deploy(api: Api, arenas: Sequence[Arena]) -> Certificates:
    """All arenas, as far as they are not there yet; returns when every Deployment is available."""
    missing = [arena for arena in arenas if not _is_deployed(api, arena)]
    for arena in missing:
        api.apply_all(list(manifests(arena)), threads=8)
    for arena in arenas:
        for namespace in arena.namespaces:
            wait_until_available(api, namespace)
    for arena in missing:
        body = {"metadata": {"annotations": {_DEPLOYED: _digest(arena)}}}
        for namespace in arena.namespaces:
            api.patch(Reference("v1", "Namespace", None, namespace), body)
    return _certificates(api)


def _is_deployed(api: Api, arena: Arena) -> bool:
    found = (api.get(Reference("v1", "Namespace", None, name)) or {"metadata": {}} for name in arena.namespaces)
    return all((each["metadata"].get("annotations") or {}).get(_DEPLOYED) == _digest(arena) for each in found)


def _digest(arena: Arena) -> str:
    return hashlib.sha256(json.dumps(list(manifests(arena)), sort_keys=True).encode()).hexdigest()[:16]


# --- manifests --------------------------------------------------------------------------------------------------------


def manifests(arena: Arena) -> Iterator[Object]:
    """Namespaces, accounts, Services and Deployments of one arena."""
    for namespace in arena.namespaces:
        metadata = {"name": namespace, "labels": {"istio-injection": "enabled"}}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        yield from in_namespace(read("fresh-connections"), namespace)
    for service in SERVICES:
        yield _service(arena, service)
    accounts = sorted({(arena.namespace(each), each.account) for each in WORKLOADS})
    for namespace, account in accounts:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}
    for workload in WORKLOADS:
        yield _deployment(arena, workload)


def _service(arena: Arena, service: Service) -> Object:
    ports = [{"name": port.name, "port": port.number, "targetPort": port.target} for port in service.ports]
    spec: Object = {"selector": {"app": service.app}, "ports": ports}
    if service.is_headless:
        spec["clusterIP"] = "None"
    metadata = {"name": service.name, "namespace": arena.namespace(service)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _deployment(arena: Arena, workload: Workload) -> Object:
    labels = {"app": workload.app, "version": workload.version}
    pod_labels = {**labels, "arena": arena.near}
    if not workload.has_sidecar:
        pod_labels["sidecar.istio.io/inject"] = "false"
    environment: list[Object] = [
        {"name": "WORKLOAD", "value": workload.name},
        {"name": "SERVICE", "value": workload.app},
        {"name": "VERSION", "value": workload.version},
        {"name": "PORTS", "value": ",".join(map(str, workload.listens))},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    container: Object = {
        "name": workload.app,
        "image": "conformance/workload:dev",
        "imagePullPolicy": "IfNotPresent",
        "env": environment,
        "ports": [{"name": "web", "containerPort": 8080}, {"name": "control", "containerPort": 9900}],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": 9900}, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 9900}, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    template: Object = {
        "metadata": {"labels": pod_labels, "annotations": {"traffic.sidecar.istio.io/excludeInboundPorts": "9900"}},
        "spec": {
            "serviceAccountName": workload.account,
            "terminationGracePeriodSeconds": 5,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
            "containers": [container],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": arena.namespace(workload), "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


# --- certificates -----------------------------------------------------------------------------------------------------


def _certificates(api: Api) -> Certificates:
    """Made by the first run on a cluster, read by the later ones."""
    found = api.get(Reference("v1", "Secret", _CLIENT_NAMESPACE, _CLIENT_SECRET))
    if found:
        texts = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
        return Certificates(texts["trusted"], texts["stranger"])
    made, secrets = _made_certificates()
    for secret in secrets:
        api.apply(secret)
    return made


def _made_certificates() -> tuple[Certificates, list[Object]]:
    authority = trustme.CA(organization_name="conformance arenas")
    server = authority.issue_cert("*.example", common_name="arenas")
    pair: dict[str, bytes] = {
        "tls.crt": b"".join(blob.bytes() for blob in server.cert_chain_pems),
        "tls.key": server.private_key_pem.bytes(),
    }
    made = Certificates(
        trusted=authority.issue_cert("client.example").private_key_and_cert_chain_pem.bytes().decode(),
        stranger=trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.bytes().decode(),
    )
    texts = {"trusted": made.trusted.encode(), "stranger": made.stranger.encode()}
    return made, [
        _secret(ROOT, SIMPLE_SECRET, pair),
        _secret(ROOT, MUTUAL_SECRET, {**pair, "ca.crt": authority.cert_pem.bytes()}),
        _secret(_CLIENT_NAMESPACE, _CLIENT_SECRET, texts),
    ]


def _secret(namespace: str, name: str, content: dict[str, bytes]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in content.items()},
    }
