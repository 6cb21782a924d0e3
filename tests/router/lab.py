"""A small mesh for the tables of cases, and the few words in which a row says what is given, asked and expected.

Three namespaces: `shop`, where everything lives unless a name says otherwise, `bank`, and the root `istio-system` with
the two gateways. `plain` is a client without a sidecar, `internet` one that dials the ingress gateway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import yaml

from conformance.language.kubernetes import Addresses, Kubernetes, kubernetes
from conformance.language.objects import KINDS, typed
from conformance.router.mesh_config import MeshConfig
from conformance.router.objects.kubernetes import Behaviour, Pod, Secret, Service
from conformance.router.predict import predict
from conformance.router.prediction import Outcome, Prediction, Sight
from conformance.router.request import Certificate, Handshake, Request, Scheme, Token
from conformance.router.versions import Version
from conformance.router.world import World, build

SHOP = "shop"
INGRESS = "istio-ingressgateway.istio-system"
EGRESS = "istio-egressgateway.istio-system"


def workload(
    name: str, *, ports: str, app: str = "", version: str = "v1", namespace: str = SHOP, **more: Any
) -> dict[str, Any]:
    """A Deployment of our own workload with one pod. `more`: labels, replicas, account."""
    labels = {"app": app or name, "version": version, **more.get("labels", {})}
    container = {"name": "app", "image": "conformance/workload:dev", "env": [{"name": "PORTS", "value": ports}]}
    spec = {"containers": [container], "serviceAccountName": more.get("account", app or name)}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": more.get("replicas", 1),
            "template": {"metadata": {"labels": labels, "annotations": more.get("annotations", {})}, "spec": spec},
        },
    }


def service(name: str, *ports: str, namespace: str = SHOP, **more: Any) -> dict[str, Any]:
    """A Service; each port is written name:number or name:number:target."""
    made = []
    for port in ports:
        label, number, *target = port.split(":")
        made.append({"name": label, "port": int(number), "targetPort": int(target[0]) if target else int(number)})
    spec = {"selector": {"app": name}, "ports": made, **more}
    return {"kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def gateway(name: str, role: str, *ports: str) -> list[dict[str, Any]]:
    labels = {"app": name, "istio": role}
    container = {"name": "istio-proxy", "args": ["proxy", "router"]}
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "istio-system"},
        "spec": {
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "serviceAccountName": name},
            }
        },
    }
    return [deployment, service(name, *ports, namespace="istio-system", selector=labels)]


BASE: Sequence[dict[str, Any]] = (
    workload("client", ports=""),
    workload("teller", ports="", namespace="bank"),
    service("reviews", "http:9080", "http-admin:9081"),
    workload("reviews-v1", app="reviews", ports="9080,9081"),
    workload("reviews-v2", app="reviews", version="v2", ports="9080,9081"),
    service("ratings", "http:80:8080"),
    workload("ratings", ports="8080"),
    service("stock", "tcp:7000", "https:443:8443", "web:7070", "mongo-db:27017"),
    workload("stock", ports="7000,8443,7070,27017"),
    service("queue", "tcp:7000"),
    workload("queue", ports="7000"),
    service("vault", "tls:443:8443"),
    workload("vault", ports="8443+tls"),
    service("pods", "http:8000", "tcp:8001", clusterIP="None"),
    workload("pods", ports="8000,8001", replicas=2),
    service("bare", "http:80:8080"),
    workload("bare", ports="8080", labels={"sidecar.istio.io/inject": "false"}),
    service("empty", "http:80"),
    service("accounts", "http:80:8080", namespace="bank"),
    workload("accounts", ports="8080", namespace="bank"),
    workload("plain", ports="", namespace="outside"),
    service("site", "http:80:8080", "https:443:8443", namespace="outside"),
    workload("site", ports="8080,8443+tls", namespace="outside"),
    *gateway("istio-ingressgateway", "ingressgateway", "http2:80:8080", "https:443:8443", "tcp:31400"),
    *gateway("istio-egressgateway", "egressgateway", "http2:80:8080", "https:443:8443"),
)
OUTSIDE_NAMES = ("site.example", "other.example", "*.wild.example")
"""Hosts of the outside world; all lead to the Service `site`, which exportTo hides from the mesh."""


def objects(given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows `Kind [namespace/]name: spec` as manifests, the first the oldest unless `metadata.age` says otherwise.

    `workload` and `service` in lower case are made by the functions of that name, from their arguments.
    """
    made = []
    for row in given:
        ((title, spec),) = row.items()
        kind, _, name = title.partition(" ")
        namespace, _, name = name.rpartition("/")
        if kind in _MADE:
            made.append(_MADE[kind](name, spec, namespace or SHOP))
            continue
        metadata: dict[str, Any] = {"name": name, "namespace": namespace or SHOP}
        if isinstance(spec, dict) and "metadata" in spec:
            spec = {**spec}
            metadata |= spec.pop("metadata")
        manifest = {"apiVersion": _version(kind), "kind": kind, "metadata": metadata}
        made.append({**manifest, **spec} if kind in _WHOLE else {**manifest, "spec": spec})
    return made


