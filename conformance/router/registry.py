"""Services of the mesh, whether Kubernetes or a ServiceEntry knows them, and the endpoints behind them (section 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address
from itertools import count

from conformance.router.mesh_config import MeshConfig
from conformance.router.objects.kubernetes import Pod
from conformance.router.objects.kubernetes import Service as KubernetesService
from conformance.router.objects.kubernetes import ServicePort as KubernetesPort
from conformance.router.objects.metadata import Reference
from conformance.router.objects.service_entry import ServiceEntry, WorkloadEntry, WorkloadEntrySpec
from conformance.router.versions import Since, Version
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
    ALIAS = "alias"
    """To another service: an ExternalName."""


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
    is_named: bool = False
    """By a name that DNS answers, not by its address."""


@dataclass(frozen=True, eq=False)
class Service:
    """A name of the mesh. `endpoints` has every port; wildcards and case are as in `host`."""

    host: str
    namespace: str
    ports: Mapping[int, Protocol]
    """What is spoken at each."""
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
    ghosts: frozenset[int] = frozenset()
    """Ports that another ServiceEntry of the same host and namespace adds although its resolution differs: they get
    listeners and virtual hosts, but no clusters."""
    labels: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=dict)
    """A ServiceEntry's; only those that have both in common add up."""
    overrides: Mapping[int, int] = field(default_factory=dict)
    """Of resolution NONE: where a port's connections go instead of the port that was dialled (targetPort)."""

    def speaks_mutual_tls(self, port: int) -> bool:
        """Whether everybody behind a port does: what counts where the endpoint is whoever was dialled."""
        members = self.endpoints.get(port, ())
        return bool(members) and all(each.speaks_mutual_tls for each in members)

    """What an ExternalName stands for."""


def protocol_of(port: int, name: str | None, declared: str | None) -> Protocol:
    """Of a Service's port: appProtocol if there is one, else the prefix of the name (kube.ConvertProtocol)."""
    found = _PROTOCOLS.get(_first_word(name if declared is None else declared))
    return found or (Protocol.TCP if port in _NEVER_SNIFFED else Protocol.SNIFFED)


def stated_protocol(protocol: str | None) -> Protocol:
    """Of a ServiceEntry's port: `protocol`, never the name (serviceentry/conversion.go convertPort)."""
    return _PROTOCOLS.get((protocol or "").lower(), Protocol.SNIFFED)


def _first_word(name: str | None) -> str:
    return (name or "").lower().partition("-")[0]


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


def of_kubernetes(
    services: Iterable[KubernetesService], pods: Pods, mesh: MeshConfig, version: Version
) -> Iterator[Service]:
    """One service for each Service of Kubernetes."""
    known = tuple(services)
    addresses = {_host_of(each, mesh): each.cluster_ip for each in known if each.cluster_ip}
    for each in known:
        metadata = each.metadata
        exported = [word.strip() for word in metadata.annotations.get(EXPORT_TO, "").split(",") if word.strip()]
        ports = [port for port in each.ports if port.protocol != "UDP"]
        headless = each.cluster_ip == "None"
        alias = (each.external_name or "").lower() if each.type == "ExternalName" else ""
        resolution = Resolution.ORIGINAL if headless else Resolution.STATIC
        endpoints = _pod_endpoints(each, ports, pods)
        if alias:
            resolution = Resolution.ALIAS if version.has(Since.EXTERNAL_NAME_ALIAS) else Resolution.DNS
            endpoints = _named_endpoints(addresses.get(alias), alias, ports, mesh)
        yield Service(
            host=_host_of(each, mesh),
            namespace=metadata.namespace,
            ports={
                port.port: protocol_of(port.port, port.name, port.app_protocol)
                for port in ports
                if _first_word(_stated(port)) != "udp"
            },
            addresses=(each.cluster_ip,) if each.cluster_ip and not headless else (),
            resolution=resolution,
            audience=audience(exported, metadata.namespace, mesh.default_service_export_to),
            reference=each.reference,
            seniority=metadata.seniority,
            endpoints=endpoints,
            is_headless=headless,
            is_external=bool(alias),
            alias_of=alias or None,
        )


def _host_of(service: KubernetesService, mesh: MeshConfig) -> str:
    return f"{service.metadata.name}.{service.metadata.namespace}.svc.{mesh.domain}"


def _stated(port: KubernetesPort) -> str | None:
    return port.name if port.app_protocol is None else port.app_protocol


def _named_endpoints(
    address: str | None, name: str, ports: Iterable[KubernetesPort], mesh: MeshConfig
) -> dict[int, tuple[Endpoint, ...]]:
    """Of an ExternalName, where it is a service of its own: whatever DNS says."""
    found = (address,) if address else resolve(name, mesh) or (UNREACHABLE,)
    return {port.port: tuple(Endpoint(each, port.port, {}) for each in found) for port in ports}


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


