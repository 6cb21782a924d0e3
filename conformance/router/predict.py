"""From a world and a request to everything that may happen (specification, section 26)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import partial

from conformance.router.arrivals import arrive
from conformance.router.objects.kubernetes import Pod
from conformance.router.outbound import leave
from conformance.router.passage import Passage, failed
from conformance.router.prediction import Kind, Outcome, Prediction
from conformance.router.proxies import proxy_of
from conformance.router.request import Request
from conformance.router.trace import Step
from conformance.router.world import World


class UnknownClient(ValueError):  # noqa: N818 - it says what the client is
    """The request comes from nobody in the world."""


def predict(world: World, request: Request) -> Prediction:
    """What real Istio does with a request. Raises UnknownClient."""
    pod = client_of(world, request.client)
    trail: list[Step] = []
    name, port = request.dial or (request.host, request.port)
    addresses = world.addresses_of(name, pod.metadata.namespace)
    if not addresses:
        trail.append(Step("name", f"{name} does not exist"))
        return Prediction((failed(Kind.DNS_FAILURE, f"DNS knows no {name}"),), tuple(trail))
    passage = Passage(
        request=request,
        source=pod.address,
        tls=request.sent_handshake() if request.scheme in ("https", "tls") else None,
    )
    outcomes: list[Outcome] = []
    for address in addresses:
        found = _sent(world, pod, (address, port), passage, trail)
        outcomes += found if len(addresses) == 1 else [each.times(Fraction(1, len(addresses))) for each in found]
    return Prediction(tuple(outcomes), tuple(trail))


def client_of(world: World, client: str) -> Pod:
    """The pod that sends for namespace/name: the first of a workload, or of an `app`."""
    clients = _clients(world)
    found = clients.get(client)
    if found is None:
        raise UnknownClient(f"there is no workload {client}; {_nearest(clients)}")
    return found


def _clients(world: World) -> Mapping[str, Pod]:
    found = world.derived.get("clients")
    if found is None:
        clients: dict[str, Pod] = {}
        for pod in world.pods.all:
            for name in (pod.workload, pod.metadata.labels.get("app", pod.workload)):
                clients.setdefault(f"{pod.metadata.namespace}/{name}", pod)
        found = world.derived["clients"] = clients
    return found  # type: ignore[return-value]


def _nearest(clients: Iterable[str]) -> str:
    return f"known are {', '.join(sorted(clients)[:20])}" if clients else "the world has no workloads"


def _sent(world: World, pod: Pod, dialled: tuple[str, int], passage: Passage, trail: list[Step]) -> list[Outcome]:
    address, port = dialled
    if not pod.has_sidecar or port in pod.excluded_outbound:
        trail.append(Step("client", f"{pod.workload} has no sidecar: straight to {address}:{port}"))
        return arrive(world, address, port, passage, trail)
    return leave(proxy_of(world, pod), dialled, passage, partial(arrive, world), trail)