_MADE: Mapping[str, Callable[[str, dict[str, Any], str], dict[str, Any]]] = {
    "workload": lambda name, spec, namespace: workload(name, namespace=namespace, **spec),
    "service": lambda name, spec, namespace: service(
        name, *spec["ports"], namespace=namespace, **{key: value for key, value in spec.items() if key != "ports"}
    ),
}
_WHOLE = frozenset({"Secret", "Namespace", "Pod"})
_SECURITY = frozenset({"PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy"})


def _version(kind: str) -> str:
    if kind in _SECURITY:
        return "security.istio.io/v1"
    return "networking.istio.io/v1" if kind in KINDS else "v1"


_BEHAVIOUR = frozenset(field.name for field in fields(Behaviour))


def behaving(pod: Pod, facts: Mapping[str, Any]) -> Pod:
    """`facts` are fields of Behaviour, or of Pod; `certified` the names in the certificate of its TLS ports."""
    how = {key: value for key, value in facts.items() if key in _BEHAVIOUR}
    rest = {key: value for key, value in facts.items() if key not in _BEHAVIOUR}
    if "certified" in rest:
        names = tuple(rest.pop("certified"))
        rest["tls_ports"] = {port: replace(server, names=names) for port, server in pod.tls_ports.items()}
    if "on_loopback" in rest:
        rest["on_loopback"] = frozenset(rest["on_loopback"])
    if "headers" in how:
        how["headers"] = tuple(how["headers"].items())
    return replace(pod, behaviour=Behaviour(**how), **rest)


def world(
    given: Iterable[Mapping[str, Any]] = (),
    *,
    version: str = "1.32",
    behaves: Mapping[str, Mapping[str, Any]] | None = None,
    **mesh: Any,
) -> World:
    """The base mesh with the given objects; `behaves` has facts by workload, `mesh` are fields of MeshConfig."""
    facts = behaves or {}
    if "key_sets" in mesh:
        mesh["key_sets"] = {name: frozenset(keys) for name, keys in mesh["key_sets"].items()}
    manifests = objects(given)
    hidden = {"networking.istio.io/exportTo": "~"}
    base = [
        {**each, "metadata": {**each["metadata"], "annotations": hidden}}
        if each["kind"] == "Service" and each["metadata"]["namespace"] == "outside"
        else each
        for each in BASE
    ]
    found: Kubernetes = kubernetes(
        [*base, *(each for each in manifests if each["kind"] not in KINDS)], SHOP, Addresses(), (SHOP, "bank")
    )
    site = next(each.cluster_ip for each in found.services if each.metadata.name == "site")
    names = {name: (str(site),) for name in OUTSIDE_NAMES}
    known = _addresses(found.services, found.pods)
    own = [json.loads(_addressed(json.dumps(each), known)) for each in manifests if each["kind"] in KINDS]
    ages = [each["metadata"].pop("age", place) for place, each in enumerate(own)]
    return build(
        [typed(each, age=age, where="", namespace=SHOP) for age, each in zip(ages, own, strict=True)],
        services=found.services,
        pods=[behaving(pod, facts.get(pod.workload, {})) for pod in found.pods],
        secrets=[_read(each, manifests) for each in found.secrets],
        mesh=MeshConfig(**{"names": names, **mesh}),
        version=Version.of(version),
    )


def _read(secret: Secret, manifests: Iterable[Mapping[str, Any]]) -> Secret:
    """With the authorities of its certificates: in rows the text of each is the name of its authority."""
    place = {"name": secret.metadata.name, "namespace": secret.metadata.namespace}
    values = next(each["stringData"] for each in manifests if each["kind"] == "Secret" and each["metadata"] == place)
    return replace(secret, authority=values.get("ca.crt") or values.get("cacert"), issuer=values.get("tls.crt"))


def _addresses(services: Iterable[Service], pods: Iterable[Pod]) -> dict[str, str]:
    """Of Services and of pods, by name."""
    virtual = {each.metadata.name: each.cluster_ip for each in services if each.cluster_ip not in (None, "None")}
    return {**{each.metadata.name: each.address for each in pods}, **{name: str(ip) for name, ip in virtual.items()}}


def _addressed(text: str, known: Mapping[str, str]) -> str:
    """With the address of every `<name>`."""
    return re.sub(r"<([\w-]+)>", lambda found: known[found[1]], text)


_ASK = re.compile(
    r"(?:(?P<method>[A-Za-z]+) )?(?P<url>\S+)(?: from (?P<client>\S+))?(?: as (?P<authority>\S+))?"
    r"(?: asking (?P<target>\S+))?(?: over (?P<http_version>\S+))?(?: named (?P<sni>\S+))?"
    r"(?: showing (?P<certificate>\S+))?(?: speaking (?P<oldest>1\.\d)-(?P<newest>1\.\d))?(?: with (?P<headers>.+))?"
)


