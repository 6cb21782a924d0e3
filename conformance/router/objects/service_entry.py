"""networking.istio.io ServiceEntry and WorkloadEntry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.router.objects.metadata import Metadata, Reference, WorkloadSelector


@dataclass(frozen=True, slots=True)
class ServicePort:
    number: int | None = None
    protocol: str | None = None
    name: str | None = None
    target_port: int | None = None


@dataclass(frozen=True, slots=True)
class WorkloadEntrySpec:
    """Also an inline endpoint of a ServiceEntry."""

    address: str | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    locality: str | None = None
    weight: int | None = None
    service_account: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceEntrySpec:
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    location: str | None = None
    resolution: str | None = None
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    metadata: Metadata
    spec: ServiceEntrySpec

    @property
    def reference(self) -> Reference:
        return Reference("ServiceEntry", self.metadata.namespace, self.metadata.name)


@dataclass(frozen=True, slots=True)
class WorkloadEntry:
    metadata: Metadata
    spec: WorkloadEntrySpec
