"""One port of one pod as its sidecar guards it (specification, sections 6, 20, 21 and 26.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from conformance.router.authorization import Authorization, policies_for
from conformance.router.objects.kubernetes import Pod
from conformance.router.peer_authentication import Decided, Mode, modes_for
from conformance.router.registry import Protocol, Resolution, stated_protocol
from conformance.router.request_authentication import Authentication, authenticators_for
from conformance.router.scopes import sidecar_of
from conformance.router.versions import Since
from conformance.router.world import World


@dataclass(frozen=True, eq=False)
class Door:
    """What decides about a connection to a port. `target` is where the application is spoken to."""

    pod: Pod
    port: int
    mode: Decided
    general_mode: Mode
    """Of the namespace or the mesh: all that clients look at who do not tell workloads apart."""
    protocol: Protocol
    target: int
    on_loopback: bool
    authentication: Authentication
    authorization: Authorization

    @cached_property
    def is_unguarded(self) -> bool:
        """Whether no policy looks at requests here."""
        return not self.authentication.providers and self.authorization.is_empty

    @cached_property
    def is_answered(self) -> bool:
        """Whether the application can be reached there."""
        return answers(self.pod, self.target, on_loopback=self.on_loopback)


def answers(pod: Pod, port: int, *, on_loopback: bool) -> bool:
    """Whether an application listens on a port, at the pod's address or on 127.0.0.1."""
    if port in pod.on_loopback:
        return on_loopback
    return pod.listens is None or port in pod.listens


def door_of(world: World, pod: Pod, port: int) -> Door:
    key = ("door", pod.address, port)
    found = world.derived.get(key)
    if found is None:
        found = world.derived[key] = _door(world, pod, port)
    assert isinstance(found, Door)
    return found


def _door(world: World, pod: Pod, port: int) -> Door:
    served = _served(world, pod, port)
    namespace, labels, root = pod.metadata.namespace, pod.metadata.labels, world.mesh.root_namespace
    peers = modes_for(world.peer_authentications, namespace=namespace, labels=labels, root_namespace=root)
    general = modes_for(world.peer_authentications, namespace=namespace, labels={}, root_namespace=root)
    knows_port = served.is_declared or world.version.has(Since.PASSTHROUGH_PORT_MTLS)
    return Door(
        pod=pod,
        port=port,
        mode=peers.of(port) if knows_port else peers.everywhere,
        general_mode=general.everywhere[0],
        protocol=served.protocol,
        target=served.target,
        on_loopback=served.on_loopback,
        authentication=authenticators_for(
            world.request_authentications,
            namespace=namespace,
            labels=labels,
            root_namespace=root,
            version=world.version,
        ),
        authorization=policies_for(
            world.authorization_policies,
            namespace=namespace,
            labels=labels,
            root_namespace=root,
            version=world.version,
            trust_domain=world.mesh.trust_domain,
            authorizers=world.mesh.authorizers,
        ),
    )


class _Served(NamedTuple):
    """What a port leads to."""

    protocol: Protocol
    target: int
    on_loopback: bool = False
    is_declared: bool = False


def _served(world: World, pod: Pod, port: int) -> _Served:
    """Sidecar ingress, else the oldest Service; what neither declares is looked at (buildInboundPassthroughChains)."""
    always_loopback = not world.version.has(Since.INBOUND_TO_POD_ADDRESS)
    sidecar = sidecar_of(world.sidecars, pod.metadata.namespace, pod.metadata.labels, world.mesh.root_namespace)
    if sidecar and sidecar.spec.ingress:
        for listener in sidecar.spec.ingress:
            if listener.port and listener.port.number == port:
                protocol = stated_protocol(listener.port.protocol)
                target, on_loopback = _endpoint(listener.default_endpoint, port)
                return _Served(protocol, target, on_loopback or always_loopback, is_declared=True)
        return _Served(Protocol.SNIFFED, port)
    declared = _declared(world).get((pod.address, port))
    if declared:
        return _Served(declared, port, always_loopback, is_declared=True)
    return _Served(Protocol.SNIFFED, port)


def _endpoint(default: str | None, port: int) -> tuple[int, bool]:
    """Of `127.0.0.1:8080`, `0.0.0.0:8080` (the pod's own address) or nothing.

    What answers at a Unix socket nobody says; it is taken for what answers at the port.
    """
    if not default or default.startswith("unix:"):
        return port, False
    address, _, number = default.rpartition(":")
    return int(number), address in ("127.0.0.1", "[::1]")


def _declared(world: World) -> Mapping[tuple[str, int], Protocol]:
    """What Services say of the ports they lead to; of several the oldest.

    ServiceEntries of the pod's namespace count too, after Services, since the ages of the two are not comparable here.
    """
    found = world.derived.get("declared ports")
    if found is None:
        declared: dict[tuple[str, int], Protocol] = {}
        services = (each for each in world.services if each.resolution is not Resolution.DNS)
        for service in sorted(services, key=lambda each: (not each.is_kubernetes, each.seniority)):
            for number, protocol in service.ports.items():
                for member in service.endpoints.get(number, ()):
                    if member.pod is not None and member.pod.metadata.namespace == service.namespace:
                        place = (member.address, member.port)
                        declared.setdefault(place, protocol)
        found = world.derived["declared ports"] = declared
    return found  # type: ignore[return-value]