def request(text: str, tokens: Mapping[str, Mapping[str, Any]] | None = None) -> Request:
    """The question of a row; the client is shop/client by default, `internet` dials the ingress gateway.

    `[METHOD ]URL[ from CLIENT][ as HOST-HEADER][ asking REQUEST-TARGET][ over HTTP-VERSION][ named SNI]
    [ showing AUTHORITY-OF-CLIENT-CERTIFICATE][ speaking OLDEST-NEWEST version of TLS][ with NAME=VALUE, …]`;
    `as -` sends no Host, `named -` no SNI; `<reviews>` is the address of that Service or pod. `tokens` are fields of
    Token by the text that stands in the request.
    """
    found = _ASK.fullmatch(text)
    assert found, f"cannot read {text!r}"
    parts = urlsplit(found["url"])
    scheme: Scheme = parts.scheme  # type: ignore[assignment]
    port = parts.port or {"http": 80, "https": 443}[scheme]
    client = found["client"] or "client"
    pairs = [pair.partition("=") for pair in (found["headers"] or "").split(", ") if pair]
    handshake = None
    if found["sni"] or found["certificate"] or found["newest"]:
        shown = Certificate(found["certificate"]) if found["certificate"] else None
        sni = None if found["sni"] == "-" else found["sni"] or parts.hostname
        newest, oldest = found["newest"] or "1.3", found["oldest"] or "1.0"
        handshake = Handshake(sni, shown, max_version=newest, min_version=oldest)  # type: ignore[arg-type]
    bearers = {raw: {**facts, "audiences": tuple(facts.get("audiences", ()))} for raw, facts in (tokens or {}).items()}
    homes = {"internet": "outside/plain", "plain": "outside/plain", "teller": "bank/teller"}
    return Request(
        client=homes.get(client, client if "/" in client else f"{SHOP}/{client}"),
        host=parts.hostname or "",
        port=port,
        scheme=scheme,
        method=found["method"] or "GET",
        path=found["target"] or (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=tuple((name, value) for name, _, value in pairs),
        authority="" if found["authority"] == "-" else found["authority"],
        dial=(INGRESS, port) if client == "internet" else None,
        http_version=found["http_version"] or "1.1",  # type: ignore[arg-type]
        handshake=handshake,
        tokens=tuple(Token(raw, **facts) for raw, facts in bearers.items()),
    )


def ask(
    given: Iterable[Mapping[str, Any]],
    text: str,
    *,
    tokens: Mapping[str, Mapping[str, Any]] | None = None,
    **settings: Any,
) -> Prediction:
    return put(world(given, **settings), text, tokens)


def put(mesh: World, text: str, tokens: Mapping[str, Mapping[str, Any]] | None = None) -> Prediction:
    """What a world answers to the question of a row."""
    return predict(mesh, request(_addressed(text, _addresses(mesh.kubernetes, mesh.pods.all)), tokens))


def spoken(outcome: Outcome) -> str:
    """An outcome in the words of the tables: a workload's name, or kind and status."""
    if (
        outcome.sight is not None
        and outcome.status in (None, 200)
        and outcome.kind.value in ("upstream", "passthrough")
    ):
        prefix = "passthrough " if outcome.kind.value == "passthrough" else ""
        return f"{prefix}{outcome.sight.workload}"
    return " ".join(part for part in (outcome.kind.value, str(outcome.status or "")) if part)


def shares(prediction: Prediction, name: Callable[[Outcome], str] = spoken) -> dict[str, Fraction]:
    """Chance by outcome."""
    found: dict[str, Fraction] = {}
    for outcome in prediction.outcomes:
        found[name(outcome)] = found.get(name(outcome), Fraction(0)) + outcome.probability
    return found


def duration(outcome: Outcome) -> str:
    return f"{outcome.at_least:g}"


def attempts(outcome: Outcome) -> str:
    """`2`, or `0-1`."""
    least, most = outcome.attempts
    return str(least) if least == most else f"{least}-{most}"


def mirrored(outcome: Outcome) -> dict[str, Fraction]:
    """Chance of a copy by workload, and by workload and Host (`ratings as ratings-shadow`)."""
    found: dict[str, Fraction] = {}
    for mirror in outcome.mirrors:
        for name in (mirror.sight.workload, f"{mirror.sight.workload} as {mirror.sight.host}"):
            found[name] = found.get(name, Fraction(0)) + mirror.probability
    return found


def seen(sight: Sight) -> dict[str, str | None]:
    """What a workload sees of a request, by the words of `sees`: fields, and names of headers."""
    removed = dict.fromkeys(sight.removed_headers)
    headers = {**removed, **dict(sight.added_headers), **dict(sight.set_headers)}
    words = ("method", "path", "host", "principal", "pod", "address")
    return {**headers, **{word: getattr(sight, word) for word in words}, "port": str(sight.port)}


def answered(outcome: Outcome) -> dict[str, str | None]:
    """What the client gets, by the words of `answers`: body, upstream-time, and names of headers."""
    removed = dict.fromkeys(outcome.response_removed)
    headers = {**removed, **dict(outcome.response_added), **dict(outcome.response_set)}
    times = {None: None, True: "yes", False: "no"}
    return {**headers, "body": outcome.body, "upstream-time": times[outcome.upstream_time]}


def rows(path: Any) -> list[dict[str, Any]]:
    """The cases of one file."""
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text())
    return found
