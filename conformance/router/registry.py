"""Services of the mesh, whether Kubernetes or a ServiceEntry knows them, and the endpoints behind them (section 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.router.mesh_config import MeshConfig
from conformance.router.objects.kubernetes import Pod
from conformance.router.objects.kubernetes import Service as KubernetesService
from conformance.router.objects.kubernetes import ServicePort as KubernetesPort
from conformance.router.objects.metadata import Reference
from conformance.router.objects.service_entry import ServiceEntry, WorkloadEntry, WorkloadEntrySpec
from conformance.router.visibility import Audience, audience

EXPORT_TO = "networking.istio.io/exportTo"
_EXTERNAL = "MESH_EXTERNAL"


class Protocol(StrEnum):
    """What a proxy does with the bytes of a port."""

    HTTP = "http"
    SNIFFED = "sniffed"
    TLS = "tls"
    TCP = "tcp"


_PROTOCOLS = {
    **dict.fromkeys(("http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"), Protocol.HTTP),
    **dict.fromkeys(("https", "tls", "kubernetes.io/wss"), Protocol.TLS),
    **dict.fromkeys(("tcp", "mongo", "redis", "mysql"), Protocol.TCP),
}
_NEVER_SNIFFED = frozenset({25, 53, 3306, 27017})
"""Protocols in which the server speaks first: sniffing would wait for ever (kube/controller conversion)."""


class Resolution(StrEnum):
    STATIC = "static"
    DNS = "dns"
    ORIGINAL = "original"
    """To the address that the client dialled."""


@dataclass(frozen=True, slots=True)
class Port:
    number: int
    name: str
    protocol: Protocol
    is_http2: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place behind one port of a service."""

    address: str
    port: int
    labels: Mapping[str, str]
    pod: Pod | None = None
    weight: int = 1
    locality: str = ""
    speaks_mutual_tls: bool = False


@dataclass(frozen=True, eq=False)
class Service:
    """A name of the mesh. `endpoints` has every port; wildcards and case are as in `host`."""

    host: str
    namespace: str
    ports: Mapping[int, Port]
    addresses: tuple[str, ...]
    """Virtual addresses; none for headless services and most ServiceEntries."""
    resolution: Resolution
    audience: Audience
    reference: Reference
    seniority: tuple[int, str, str]
    endpoints: Mapping[int, tuple[Endpoint, ...]] = field(default_factory=dict, repr=False)
    is_kubernetes: bool = True
    is_headless: bool = False
    is_external: bool = False
    alias_of: str | None = None
    resolves: bool = True
    """Whether DNS knows what a service of resolution DNS stands for."""


def protocol_of(port: int, name: str | None, declared: str | None) -> Protocol:
    """By appProtocol or protocol of a ServiceEntry, else by the prefix of the port's name, else by looking."""
    for word in (declared, name):
        lowered = (word or "").lower()
        found = _PROTOCOLS.get(lowered) or _PROTOCOLS.get(_prefix(lowered))
        if found:
            return found
    return Protocol.TCP if port in _NEVER_SNIFFED else Protocol.SNIFFED


def _prefix(name: str) -> str:
    return "grpc-web" if name.startswith("grpc-web") else name.partition("-")[0]


_HTTP2 = ("http2", "grpc", "kubernetes.io/h2c")


def _is_http2(name: str | None, declared: str | None) -> bool:
    word = (declared or name or "").lower()
    return word.startswith(_HTTP2) and not word.startswith("grpc-web")


class Pods:
    """Pods by namespace and label, so that a selector looks at few of them."""

    def __init__(self, pods: Iterable[Pod]) -> None:
        self.all = tuple(pods)
        self.by_address = {pod.address: pod for pod in self.all}
        self._by_label: dict[tuple[str, str, str], list[Pod]] = defaultdict(list)
        for pod in self.all:
            for key, value in pod.metadata.labels.items():
                self._by_label[pod.metadata.namespace, key, value].append(pod)

    def selected(self, namespace: str, selector: Mapping[str, str]) -> Iterator[Pod]:
        """Those with all labels of a selector that is not empty."""
        fewest = min((self._by_label.get((namespace, *pair), []) for pair in selector.items()), key=len)
        return (pod for pod in fewest if has_labels(pod.metadata.labels, selector))


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def of_kubernetes(services: Iterable[KubernetesService], pods: Pods, mesh: MeshConfig) -> Iterator[Service]:
    for each in services:
        metadata = each.metadata
        exported = [word.strip() for word in metadata.annotations.get(EXPORT_TO, "").split(",") if word.strip()]
        ports = [port for port in each.ports if (port.protocol or "TCP") != "UDP"]
        headless = each.cluster_ip == "None"
        alias = each.external_name if each.type == "ExternalName" else None
        yield Service(
            host=f"{metadata.name}.{metadata.namespace}.svc.{mesh.domain}",
            namespace=metadata.namespace,
            ports={port.port: _kubernetes_port(port) for port in ports},
            addresses=(each.cluster_ip,) if each.cluster_ip and not headless else (),
            resolution=Resolution.ORIGINAL if headless else Resolution.STATIC,
            audience=audience(exported, metadata.namespace, mesh.default_service_export_to),
            reference=each.reference,
            seniority=metadata.seniority,
            endpoints=_pod_endpoints(each, ports, pods),
            is_headless=headless,
            alias_of=alias.lower() if alias else None,
        )


