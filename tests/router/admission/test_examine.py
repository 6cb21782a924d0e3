"""What holds for all kinds: order, annotations, types that stand in many places, absent parts."""

from __future__ import annotations

import pytest

from conformance.router.admission import examine
from conformance.router.admission.remark import Remark, api_name
from conformance.router.objects.gateway import Gateway, GatewaySpec, Port, Server
from conformance.router.objects.metadata import Metadata
from conformance.router.objects.service_entry import ServiceEntry, ServiceEntrySpec, ServicePort
from conformance.router.objects.sidecar import IngressListener, Sidecar, SidecarSpec
from tests.router.admission.rows import Row, check, http, parameters, policy, remarks, rule

WHERE = Metadata("it", "shop")

ANNOTATIONS = [
    Row(
        "a dry run of a VirtualService is refused",
        "VirtualService",
        http("timeout: 1s"),
        "metadata.annotations[istio.io/dry-run]",
        "shop/it has unsupported annotation istio.io/dry-run, please remove the annotation",
        metadata="annotations: {istio.io/dry-run: 'true'}",
    ),
    Row(
        "a dry run of a policy that neither allows nor denies is refused",
        "AuthorizationPolicy",
        "action: AUDIT\nrules: [{}]",
        "metadata.annotations[istio.io/dry-run]",
        "the annotation istio.io/dry-run currently only supports action ALLOW/DENY, found action AUDIT in shop/it",
        metadata="annotations: {istio.io/dry-run: 'true'}",
    ),
    Row(
        "a dry run that is neither true nor false is refused",
        "AuthorizationPolicy",
        "action: DENY\nrules: [{}]",
        "metadata.annotations[istio.io/dry-run]",
        "shop/it has annotation istio.io/dry-run with invalid value (yes)",
        metadata="annotations: {istio.io/dry-run: 'yes'}",
    ),
]

NAMES = [
    Row(
        "a name in capitals is refused",
        "VirtualService",
        http("timeout: 1s"),
        "metadata.name",
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'",
        by="schema",
        metadata="name: IT",
    ),
]

NUMBERS = [
    rule(
        "a weight beyond 32 bits is refused",
        "route: [{destination: {host: a}, weight: 2147483648}]",
        "route[0].weight",
        "Checked value must be of type integer with format int32 in spec.http[0].route[0].weight",
        by="schema",
        accepted="route: [{destination: {host: a}, weight: 2147483647}]",
    ),
    rule(
        "a weight below 32 bits is refused",
        "route: [{destination: {host: a}, weight: -2147483649}]",
        "route[0].weight",
        "Checked value must be of type integer with format int32 in spec.http[0].route[0].weight",
        by="schema",
    ),
    rule(
        "the least weight of 32 bits is refused only for being negative",
        "route: [{destination: {host: a}, weight: -2147483648}]",
        "route[0].weight",
        "weight -2147483648 < 0",
    ),
    policy(
        "a negative number of probes is refused",
        "connectionPool: {tcp: {tcpKeepalive: {probes: -1}}}",
        "connectionPool.tcp.tcpKeepalive.probes",
        "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.probes in body should be greater than or equal to 0",
        by="schema",
    ),
    rule(
        "a port beyond 32 bits is refused by the schema",
        "match: [{port: 4294967296}]",
        "match[0].port",
        "should be less than or equal to 4294967295",
        by="schema",
    ),
]

ROWS = [*ANNOTATIONS, *NAMES, *NUMBERS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)


@pytest.mark.parametrize("action", ["", "action: ALLOW", "action: DENY"])
def test_a_dry_run_of_a_policy_is_stored(action: str) -> None:
    annotation = "annotations: {istio.io/dry-run: t}"
    assert not remarks(
        Row("", "AuthorizationPolicy", f"{action}\nrules: [{{}}]", "", "", metadata=annotation).manifest()
    )


@pytest.mark.parametrize(("length", "said"), [(253, 0), (254, 1)])
def test_a_name_may_have_253_characters(length: int, said: int) -> None:
    metadata = f"name: {'a' * length}"
    assert len(remarks(Row("", "VirtualService", http("timeout: 1s"), "", "", metadata=metadata).manifest())) == said


def test_everything_is_said_the_schema_first() -> None:
    """The API server would stop after the schema; a person mends all of it at once."""
    manifest = Row(
        "", "VirtualService", http("timeout: 0s\nretries: {attempts: -1}", gateways="[a_b]"), "", ""
    ).manifest()
    assert [(each.by, each.field) for each in remarks(manifest)] == [
        ("schema", "spec.http[0].timeout"),
        ("webhook", "spec.gateways[0]"),
        ("webhook", "spec.http[0].retries.attempts"),
    ]


def test_what_stands_in_the_schema_for_one_kind_is_said_first_too() -> None:
    spec = "hosts: [a_b.com]\nports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: b, protocol: HTTP}]"
    assert [(each.by, each.field) for each in remarks(Row("", "ServiceEntry", spec, "", "").manifest())] == [
        ("schema", "spec.ports"),
        ("webhook", "spec.hosts[0]"),
    ]


def test_the_same_object_gets_the_same_remarks() -> None:
    manifest = Row("", "VirtualService", "hosts: [a_b, a_b]\nexportTo: ['*', '~', '~']", "", "").manifest()
    assert remarks(manifest) == remarks(manifest)
    assert len(set(remarks(manifest))) == len(remarks(manifest)) == 6


def test_a_remark_reads_as_place_and_text() -> None:
    assert str(Remark("refused", "webhook", "spec.hosts[0]", "no")) == "spec.hosts[0]: no"


def test_what_is_absent_is_required_even_if_the_object_was_never_written() -> None:
    gateway = Gateway(WHERE, GatewaySpec((Server(hosts=("*",)), Server(Port(80), hosts=("*",)))))
    assert [each.field for each in examine(gateway) if each.text == "Required value"] == [
        "spec.servers[0].port",
        "spec.servers[1].port.protocol",
        "spec.servers[1].port.name",
    ]
    entry = ServiceEntry(WHERE, ServiceEntrySpec(("a.com",), ports=(ServicePort(protocol="HTTP"),)))
    assert [str(each) for each in examine(entry)] == [
        "spec.ports[0].number: Required value",
        "spec.ports[0].name: Required value",
    ]
    sidecar = Sidecar(WHERE, SidecarSpec(ingress=(IngressListener(),)))
    assert [str(each) for each in examine(sidecar)] == ["spec.ingress[0].port: Required value"]


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("host", "host"),
        ("from_", "from"),
        ("export_to", "exportTo"),
        ("consecutive_5xx_errors", "consecutive5xxErrors"),
        ("http1_max_pending_requests", "http1MaxPendingRequests"),
        ("http2_max_requests", "http2MaxRequests"),
        ("h2_upgrade_policy", "h2UpgradePolicy"),
        ("ca_crl", "caCrl"),
        ("use_source_ip", "useSourceIp"),
    ],
)
def test_attributes_have_their_names_of_the_api(attribute: str, name: str) -> None:
    assert api_name(attribute) == name
