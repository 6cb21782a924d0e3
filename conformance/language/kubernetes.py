"""Kubernetes manifests as the router's Services, pods and Secrets.

A Deployment stands for the pods it will make: their addresses are made up, and those of Services too where the
manifest has none. What really runs on a cluster is read by `live_pod`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from conformance.language.certificates import OUTSIDE_AUTHORITY
from conformance.router.objects.kubernetes import Pod, Secret, Service, ServicePort, TlsServer
from conformance.router.objects.metadata import Metadata

Object = Mapping[str, Any]

_EXCLUDED = "traffic.sidecar.istio.io/exclude{}Ports"


@dataclass
class Addresses:
    """Made-up addresses, one for each thing that has none."""

    pods: int = int(IPv4Address("10.244.0.1"))
    services: int = int(IPv4Address("10.96.0.1"))

    def pod(self) -> str:
        self.pods += 1
        return str(IPv4Address(self.pods))

    def service(self) -> str:
        self.services += 1
        return str(IPv4Address(self.services))


@dataclass(frozen=True)
class Kubernetes:
    """What a set of manifests makes of a cluster."""

    services: tuple[Service, ...] = ()
    pods: tuple[Pod, ...] = ()
    secrets: tuple[Secret, ...] = ()
    injected: frozenset[str] = field(default_factory=frozenset)
    """Namespaces in which pods get a sidecar."""

    def with_more(self, other: Kubernetes) -> Kubernetes:
        return Kubernetes(
            (*self.services, *other.services),
            (*self.pods, *other.pods),
            (*self.secrets, *other.secrets),
            self.injected | other.injected,
        )


def kubernetes(
    manifests: Iterable[Object], namespace: str, addresses: Addresses, injected: Iterable[str] = ()
) -> Kubernetes:
    """`namespace` is that of objects that name none; `injected` are namespaces with injection beside those labelled."""
    objects = list(manifests)
    places = frozenset(injected) | {each["metadata"]["name"] for each in objects if _is_injected_namespace(each)}
    services: list[Service] = []
    pods: list[Pod] = []
    secrets: list[Secret] = []
    for age, each in enumerate(objects):
        place = each["metadata"].get("namespace") or namespace
        match each["kind"]:
            case "Service":
                services.append(service(each, place, age, addresses))
            case "Deployment":
                pods += deployed_pods(each, place, age, addresses, is_injected=place in places)
            case "Pod":
                pods.append(live_pod(each, each["metadata"]["name"]))
            case "Secret":
                secrets.append(secret(each, place, age))
    return Kubernetes(tuple(services), tuple(pods), tuple(secrets), places)


def _is_injected_namespace(each: Object) -> bool:
    labels = each["metadata"].get("labels") or {}
    return each["kind"] == "Namespace" and (labels.get("istio-injection") == "enabled" or "istio.io/rev" in labels)


def metadata(each: Object, namespace: str, age: int) -> Metadata:
    found = each["metadata"]
    return Metadata(found["name"], namespace, found.get("labels") or {}, found.get("annotations") or {}, age)


def service(each: Object, namespace: str, age: int, addresses: Addresses) -> Service:
    spec = each["spec"]
    kind = spec.get("type", "ClusterIP")
    address = spec.get("clusterIP")
    if not address and kind != "ExternalName":
        address = addresses.service()
    return Service(
        metadata=metadata(each, namespace, age),
        ports=tuple(_port(port) for port in spec.get("ports") or ()),
        selector=spec.get("selector") or {},
        cluster_ip=address,
        type=kind,
        external_name=spec.get("externalName"),
    )


def _port(port: Object) -> ServicePort:
    return ServicePort(
        port=port["port"],
        name=port.get("name"),
        target_port=port.get("targetPort"),
        protocol=port.get("protocol"),
        app_protocol=port.get("appProtocol"),
    )


def deployed_pods(each: Object, namespace: str, age: int, addresses: Addresses, *, is_injected: bool) -> Iterator[Pod]:
    name, spec = each["metadata"]["name"], each["spec"]
    template = spec["template"]
    labels = template["metadata"].get("labels") or {}
    for number in range(spec.get("replicas", 1)):
        made = {
            "metadata": {**template["metadata"], "name": f"{name}-{number}", "namespace": namespace},
            "spec": template["spec"],
        }
        wanted = labels.get("sidecar.istio.io/inject")
        yield _pod(
            made, name, age, addresses.pod(), has_sidecar=wanted == "true" or (is_injected and wanted != "false")
        )


def live_pod(each: Object, workload: str) -> Pod:
    """A pod as the API server has it: injected if it has the sidecar's container."""
    spec, status = each["spec"], each.get("status") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    has_sidecar = any(container["name"] == "istio-proxy" for container in containers)
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or ()}
    return _pod(
        each, workload, 0, status.get("podIP", ""), has_sidecar=has_sidecar, ready=conditions.get("Ready") == "True"
    )


def _pod(each: Object, workload: str, age: int, address: str, *, has_sidecar: bool, ready: bool = True) -> Pod:
    spec, found = each["spec"], each["metadata"]
    annotations = found.get("annotations") or {}
    containers = spec.get("containers") or ()
    is_gateway = any("router" in (container.get("args") or ()) for container in containers)
    listens, tls = _application(containers)
    return Pod(
        metadata=metadata(each, found["namespace"], age),
        workload=workload,
        address=address,
        service_account=spec.get("serviceAccountName") or "default",
        has_sidecar=has_sidecar and not is_gateway and not spec.get("hostNetwork"),
        is_gateway=is_gateway,
        is_ready=ready,
        ports={
            port["name"]: port["containerPort"]
            for container in containers
            for port in container.get("ports") or ()
            if port.get("name")
        },
        listens=listens,
        tls_ports=tls,
        excluded_inbound=_numbers(annotations.get(_EXCLUDED.format("Inbound"))),
        excluded_outbound=_numbers(annotations.get(_EXCLUDED.format("Outbound"))),
    )


def _numbers(text: str | None) -> frozenset[int]:
    return frozenset(int(word) for word in (text or "").split(",") if word.strip().isdecimal())


def _application(containers: Sequence[Object]) -> tuple[frozenset[int] | None, dict[int, TlsServer]]:
    """Where our own workload listens, by its PORTS; of other programs nothing is known."""
    for container in containers:
        for variable in container.get("env") or ():
            if variable["name"] != "PORTS" or not container.get("image", "").startswith("conformance/workload"):
                continue
            words = [word.strip().partition("+") for word in variable.get("value", "").split(",") if word.strip()]
            servers = {
                int(number): TlsServer(OUTSIDE_AUTHORITY, (), OUTSIDE_AUTHORITY if security == "mtls" else None)
                for number, _, security in words
                if security in {"tls", "mtls"}
            }
            return frozenset(int(number) for number, _, _ in words), servers
    return None, {}


def secret(each: Object, namespace: str, age: int) -> Secret:
    """Authorities are told apart by the text of their certificate."""
    values = {**(each.get("data") or {}), **(each.get("stringData") or {})}
    authority = values.get("ca.crt") or values.get("cacert")
    return Secret(
        metadata=metadata(each, namespace, age),
        keys=frozenset(values),
        authority=hashlib.sha256(authority.encode()).hexdigest() if authority else None,
    )
