"""Worlds for the reference router, made of the same manifests that are applied to a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import yaml

from conformance.judgement.calls import CALL_HEADERS
from conformance.language.behaviours import Behaviour
from conformance.language.certificates import CertificateOf
from conformance.language.kubernetes import Addresses, Kubernetes, kubernetes
from conformance.language.load import Loaded
from conformance.language.models import Case, Sender, Stage
from conformance.language.objects import KINDS, typed
from conformance.mesh.applications import INGRESS, INTERNET, MANIFESTS, OUTSIDE, read
from conformance.predictions.certificates import NOTHING, Certified, certified, handshake_of
from conformance.router.mesh_config import MeshConfig
from conformance.router.objects import AnyObject
from conformance.router.objects.kubernetes import Behaviour as Facts
from conformance.router.objects.kubernetes import Pod
from conformance.router.request import Request, Scheme, Token
from conformance.router.request_authentication import KeySets
from conformance.router.versions import Version
from conformance.router.world import World, build

ROOT = "istio-system"

Object = Mapping[str, Any]


def scenario_world(
    loaded: Loaded,
    stage: Stage,
    version: Version | None = None,
    *,
    has_istio_proxy: bool = True,
    key_sets: KeySets | None = None,
    behaviours: Sequence[Behaviour] = (),
) -> World:
    """The state of the mesh while the requests of one stage are sent, as its workloads behave."""
    scenario = loaded.scenario
    addresses = Addresses()
    found = foundation(addresses)
    # Every run begins with bookinfo in `default`; a scenario may bring its application to another namespace.
    own = [(application, scenario.namespace) for application in scenario.applications]
    for application, namespace in dict.fromkeys((("bookinfo", "default"), *own)):
        objects = [*read(application), *read("clients")]
        found = found.with_more(kubernetes(objects, namespace, addresses, injected=[namespace]))
    found = found.with_more(kubernetes(_plain(stage.config), scenario.namespace, addresses))
    configured = typed_objects([*read("sentinel"), *stage.config], scenario.namespace, loaded.source.path)
    secrets = certified(scenario.certificates, stage.secrets, scenario.namespace)
    found = replace(found, pods=behaving(found.pods, behaviours, scenario.namespace))
    return world_of(configured, found, version, has_istio_proxy=has_istio_proxy, certified=secrets, key_sets=key_sets)


def behaving(pods: Sequence[Pod], behaviours: Iterable[Behaviour], namespace: str) -> tuple[Pod, ...]:
    """The pods with what is told of them; of several behaviours of one pod the last counts."""
    behaved = {id(pod): pod for pod in pods}
    for each in behaviours:
        for home in (namespace, OUTSIDE):
            named = [pod for pod in pods if (pod.metadata.namespace, pod.workload) == (home, each.workload)]
            if each.replica is not None:
                named = named[each.replica : each.replica + 1]
            for pod in named:
                how = Facts(status=each.status or 200, seconds=each.seconds or 0.0, resets=bool(each.resets))
                behaved[id(pod)] = replace(pod, behaviour=how)
            if named:
                break
    return tuple(behaved.values())


PLAIN = frozenset({"Service", "Deployment", "Pod", "Secret", "Namespace"})
MODELLED = frozenset(KINDS) | PLAIN
"""The kinds that the router understands."""


def _plain(config: Iterable[Object]) -> list[Object]:
    return [each for each in config if each["kind"] in PLAIN]


def typed_objects(manifests: Iterable[Object], namespace: str, where: str) -> list[AnyObject]:
    """Those of Istio, in the order of their age."""
    return [
        typed(each, age=age, where=where, namespace=namespace)
        for age, each in enumerate(manifests)
        if each["kind"] in KINDS
    ]


def world_of(
    objects: Iterable[AnyObject],
    found: Kubernetes,
    version: Version | None = None,
    *,
    has_istio_proxy: bool = True,
    certified: Certified = NOTHING,
    key_sets: KeySets | None = None,
) -> World:
    """A world in which the names of the outside lead to its servers, where these are there."""
    by_host = {f"{each.metadata.name}.{each.metadata.namespace}": each.cluster_ip for each in found.services}
    names = {name: (address,) for name, target in outside_names().items() if (address := by_host.get(target))}
    return build(
        objects,
        services=found.services,
        pods=found.pods,
        secrets=(*found.secrets, *certified.secrets),
        mesh=certified.known_to(MeshConfig(names=names, has_istio_proxy=has_istio_proxy, key_sets=key_sets or {})),
        version=version,
    )


@cache
def outside_names() -> Mapping[str, str]:
    """From a host of the outside world to the Service (name.namespace) that plays it: manifests/outside.coredns."""
    lines = (MANIFESTS / "outside.coredns").read_text().splitlines()
    words = (line.split() for line in lines if line.startswith("rewrite name exact"))
    return {each[3]: each[4].removesuffix(".svc.cluster.local") for each in words}


def foundation(addresses: Addresses) -> Kubernetes:
    """What every cluster of ours has: the outside world, the sentinel's Service, and Istio's gateways."""
    found = kubernetes([*read("outside"), *read("sentinel")], OUTSIDE, addresses)
    return found.with_more(kubernetes(_gateways(), ROOT, addresses))


@cache
def _gateways() -> tuple[Object, ...]:
    """Deployments and Services of the gateways as manifests/istio/values.yaml has them installed."""
    values = yaml.safe_load((MANIFESTS / "istio" / "values.yaml").read_text())["spec"]["values"]["gateways"]
    made: list[Object] = []
    for name, role in (("istio-ingressgateway", "ingressgateway"), ("istio-egressgateway", "egressgateway")):
        labels = {"app": name, "istio": role}
        ports = values[name].get("ports") or _EGRESS_PORTS
        container = {"name": "istio-proxy", "args": ["proxy", "router"]}
        spec = {"containers": [container], "serviceAccountName": f"{name}-service-account"}
        template = {"metadata": {"labels": labels}, "spec": spec}
        made.append({"kind": "Deployment", "metadata": {"name": name}, "spec": {"template": template}})
        made.append({"kind": "Service", "metadata": {"name": name}, "spec": {"selector": labels, "ports": ports}})
    return tuple(made)


_EGRESS_PORTS = ({"name": "http2", "port": 80, "targetPort": 8080}, {"name": "https", "port": 443, "targetPort": 8443})
"""The chart's own, which values.yaml leaves alone."""


