"""Where a connection to an address ends: a pod, one of the pods of a Service, a gateway, or nothing we know."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from conformance.router import ingress
from conformance.router.inbound import at_workload
from conformance.router.objects.kubernetes import Pod
from conformance.router.passage import MAX_HOPS, UPSTREAM_ERROR, Passage, failed, local
from conformance.router.prediction import Kind, Outcome
from conformance.router.trace import Step
from conformance.router.world import World

_CIRCLE = "the gateway calls itself"


def arrive(world: World, address: str, port: int, passage: Passage, trail: list[Step]) -> list[Outcome]:
    """Every way a connection may end, with its chance."""
    pod = world.pods.by_address.get(address)
    if pod is not None:
        return _at_pod(world, pod, port, passage, trail)
    service = world.by_address.get(address)
    if service is None:
        return [Outcome(Kind.PASSTHROUGH, attempts=(0, 0), reason=f"{address}:{port} is outside of what is known")]
    members = service.endpoints.get(port, ())
    if not members:
        return [failed(Kind.REFUSED, f"{service.host} has nothing behind port {port}")]
    trail.append(Step("address", f"{address}:{port} is {service.host}; kube-proxy draws a pod", service.reference))
    share = Fraction(1, len(members))
    found = []
    for member in members:
        assert member.pod, "endpoints of Kubernetes are pods"
        found += [each.times(share) for each in _at_pod(world, member.pod, member.port, passage, trail)]
    return found


def _at_pod(world: World, pod: Pod, port: int, passage: Passage, trail: list[Step]) -> list[Outcome]:
    if not pod.is_gateway:
        return [at_workload(world, pod, port, passage, trail)]
    if passage.hops > MAX_HOPS:
        if passage.message is None:
            return [failed(Kind.CLOSED, _CIRCLE)]
        return [local(Kind.UPSTREAM_RESET, 503, UPSTREAM_ERROR, _CIRCLE)]
    return ingress.at_gateway(world, pod, port, passage, deliver=partial(arrive, world), trail=trail)