def of_entries(  # noqa: PLR0917
    entries: Iterable[ServiceEntry],
    workloads: Iterable[WorkloadEntry],
    pods: Pods,
    mesh: MeshConfig,
    version: Version,
    lookup: Lookup,
) -> Iterator[Service]:
    """One service for each host of each ServiceEntry. `lookup` is what DNS answers to the proxies."""
    by_namespace: dict[str, list[WorkloadEntry]] = defaultdict(list)
    for workload in workloads:
        by_namespace[workload.metadata.namespace].append(workload)
    numbers = count()
    for entry in entries:
        places = _places(entry, by_namespace[entry.metadata.namespace], pods)
        for host in entry.spec.hosts:
            addresses = entry.spec.addresses
            if _is_allocated(entry, host, mesh, version):
                addresses = (str(_FIRST_ALLOCATED + next(numbers)),)
            yield _of_entry(entry, host.lower(), addresses, places, pods=pods, mesh=mesh, lookup=lookup)


def _is_allocated(entry: ServiceEntry, host: str, mesh: MeshConfig, version: Version) -> bool:
    """Whether istiod makes up an address: only where the proxy answers DNS is it of any use (section 19)."""
    spec = entry.spec
    return (
        mesh.dns_capture
        and version.has(Since.ALLOCATED_ADDRESSES)
        and not spec.addresses
        and spec.resolution not in (None, "NONE")
        and not host.startswith("*")
        and entry.metadata.labels.get(_ALLOCATE) != "false"
    )


_FIRST_ALLOCATED = IPv4Address("240.240.0.1")
_ALLOCATE = "networking.istio.io/enable-autoallocate-ip"

_Place = WorkloadEntrySpec | Pod

Lookup = Callable[[str], tuple[str, ...]]

UNREACHABLE = ""
"""The address of an endpoint whose name DNS does not know."""


def _places(entry: ServiceEntry, workloads: Iterable[WorkloadEntry], pods: Pods) -> tuple[_Place, ...]:
    """What is behind the entry; the labels of a WorkloadEntry are those of its metadata before those of its spec."""
    selector = entry.spec.workload_selector
    if selector is None or not selector.labels:
        return entry.spec.endpoints
    specs = (replace(each.spec, labels={**each.spec.labels, **each.metadata.labels}) for each in workloads)
    own = (spec for spec in specs if has_labels(spec.labels, selector.labels))
    found = (pod for pod in pods.selected(entry.metadata.namespace, selector.labels) if pod.is_ready)
    return (*own, *found)


_RESOLUTIONS = {"STATIC": Resolution.STATIC, None: Resolution.ORIGINAL, "NONE": Resolution.ORIGINAL}


def _of_entry(
    entry: ServiceEntry,
    host: str,
    addresses: tuple[str, ...],
    places: tuple[_Place, ...],
    *,
    pods: Pods,
    mesh: MeshConfig,
    lookup: Lookup,
) -> Service:
    spec, metadata = entry.spec, entry.metadata
    resolution = _RESOLUTIONS.get(spec.resolution, Resolution.DNS)
    if resolution is Resolution.DNS and not places:
        places = (WorkloadEntrySpec(address=host),)
    ports, endpoints = {}, {}
    original = resolution is Resolution.ORIGINAL
    for each in spec.ports:
        number, word = each.number or 0, (each.protocol or "").lower()
        if word == "udp":
            continue
        ports[number] = stated_protocol(word)
        target = each.target_port or number
        at = () if original else places
        endpoints[number] = tuple(_endpoints(at, each.name or "", target, pods, lookup))
    return Service(
        host=host,
        namespace=metadata.namespace,
        ports=ports,
        addresses=addresses,
        resolution=resolution,
        audience=audience(spec.export_to, metadata.namespace, mesh.default_service_export_to),
        reference=entry.reference,
        # To istiod a service has the name of its host (SortServicesByCreationTime).
        seniority=(metadata.age, host, metadata.namespace),
        endpoints=endpoints,
        is_kubernetes=False,
        is_external=spec.location in (None, _EXTERNAL),
        labels=metadata.labels,
        selector=spec.workload_selector.labels if spec.workload_selector else {},
        overrides={each.number or 0: each.target_port for each in spec.ports if each.target_port} if original else {},
    )


def _endpoints(
    places: tuple[_Place, ...], port_name: str, target: int, pods: Pods, lookup: Lookup
) -> Iterator[Endpoint]:
    for place in places:
        if isinstance(place, Pod):
            yield of_pod(place, target)
            continue
        # With inline endpoints the port's targetPort does not count when the endpoint names the port itself.
        port = place.ports.get(port_name, target)
        mutual = place.labels.get("security.istio.io/tlsMode") == "istio" or place.service_account is not None
        # A name without an answer stays as an endpoint that cannot be reached: the cluster is there all the same.
        for address in lookup(place.address or "") or (UNREACHABLE,):
            pod = pods.by_address.get(address)
            yield Endpoint(
                address=address,
                port=port,
                labels=place.labels,
                pod=pod,
                weight=place.weight or 1,
                locality=place.locality or "",
                speaks_mutual_tls=mutual,
                is_named=address != place.address,
            )


def resolve(name: str, mesh: MeshConfig) -> tuple[str, ...]:
    """What DNS outside the mesh answers; () if nothing."""
    found = mesh.names.get(name)
    if found is None:
        _, _, parent = name.partition(".")
        found = mesh.names.get(f"*.{parent}", ())
    return found


Services = Mapping[str, Service]
"""By host."""