def request_of(
    case: Sender,
    namespace: str,
    certificates: Mapping[str, CertificateOf] | None = None,
    tokens: tuple[Token, ...] = (),
) -> Request:
    """A case's request as the router sees it; `tokens` describes those that are in it."""
    parts = urlsplit(case.request.url)
    schemes: Mapping[str, Scheme] = {"https": "https", "tcp": "tcp"}
    scheme = schemes.get(parts.scheme, "http")
    port = parts.port or (443 if scheme == "https" else 80)
    is_call = case.request.protocol == "grpc"
    headers = (*case.request.headers.items(), *(CALL_HEADERS if is_call else ()))
    hosts = [value for name, value in headers if name.lower() == "host"]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    home = OUTSIDE if case.client in (OUTSIDE, INTERNET) else namespace
    return Request(
        client=f"{home}/{case.client}",
        host=parts.hostname or "",
        port=port,
        scheme=scheme,
        method=case.request.method,
        path=path,
        headers=tuple(pair for pair in headers if pair[0].lower() != "host"),
        authority=hosts[-1] if hosts else parts.netloc,
        http_version="2" if is_call else case.request.http,
        dial=(INGRESS, port) if case.client == INTERNET else None,
        handshake=handshake_of(case.request.tls, parts.hostname or "", certificates) if scheme == "https" else None,
        tokens=tokens,
        at_once=case.times if isinstance(case, Case) and case.at_once else 1,
    )
