"""The router's voice: a world made of what is really on the cluster, and what the router says of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from cluster.api import Api, Object
from conformance.differential.arena import ROOT
from conformance.differential.arenas import AUTHORITY, MUTUAL_SECRET
from conformance.differential.perform import Performed
from conformance.language.kubernetes import Addresses, Kubernetes, live_pod, secret, service
from conformance.language.objects import KINDS, typed
from conformance.mesh.workloads import Workloads
from conformance.predictions.worlds import outside_names
from conformance.router.admission import examine
from conformance.router.mesh_config import MeshConfig
from conformance.router.objects import AnyObject
from conformance.router.predict import predict
from conformance.router.prediction import Prediction
from conformance.router.request import Request
from conformance.router.versions import Version
from conformance.router.world import World, build


@dataclass(frozen=True)
class Surroundings:
    """What does not change from one configuration to the next."""

    found: Kubernetes
    mesh: MeshConfig
    version: Version

    def world(self, performed: Performed) -> World:
        """With every Istio object that was on the mesh when the requests were sent, each with its real age."""
        manifests = [*performed.applied, *performed.around]
        return build(
            [as_typed(each) for each in manifests if each["kind"] in KINDS],
            services=self.found.services,
            pods=self.found.pods,
            secrets=self.found.secrets,
            mesh=dataclasses.replace(self.mesh, key_sets=_key_sets(manifests)),
            version=self.version,
        )


def surroundings(api: Api, version: str, *, has_istio_proxy: bool) -> Surroundings:
    """Read from the cluster."""
    # None is made up: what is on a cluster has addresses.
    addresses = Addresses()
    services = [service(each, _place(each), age_of(each), addresses) for each in api.items("v1", "Service")]
    workloads, pods = Workloads(api), []
    for space in sorted({_place(each) for each in api.items("v1", "Pod")}):
        owners = {pod.name: pod.workload for pod in workloads.pods(space)}
        documents = {each["metadata"]["name"]: each for each in api.items("v1", "Pod", space)}
        pods += [live_pod(documents[name], workload) for name, workload in owners.items()]
    secrets = [secret(each, _place(each), age_of(each)) for each in api.items("v1", "Secret", ROOT)]
    secrets = [
        dataclasses.replace(each, authority=AUTHORITY) if each.metadata.name == MUTUAL_SECRET else each
        for each in secrets
    ]
    known = {f"{each.metadata.name}.{each.metadata.namespace}": each.cluster_ip for each in services}
    names = {name: (address,) for name, target in outside_names().items() if (address := known.get(target))}
    found = Kubernetes(tuple(services), tuple(pods), tuple(secrets))
    return Surroundings(found, MeshConfig(names=names, has_istio_proxy=has_istio_proxy), Version.of(version))


def _place(each: Object) -> str:
    place: str = each["metadata"]["namespace"]
    return place


def age_of(each: Object) -> int:
    """Whole seconds, as the API server counts them."""
    return int(datetime.fromisoformat(each["metadata"]["creationTimestamp"]).timestamp())


def as_typed(each: Object) -> AnyObject:
    return typed(each, age=age_of(each), where="")


def _key_sets(manifests: Iterable[Object]) -> Mapping[str, frozenset[str]]:
    """Inline key sets by their text: the ids of their keys."""
    rules = (
        rule
        for each in manifests
        if each["kind"] == "RequestAuthentication"
        for rule in each["spec"].get("jwtRules") or ()
    )
    texts = {rule["jwks"] for rule in rules if rule.get("jwks")}
    return {text: frozenset(key.get("kid", "") for key in json.loads(text)["keys"]) for text in texts}


# --- what it says -----------------------------------------------------------------------------------------------------


def admission(manifest: Object, version: Version) -> str | None:
    """Why the router thinks that the API server refuses an object; None if it thinks it does not."""
    try:
        given = typed(manifest, age=0, where="")
    except ValidationError as error:
        return f"does not have its type: {error}"
    refusals = [str(remark) for remark in examine(given, version) if remark.severity == "refused"]
    return "; ".join(refusals) or None


def predicted(world: World, request: Request) -> Prediction | Exception:
    """An exception is the router's own fault, and a disagreement like any other."""
    try:
        return predict(world, request)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is reported with the configuration that caused it
        return fault