def _kubernetes_port(port: KubernetesPort) -> Port:
    protocol = protocol_of(port.port, port.name, port.app_protocol)
    return Port(port.port, port.name or "", protocol, _is_http2(port.name, port.app_protocol))


def _pod_endpoints(
    service: KubernetesService, ports: Iterable[KubernetesPort], pods: Pods
) -> dict[int, tuple[Endpoint, ...]]:
    if not service.selector:
        return {}
    ready = [pod for pod in pods.selected(service.metadata.namespace, service.selector) if pod.is_ready]
    endpoints = {}
    for port in ports:
        targets = ((pod, target_port(port, pod)) for pod in ready)
        endpoints[port.port] = tuple(of_pod(pod, number) for pod, number in targets if number is not None)
    return endpoints


def target_port(port: KubernetesPort, pod: Pod) -> int | None:
    """Where a Service's port leads in a pod; None if the pod has no port of that name."""
    target = port.target_port
    if isinstance(target, str) and not target.isdecimal():
        return pod.ports.get(target)
    return int(target) if target else port.port


def of_pod(pod: Pod, port: int, weight: int = 1) -> Endpoint:
    return Endpoint(pod.address, port, pod.metadata.labels, pod, weight, pod.locality, pod.has_sidecar)


def of_entries(
    entries: Iterable[ServiceEntry], workloads: Iterable[WorkloadEntry], pods: Pods, mesh: MeshConfig
) -> Iterator[Service]:
    """One service for each host of each ServiceEntry."""
    by_namespace: dict[str, list[WorkloadEntry]] = defaultdict(list)
    for workload in workloads:
        by_namespace[workload.metadata.namespace].append(workload)
    for entry in entries:
        selected = _selected_places(entry, by_namespace[entry.metadata.namespace], pods)
        for host in entry.spec.hosts:
            yield _of_entry(entry, host.lower(), selected, pods, mesh)


_Place = WorkloadEntrySpec | Pod


def _selected_places(entry: ServiceEntry, workloads: Iterable[WorkloadEntry], pods: Pods) -> tuple[_Place, ...]:
    selector = entry.spec.workload_selector
    if selector is None or not selector.labels:
        return entry.spec.endpoints
    own = [each.spec for each in workloads if has_labels({**each.metadata.labels, **each.spec.labels}, selector.labels)]
    found = [pod for pod in pods.selected(entry.metadata.namespace, selector.labels) if pod.is_ready]
    return (*own, *found)


def _of_entry(entry: ServiceEntry, host: str, places: tuple[_Place, ...], pods: Pods, mesh: MeshConfig) -> Service:
    spec, metadata = entry.spec, entry.metadata
    resolution = {"STATIC": Resolution.STATIC, None: Resolution.ORIGINAL, "NONE": Resolution.ORIGINAL}.get(
        spec.resolution, Resolution.DNS
    )
    ports, endpoints, resolves = {}, {}, resolution is not Resolution.DNS
    for each in spec.ports:
        number = each.number or 0
        protocol = protocol_of(number, each.name, each.protocol)
        ports[number] = Port(number, each.name or "", protocol, _is_http2(each.name, each.protocol))
        target = each.target_port or number
        found = tuple(_endpoints(host, places, each.name or "", target, resolution, pods, mesh, spec.location))
        endpoints[number] = found
        resolves = resolves or bool(found)
    return Service(
        host=host,
        namespace=metadata.namespace,
        ports=ports,
        addresses=spec.addresses,
        resolution=resolution,
        audience=audience(spec.export_to, metadata.namespace, mesh.default_service_export_to),
        reference=entry.reference,
        seniority=metadata.seniority,
        endpoints=endpoints,
        is_kubernetes=False,
        is_external=spec.location in (None, _EXTERNAL),
        resolves=resolves,
    )


def _endpoints(
    host: str,
    places: tuple[_Place, ...],
    port_name: str,
    target: int,
    resolution: Resolution,
    pods: Pods,
    mesh: MeshConfig,
    location: str | None,
) -> Iterator[Endpoint]:
    if resolution is Resolution.ORIGINAL:
        return
    if resolution is Resolution.DNS and not places:
        places = (WorkloadEntrySpec(address=host),)
    is_external = location in (None, _EXTERNAL)
    for place in places:
        if isinstance(place, Pod):
            yield of_pod(place, target)
            continue
        # With inline endpoints the port's targetPort does not count when the endpoint names the port itself.
        port = place.ports.get(port_name, target)
        for address in _resolved(place.address or "", mesh):
            pod = pods.by_address.get(address)
            labels = {**(pod.metadata.labels if pod else {}), **place.labels}
            mutual = not is_external and (
                place.labels.get("security.istio.io/tlsMode") == "istio" or place.service_account is not None
            )
            yield Endpoint(address, port, labels, pod, place.weight or 1, place.locality or "", mutual)


def _resolved(address: str, mesh: MeshConfig) -> tuple[str, ...]:
    return resolve(address, mesh) if any(letter.isalpha() for letter in address) and ":" not in address else (address,)


def resolve(name: str, mesh: MeshConfig) -> tuple[str, ...]:
    """What DNS outside the mesh answers; () if nothing."""
    found = mesh.names.get(name)
    if found is None:
        _, _, parent = name.partition(".")
        found = mesh.names.get(f"*.{parent}", ())
    return found
