"""A manifest becomes the router's type, or is refused as the API server would."""

from __future__ import annotations

import dataclasses
import time
import typing
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any

import pytest
import yaml

from conformance.language.objects import KINDS, Untyped, typed
from conformance.router.objects import destination_rule, gateway, security, service_entry, sidecar
from conformance.router.objects import virtual_service as virtual
from conformance.router.objects.metadata import Metadata, PortSelector
from conformance.router.objects.virtual_service import VirtualService

VIRTUAL_SERVICE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, labels: {a: b}, annotations: {c: d}, creationTimestamp: null, managedFields: [{}]}
spec:
  hosts: [reviews]
  http:
  - match: [{headers: {end-user: {exact: jason}, gone: null}}]
    route: [{destination: {host: reviews, port: {number: 80}}, weight: 1}]
    timeout: null
    mirrorPercentage: {value: 5}
status: {}
"""


def made(kind: str, spec: str, version: str = "") -> Any:
    version = version or KINDS[kind][0]
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "it"}, "spec": yaml.safe_load(spec)}
    return typed(manifest, age=0, where="")


def faults(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(Untyped) as caught:
        typed(manifest, age=0, where="file.yaml:1")
    return [(fault.field, fault.text) for fault in caught.value.faults]


def spec_faults(kind: str, spec: str) -> list[tuple[str, str]]:
    metadata = {"name": "it"}
    return faults({"apiVersion": KINDS[kind][0], "kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)})


def test_a_manifest_becomes_an_object() -> None:
    object_ = typed(yaml.safe_load(VIRTUAL_SERVICE), age=7, where="file.yaml:2", namespace="shop")
    assert isinstance(object_, VirtualService)
    assert object_.metadata == Metadata("reviews", "shop", {"a": "b"}, {"c": "d"}, 7, "file.yaml:2")
    rule = object_.spec.http[0]
    assert rule.match[0].headers == {"end-user": virtual.StringMatch(exact="jason")}
    assert rule.route == (virtual.HTTPRouteDestination(virtual.Destination("reviews", port=PortSelector(80)), 1),)
    assert rule.timeout is None
    assert rule.mirror_percentage == virtual.Percent(5.0)


def test_the_namespace_of_the_manifest_goes_before_the_given_one() -> None:
    manifest = yaml.safe_load(VIRTUAL_SERVICE)
    manifest["metadata"]["namespace"] = "bank"
    assert typed(manifest, age=0, where="", namespace="shop").metadata.namespace == "bank"
    del manifest["metadata"]["namespace"]
    assert typed(manifest, age=0, where="").metadata.namespace == "default"


@pytest.mark.parametrize(("kind", "version"), [(kind, version) for kind in KINDS for version in KINDS[kind]])
def test_every_kind_is_read_in_every_version_that_is_served(kind: str, version: str) -> None:
    spec = {"DestinationRule": "host: a", "ServiceEntry": "hosts: [a]"}.get(kind, "{}")
    assert type(made(kind, spec, version)).__name__ == kind


def test_a_port_may_be_a_key() -> None:
    assert made("PeerAuthentication", "portLevelMtls: {'80': {mode: STRICT}}").spec.port_level_mtls == {
        80: security.MutualTLS("STRICT")
    }


def test_words_of_python_have_their_names_of_the_api() -> None:
    policy = made("AuthorizationPolicy", "rules: [{from: [{source: {namespaces: [a]}}]}]")
    assert policy.spec.rules[0].from_[0].source.namespaces == ("a",)
    rule = "{from: a, to: {b: 100}}"
    spec = f"host: a\ntrafficPolicy: {{loadBalancer: {{localityLbSetting: {{distribute: [{rule}]}}}}}}"
    setting = made("DestinationRule", spec).spec.traffic_policy.load_balancer.locality_lb_setting
    assert setting.distribute == (destination_rule.Distribute("a", {"b": 100}),)


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("VirtualService", "x: 1", [("spec.x", 'unknown field "spec.x"')]),
        (
            "VirtualService",
            "{hosts: [a], http: [{match: [{headers: {a.b: {exact: x, like: y}}}]}]}",
            [("spec.http[0].match[0].headers[a.b].like", 'unknown field "spec.http[0].match[0].headers.a.b.like"')],
        ),
        (
            "VirtualService",
            "http: [{route: [{weight: 5}, {destination: {}}]}]",
            [
                ("spec.http[0].route[0].destination", "Required value"),
                ("spec.http[0].route[1].destination.host", "Required value"),
            ],
        ),
        (
            "VirtualService",
            "http: [{route: [{destination: {host: a}, weight: '5'}]}]",
            [
                (
                    "spec.http[0].route[0].weight",
                    'spec.http[0].route[0].weight in body must be of type integer: "string"',
                )
            ],
        ),
        (
            "VirtualService",
            "http: [{retries: {attempts: 1.5}}]",
            [
                (
                    "spec.http[0].retries.attempts",
                    'spec.http[0].retries.attempts in body must be of type integer: "number"',
                )
            ],
        ),
        (
            "VirtualService",
            "http: [{match: [{ignoreUriCase: 'true'}], mirrorPercentage: {value: '5'}}, null]",
            [
                (
                    "spec.http[0].match[0].ignoreUriCase",
                    'spec.http[0].match[0].ignoreUriCase in body must be of type boolean: "string"',
                ),
                (
                    "spec.http[0].mirrorPercentage.value",
                    'spec.http[0].mirrorPercentage.value in body must be of type number: "string"',
                ),
                ("spec.http[1]", 'spec.http[1] in body must be of type object: "null"'),
            ],
        ),
        ("VirtualService", "{hosts: reviews}", [("spec.hosts", 'spec.hosts in body must be of type array: "string"')]),
        ("VirtualService", "[]", [("spec", 'spec in body must be of type object: "array"')]),
        (
            "VirtualService",
            "http: [{match: [{headers: []}]}]",
            [
                (
                    "spec.http[0].match[0].headers",
                    'spec.http[0].match[0].headers in body must be of type object: "array"',
                )
            ],
        ),
        (
            "VirtualService",
            "{hosts: [a], tls: [{match: [{}]}, {}], http: [{mirrors: [{}]}]}",
            [
                ("spec.http[0].mirrors[0].destination", "Required value"),
                ("spec.tls[0].match[0].sniHosts", "Required value"),
                ("spec.tls[1].match", "Required value"),
            ],
        ),
        (
            "Gateway",
            "servers: [{hosts: ['*']}, {port: {name: a}, hosts: []}]",
            [
                ("spec.servers[0].port", "Required value"),
                ("spec.servers[1].port.number", "Required value"),
                ("spec.servers[1].port.protocol", "Required value"),
            ],
        ),
        ("DestinationRule", "{}", [("spec.host", "Required value")]),
        (
            "DestinationRule",
            "{host: a, workloadSelector: {labels: {a: b}}}",
            [("spec.workloadSelector.labels", 'unknown field "spec.workloadSelector.labels"')],
        ),
        (
            "DestinationRule",
            "{host: a, trafficPolicy: {portLevelSettings: [{loadBalancer: {consistentHash: {httpCookie: {}}}}]}}",
            [
                (
                    "spec.trafficPolicy.portLevelSettings[0].loadBalancer.consistentHash.httpCookie.name",
                    "Required value",
                )
            ],
        ),
        ("PeerAuthentication", "portLevelMtls: {http: {}}", [("spec.portLevelMtls", "port must be between 1-65535")]),
        ("AuthorizationPolicy", "rules: [{when: [{values: [a]}]}]", [("spec.rules[0].when[0].key", "Required value")]),
    ],
)
def test_what_does_not_fit_is_refused_as_by_the_api_server(
    kind: str, spec: str, expected: list[tuple[str, str]]
) -> None:
    assert spec_faults(kind, spec) == expected


def test_what_istio_has_and_the_router_has_not_is_told_from_a_mistake() -> None:
    ((field, text),) = spec_faults(
        "DestinationRule", "{host: a, trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {}}}}"
    )
    assert field == "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting"
    assert "not modelled" in text


@pytest.mark.parametrize(
    ("kind", "version", "hint"),
    [
        ("RouteRule", "config.istio.io/v1alpha2", "VirtualService"),
        ("DestinationPolicy", "config.istio.io/v1alpha2", "DestinationRule"),
        ("EgressRule", "config.istio.io/v1alpha2", "ServiceEntry"),
        ("Policy", "authentication.istio.io/v1alpha1", "RequestAuthentication"),
        ("MeshPolicy", "authentication.istio.io/v1alpha1", "PeerAuthentication in the root namespace"),
        ("VirtualService", "networking.istio.io/v2", "write networking.istio.io/v1"),
        ("PeerAuthentication", "networking.istio.io/v1", "write security.istio.io/v1"),
        ("Frobnicator", "x.io/v1", "known are VirtualService"),
    ],
)
def test_a_kind_that_is_not_served_has_no_match(kind: str, version: str, hint: str) -> None:
    with pytest.raises(Untyped) as caught:
        typed({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}}, age=0, where="file.yaml:3")
    (fault,) = caught.value.faults
    assert fault.text == f'no matches for kind "{kind}" in version "{version}"'
    assert hint in fault.hint
    assert str(caught.value) == f"file.yaml:3: {fault.text}"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ("metadata.name", "Required value")),
        ({"name": ""}, ("metadata.name", "Required value")),
        ({"name": 5}, ("metadata.name", 'metadata.name in body must be of type string: "integer"')),
        (
            {"name": "a", "labels": {"x": 1}},
            ("metadata.labels.x", 'metadata.labels.x in body must be of type string: "integer"'),
        ),
        ([], ("metadata", 'metadata in body must be of type object: "array"')),
    ],
)
def test_metadata_is_checked_too(metadata: object, expected: tuple[str, str]) -> None:
    version = KINDS["Gateway"][0]
    assert faults({"apiVersion": version, "kind": "Gateway", "metadata": metadata}) == [expected]


def test_an_unknown_key_beside_spec_is_refused() -> None:
    manifest = {"apiVersion": KINDS["Gateway"][0], "kind": "Gateway", "metadata": {"name": "a"}, "sepc": {}}
    assert faults(manifest) == [("sepc", 'unknown field "sepc"')]


def test_what_cannot_be_written_as_json_is_refused() -> None:
    ((field, text),) = spec_faults("VirtualService", 'hosts: ["\\ud800"]')
    assert field == ""
    assert text.startswith("the object is invalid: Invalid JSON")


def test_a_date_is_a_string() -> None:
    assert made("VirtualService", "{hosts: [a], exportTo: [2026-11-21]}").spec.export_to == ("2026-11-21",)


@pytest.mark.parametrize("kind", ["ServiceEntry", "WorkloadEntry"])
def test_some_kinds_must_have_a_spec(kind: str) -> None:
    assert faults({"apiVersion": KINDS[kind][0], "kind": kind, "metadata": {"name": "a"}}) == [
        ("spec", "Required value")
    ]


API = {
    "VirtualService": virtual.VirtualServiceSpec,
    "Gateway": gateway.GatewaySpec,
    "DestinationRule": destination_rule.DestinationRuleSpec,
    "ServiceEntry": service_entry.ServiceEntrySpec,
    "WorkloadEntry": service_entry.WorkloadEntrySpec,
    "Sidecar": sidecar.SidecarSpec,
    "PeerAuthentication": security.PeerAuthenticationSpec,
    "RequestAuthentication": security.RequestAuthenticationSpec,
    "AuthorizationPolicy": security.AuthorizationPolicySpec,
}


def written(declared: Any) -> Any:
    """A value with every field of a type, named by the API's rule, not by the code's."""
    if isinstance(declared, UnionType):
        return written(next(member for member in typing.get_args(declared) if member is not type(None)))
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin is tuple:
        return [written(arguments[0])]
    if origin is Mapping:
        return {"80": written(arguments[1])}
    if not dataclasses.is_dataclass(declared):
        return {str: "a", int: 1, float: 1.5, bool: True}[declared]
    hints = typing.get_type_hints(declared)
    return {camel(name): written(hint) for name, hint in hints.items()}


def camel(name: str) -> str:
    """The JSON name that protobuf gives a field: what follows an underscore is a capital, the underscore goes."""
    letters = iter(name.rstrip("_"))
    return "".join(next(letters).upper() if letter == "_" else letter for letter in letters)


def empty(value: Any, place: str = "") -> Iterator[str]:
    """Where an object that was written in full has nothing."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from empty(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, tuple):
        yield from (found for member in value for found in empty(member, f"{place}[]"))
    if value in (None, (), {}, ""):
        yield place


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_its_name_of_the_api(kind: str) -> None:
    metadata = {"name": "a"}
    spec = written(API[kind])
    object_ = typed({"apiVersion": KINDS[kind][0], "kind": kind, "metadata": metadata, "spec": spec}, age=0, where="")
    assert not list(empty(object_.spec))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("DestinationRule", "trafficPolicy.outlierDetection.consecutive5xxErrors"),
        ("DestinationRule", "trafficPolicy.connectionPool.http.http1MaxPendingRequests"),
        ("DestinationRule", "trafficPolicy.connectionPool.http.http2MaxRequests"),
        ("DestinationRule", "trafficPolicy.connectionPool.http.h2UpgradePolicy"),
        ("DestinationRule", "trafficPolicy.loadBalancer.consistentHash.useSourceIp"),
        ("DestinationRule", "trafficPolicy.loadBalancer.localityLbSetting"),
        ("DestinationRule", "trafficPolicy.loadBalancer.warmupDurationSecs"),
        ("DestinationRule", "trafficPolicy.tls.caCrl"),
        ("VirtualService", "http.0.fault.abort.http2Error"),
        ("VirtualService", "http.0.rewrite.uriRegexRewrite"),
        ("Gateway", "servers.0.tls.verifyCertificateSpki"),
        ("Gateway", "servers.0.tls.caCertCredentialName"),
        ("RequestAuthentication", "jwtRules.0.jwksUri"),
        ("AuthorizationPolicy", "rules.0.from.0.source.remoteIpBlocks"),
        ("PeerAuthentication", "portLevelMtls"),
    ],
)
def test_names_with_digits_and_initials_are_those_of_the_reference(kind: str, path: str) -> None:
    """The API's own spelling, by hand, so that `camel` above is checked as well."""
    value = written(API[kind])
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else value[step]


def test_three_thousand_objects_take_less_than_a_second() -> None:
    """The goal is 0.2 s on a machine that does nothing else."""
    manifest = yaml.safe_load(VIRTUAL_SERVICE)
    del manifest["metadata"]["creationTimestamp"], manifest["spec"]["http"][0]["timeout"]
    typed(manifest, age=0, where="")
    begun = time.process_time()
    for age in range(3000):
        typed(manifest, age=age, where="")
    assert time.process_time() - begun < 1
