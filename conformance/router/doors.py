"""One port of one pod as its sidecar guards it (specification, sections 6, 20, 21 and 26.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.router.authorization import Authorization, policies_for
from conformance.router.objects.kubernetes import Pod
from conformance.router.objects.metadata import Reference
from conformance.router.peer_authentication import Decided, modes_for
from conformance.router.registry import Protocol, protocol_of
from conformance.router.request_authentication import Authentication, authenticators_for
from conformance.router.scopes import sidecar_of
from conformance.router.world import World


@dataclass(frozen=True, eq=False)
class Door:
    """What decides about a connection to a port. `target` is where the application is spoken to."""

    pod: Pod
    port: int
    mode: Decided
    protocol: Protocol
    by: Reference | None
    """The Service or Sidecar that says which protocol it is."""
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


def answers(pod: Pod, port: int, *, on_loopback: bool = False) -> bool:
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
    protocol, by, target, loopback = _served(world, pod, port)
    namespace, labels, root = pod.metadata.namespace, pod.metadata.labels, world.mesh.root_namespace
    peers = modes_for(world.peer_authentications, namespace=namespace, labels=labels, root_namespace=root)
    return Door(
        pod=pod,
        port=port,
        mode=peers.of(port),
        protocol=protocol,
        by=by,
        target=target,
        on_loopback=loopback,
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
        ),
    )


def _served(world: World, pod: Pod, port: int) -> tuple[Protocol, Reference | None, int, bool]:
    """Protocol of a port, who says so, and where it leads: Sidecar ingress, else the oldest Service, else bytes."""
    namespace, labels = pod.metadata.namespace, pod.metadata.labels
    sidecar = sidecar_of(world.sidecars, namespace, labels, world.mesh.root_namespace)
    if sidecar and sidecar.spec.ingress:
        for listener in sidecar.spec.ingress:
            if listener.port and listener.port.number == port:
                protocol = protocol_of(port, listener.port.name, listener.port.protocol)
                target, loopback = _endpoint(listener.default_endpoint, port)
                return protocol, sidecar.reference, target, loopback
        return Protocol.TCP, sidecar.reference, port, False
    declared = _declared(world).get((pod.address, port))
    return (*declared, port, False) if declared else (Protocol.TCP, None, port, False)


def _endpoint(default: str | None, port: int) -> tuple[int, bool]:
    """Of `127.0.0.1:8080`, `0.0.0.0:8080` (the pod's own address) or nothing."""
    if not default or default.startswith("unix:"):
        return port, False
    address, _, number = default.rpartition(":")
    return int(number), address in ("127.0.0.1", "[::1]")


def _declared(world: World) -> Mapping[tuple[str, int], tuple[Protocol, Reference]]:
    """What Services say of the ports they lead to; of several the oldest."""
    found = world.derived.get("declared ports")
    if found is None:
        declared: dict[tuple[str, int], tuple[Protocol, Reference]] = {}
        for service in sorted((each for each in world.services if each.is_kubernetes), key=lambda each: each.seniority):
            for number, members in service.endpoints.items():
                protocol = service.ports[number].protocol
                for member in members:
                    declared.setdefault((member.address, member.port), (protocol, service.reference))
        found = world.derived["declared ports"] = declared
    return found  # type: ignore[return-value]
