"""ServiceEntries and WorkloadEntries (specification, section 24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.admission.rows import Row, check, parameters

HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]"
TCP = "ports: [{number: 3306, name: tcp, protocol: TCP}]"
TLS = "ports: [{number: 443, name: tls, protocol: TLS}]"
A = "name: a, protocol: HTTP"
B = "name: b, protocol: HTTP"


def entry(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"{{{accepted}}}"
    return Row(behaviour, "ServiceEntry", f"{{{spec}}}", field, text, accepted=neighbour, **more)


def workload(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"{{{accepted}}}"
    return Row(behaviour, "WorkloadEntry", f"{{{spec}}}", field, text, accepted=neighbour, **more)


HOSTS = [
    entry("an entry without hosts is refused", HTTP, "spec.hosts", "Required value", by="schema"),
    entry(
        "an entry with an empty list of hosts is refused",
        f"hosts: [], {HTTP}",
        "spec.hosts",
        "should have at least 1 items",
        by="schema",
        accepted=f"hosts: [a.com], {HTTP}, resolution: DNS",
    ),
    entry(
        "host * is refused",
        f"hosts: ['*'], {HTTP}",
        "spec.hosts[0]",
        "hostname cannot be wildcard",
        by="schema",
        accepted=f"hosts: ['*.a.com'], {HTTP}",
    ),
    entry(
        "a host with bad characters is refused",
        f"hosts: [a_b.com], {HTTP}",
        "spec.hosts[0]",
        'domain name "a_b.com" invalid',
        accepted=f"hosts: [a-b.com], {TLS}, resolution: DNS, addresses: [10.0.0.1]",
    ),
    entry(
        "a partial wildcard is stored with a warning",
        f"hosts: ['*a.com'], {HTTP}",
        "spec.hosts[0]",
        'partial wildcard "*a.com" not allowed',
        severity="warned",
    ),
    entry(
        "several hosts with a TCP port are refused",
        f"hosts: [a.com, b.com], {TCP}, resolution: DNS",
        "spec.hosts",
        "multiple hosts provided with non-HTTP, non-TLS ports",
        accepted=f"hosts: [a.com, b.com], {TLS}, resolution: DNS",
    ),
    entry(
        "several hosts with a TCP port and addresses are stored with a warning, if DNS is asked",
        f"hosts: [a.com, b.com], {TLS}, resolution: DNS, addresses: [10.0.0.1]",
        "spec.hosts",
        "service entry can not have more than one host specified simultaneously with address and tcp port",
        severity="warned",
        accepted=f"hosts: [a.com, b.com], {HTTP}, resolution: DNS, addresses: [10.0.0.1]",
    ),
    entry(
        "several hosts with a TCP port are refused whatever their number of addresses",
        f"hosts: [a.com, b.com], {TCP}, resolution: STATIC",
        "spec.hosts",
        "multiple hosts provided with non-HTTP, non-TLS ports",
        accepted=f"hosts: [a.com, b.com], {TCP}, addresses: [10.0.0.1]",  # without resolution, hosts do not matter
    ),
    entry(
        "exportTo ~ beside a namespace is refused",
        f"hosts: [a.com], {HTTP}, exportTo: ['~', bank]",
        "spec.exportTo",
        "cannot export service entry to no one (~) and someone",
        accepted=f"hosts: [a.com], {HTTP}, exportTo: ['~']",
    ),
    entry(
        "exportTo . beside the entry's own namespace is refused",
        f"hosts: [a.com], {HTTP}, exportTo: [shop, .]",
        "spec.exportTo[1]",
        "duplicate entries in exportTo: . and current namespace shop",
    ),
]

PORTS = [
    entry(
        "two ports of one number are refused",
        f"hosts: [a.com], ports: [{{number: 80, {A}}}, {{number: 80, {B}}}]",
        "spec.ports",
        "port number cannot be duplicated",
        by="schema",
        accepted=f"hosts: [a.com], ports: [{{number: 80, {A}}}, {{number: 81, {B}}}]",
    ),
    entry(
        "two ports of one name are refused",
        f"hosts: [a.com], ports: [{{number: 80, {A}}}, {{number: 81, {A}}}]",
        "spec.ports[1]",
        'Duplicate value: {"name":"a"}',
        by="schema",
    ),
    entry(
        "two ports of an empty name are refused for being two, too",
        "hosts: [a.com], ports: [{number: 80, name: '', protocol: HTTP}, {number: 81, name: '', protocol: HTTP}]",
        "spec.ports[1]",
        'Duplicate value: {"name":""}',
        by="schema",
    ),
    entry(
        "port 0 is refused",
        f"hosts: [a.com], ports: [{{number: 0, {A}}}, {{number: 1, {B}}}]",
        "spec.ports[0].number",
        "port must be between 1-65535",
        by="schema",
    ),
    entry(
        "a target port above 65535 is refused",
        "hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP, targetPort: 65536}]",
        "spec.ports[0].targetPort",
        "port must be between 1-65535",
        by="schema",
        accepted="hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP, targetPort: 8080}]",
    ),
    entry(
        "target port 0 is refused",
        "hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP, targetPort: 0}]",
        "spec.ports[0].targetPort",
        "port must be between 1-65535",
        by="schema",
    ),
    entry(
        "a port without a name is refused",
        "hosts: [a.com], ports: [{number: 80}]",
        "spec.ports[0].name",
        "Required value",
        by="schema",
    ),
    entry(
        "a port name with bad characters is refused",
        "hosts: [a.com], ports: [{number: 80, name: a_b, protocol: HTTP}]",
        "spec.ports[0].name",
        "invalid port name: a_b",
    ),
    entry(
        "an unknown protocol is refused",
        "hosts: [a.com], ports: [{number: 80, name: a, protocol: FOO}]",
        "spec.ports[0].protocol",
        "unsupported protocol: FOO",
        accepted="hosts: [a.com], ports: [{number: 80, name: a}], resolution: DNS",
    ),
    entry(
        "a TCP port without addresses is stored with a warning, where istiod gives none",
        f"hosts: [a.com], {TCP}",
        "spec.ports[0]",
        "addresses are required for ports serving TCP (or unset) protocol when IP Autoallocation is not enabled",
        severity="warned",
        accepted=f"hosts: [a.com], {TCP}, resolution: STATIC",
    ),
    entry(
        "a port of an empty protocol without addresses is stored with a warning, too",
        "hosts: [a.com], ports: [{number: 80, name: a, protocol: ''}]",
        "spec.ports[0]",
        "addresses are required for ports serving TCP (or unset) protocol when IP Autoallocation is not enabled",
        severity="warned",
    ),
    entry(
        "a TCP port without addresses is stored with a warning, where istiod may give none",
        f"hosts: [a.com], {TCP}, resolution: STATIC",
        "spec.ports[0]",
        "addresses are required for ports serving TCP (or unset) protocol",
        severity="warned",
        metadata='labels: {networking.istio.io/enable-autoallocate-ip: "False"}',
        accepted=f"hosts: [a.com], {TCP}, resolution: STATIC, addresses: [10.0.0.1]",
    ),
    entry(
        "a name of 257 characters is too long",
        f"hosts: [a.com], ports: [{{number: 80, name: {'a' * 257}, protocol: HTTP}}]",
        "spec.ports[0].name",
        "Too long: may not be more than 256 bytes",
        by="schema",
    ),
]

ENDPOINTS = [
    entry(
        "endpoints where the original destination is kept are refused",
        f"hosts: [a.com], {HTTP}, endpoints: [{{address: 10.0.0.1}}]",
        "spec",
        "NONE mode cannot set endpoints",
        by="schema",
        accepted=f"hosts: [a.com], {HTTP}, endpoints: [{{address: 10.0.0.1}}], resolution: STATIC",
    ),
    entry(
        "a block of addresses where DNS is asked is refused",
        f"hosts: [a.com], {HTTP}, addresses: [10.0.0.0/8], resolution: DNS",
        "spec",
        "CIDR addresses are allowed only for NONE/STATIC resolution types",
        by="schema",
        accepted=f"hosts: [a.com], {HTTP}, addresses: [10.0.0.0/8], resolution: STATIC",
    ),
    entry(
        "an address that is none is refused",
        f"hosts: [a.com], {HTTP}, addresses: [10.0.0.256]",
        "spec.addresses[0]",
        "10.0.0.256 is not a valid IP",
        accepted=f"hosts: [a.com], {HTTP}, addresses: [10.0.0.0/8]",
    ),
    entry(
        "a selector beside endpoints is refused",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, endpoints: [{{address: 10.0.0.1}}],"
        " workloadSelector: {labels: {a: b}}",
        "spec",
        "only one of WorkloadSelector or Endpoints can be set",
        by="schema",
        accepted=f"hosts: [a.com], {HTTP}, resolution: STATIC, workloadSelector: {{labels: {{a: b}}}}",
    ),
    entry(
        "a selector where the original destination is kept is stored with a warning",
        f"hosts: [a.com], {HTTP}, workloadSelector: {{labels: {{a: b}}}}",
        "spec.workloadSelector",
        "workloadSelector should not be set when resolution mode is NONE",
        severity="warned",
    ),
    entry(
        "a selector without labels is stored with a warning",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, workloadSelector: {{}}",
        "spec.workloadSelector",
        "service entry: workload selector specified without labels, will be applied to all services in namespace",
        severity="warned",
    ),
    entry(
        "a selector with a wildcard is refused",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, workloadSelector: {{labels: {{a: '*'}}}}",
        "spec.workloadSelector.labels[a]",
        "wildcard is not supported in selector",
        by="schema",
    ),
    entry(
        "a selector with a wildcard in a key is refused",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, workloadSelector: {{labels: {{'a*': b}}}}",
        "spec.workloadSelector.labels[a*]",
        'wildcard is not supported in selector: "a*=b"',
    ),
    *(
        entry(
            f"a wildcard host without endpoints is refused with {resolution}",
            f"hosts: ['*.a.com'], {HTTP}, resolution: {resolution}",
            "spec.hosts[0]",
            "hosts must be FQDN or contain only prefix wildcards if no endpoints are provided for resolution mode"
            f" {resolution}, domain name",
            accepted=f"hosts: ['*.a.com'], {HTTP}, resolution: {resolution}, endpoints: [{{address: a.com}}]",
        )
        for resolution in ("DNS", "DNS_ROUND_ROBIN")
    ),
    entry(
        "a second endpoint where DNS is asked in turn is refused",
        f"hosts: [a.com], {HTTP}, resolution: DNS_ROUND_ROBIN, endpoints: [{{address: a.com}}, {{address: b.com}}]",
        "spec",
        "DNS_ROUND_ROBIN mode cannot have multiple endpoints",
        by="schema",
        accepted=f"hosts: [a.com], {HTTP}, resolution: DNS_ROUND_ROBIN, endpoints: [{{address: a.com}}]",
    ),
    entry(
        "a static endpoint with a name is refused",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, endpoints: [{{address: b.com}}]",
        "spec.endpoints[0].address",
        'endpoint address "b.com" is not a valid IP address',
    ),
    *(
        entry(
            f"an endpoint with a bad name is refused with {resolution}",
            f"hosts: [a.com], {HTTP}, resolution: {resolution}, endpoints: [{{address: a_b}}]",
            "spec.endpoints[0].address",
            'endpoint address "a_b" is not a valid FQDN or an IP address',
        )
        for resolution in ("DNS", "DNS_ROUND_ROBIN")
    ),
    entry(
        "an endpoint with a network instead of an address is refused where DNS is asked",
        f"hosts: [a.com], {HTTP}, resolution: DNS, endpoints: [{{network: far}}]",
        "spec.endpoints[0].address",
        'endpoint address "" is not a valid FQDN or an IP address',
    ),
    entry(
        "an endpoint without address and network is refused",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, endpoints: [{{ports: {{http: 80}}}}]",
        "spec.endpoints[0]",
        "Address is required",
        by="schema",
    ),
    *(
        entry(
            f"an endpoint's label with bad characters is refused with {resolution}",
            f"hosts: [a.com], {HTTP}, resolution: {resolution}, endpoints: [{{address: 10.0.0.1, labels: {{a b: c}}}}]",
            "spec.endpoints[0].labels[a b]",
            'invalid tag key: "a b"',
        )
        for resolution in ("STATIC", "DNS")
    ),
    *(
        entry(
            f"an endpoint's port that the entry does not declare is refused with {resolution}",
            f"hosts: [a.com], {HTTP}, resolution: {resolution},"
            " endpoints: [{address: 10.0.0.1, ports: {foo: 8080}}]",
            "spec.endpoints[0].ports[foo]",
            "endpoint port 8080 is not defined by the service entry",
            accepted=(
                f"hosts: [a.com], {HTTP}, resolution: {resolution},"
                " endpoints: [{address: 10.0.0.1, ports: {http: 8080}, labels: {a: b}}]"
            ),
        )
        for resolution in ("STATIC", "DNS")
    ),
    entry(
        "an endpoint's port above 65535 is refused",
        f"hosts: [a.com], {HTTP}, resolution: STATIC, endpoints: [{{address: 10.0.0.1, ports: {{http: 65536}}}}]",
        "spec.endpoints[0].ports[http]",
        "port must be between 1-65535",
        by="schema",
    ),
    entry(
        "a Unix endpoint beside two ports is refused",
        "hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: b, protocol: HTTP}],"
        " resolution: STATIC, endpoints: [{address: 'unix:///run/x'}]",
        "spec.endpoints[0]",
        "exactly 1 service port required for unix endpoints",
        accepted=f"hosts: [a.com], {HTTP}, resolution: STATIC, endpoints: [{{address: 'unix:///run/x'}}]",
    ),
    entry(
        "an unknown resolution is refused",
        f"hosts: [a.com], {HTTP}, resolution: FOO",
        "spec.resolution",
        'Unsupported value: "FOO": supported values: "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"',
        by="schema",
    ),
]

DYNAMIC = "resolution: DYNAMIC_DNS, location: MESH_EXTERNAL"
DYNAMIC_DNS = [
    entry(
        "a host without wildcard where names are resolved for each request is refused",
        f"hosts: [a.com], {HTTP}, {DYNAMIC}",
        "spec.hosts[0]",
        "host must be wildcarded for resolution mode DYNAMIC_DNS",
        accepted=f"hosts: ['*.a.com', '*b.com'], {HTTP}, resolution: DYNAMIC_DNS",  # no location means MESH_EXTERNAL
    ),
    entry(
        "addresses where names are resolved for each request are refused",
        f"hosts: ['*.a.com'], {HTTP}, {DYNAMIC}, addresses: [10.0.0.1]",
        "spec.addresses",
        "addresses cannot be set for resolution type DYNAMIC_DNS",
    ),
    entry(
        "endpoints where names are resolved for each request are refused",
        f"hosts: ['*.a.com'], {HTTP}, {DYNAMIC}, endpoints: [{{address: 10.0.0.1}}]",
        "spec.endpoints",
        "endpoints cannot be set for resolution type DYNAMIC_DNS",
    ),
    entry(
        "a protocol without names where names are resolved for each request is refused",
        f"hosts: ['*.a.com'], {TCP}, {DYNAMIC}",
        "spec.ports[0].protocol",
        "only HTTP, TLS, GRPC, and HTTP2 protocols are supported for resolution type DYNAMIC_DNS",
    ),
    entry(
        "an entry inside the mesh behind a waypoint where names are resolved for each request is refused",
        f"hosts: ['*.a.com'], {HTTP}, resolution: DYNAMIC_DNS, location: MESH_INTERNAL",
        "spec.location",
        "location MESH_INTERNAL with resolution type DYNAMIC_DNS is not supported when using waypoints",
        metadata="labels: {istio.io/use-waypoint: w}",
        accepted=f"hosts: ['*.a.com'], {HTTP}, {DYNAMIC}",
    ),
]

WORKLOADS = [
    workload(
        "a workload without address and network is refused",
        "ports: {http: 80}",
        "spec",
        "Address is required",
        by="schema",
        accepted="address: 10.0.0.1, ports: {http: 80}, labels: {app: a}",
    ),
    workload(
        "a workload with an empty address is refused",
        "address: ''",
        "spec",
        "address is required",
        accepted="address: a.com",
    ),
    workload(
        "a workload with a network and no address is stored with a warning",
        "network: far",
        "spec",
        'address is unset with network "far"',
        severity="warned",
    ),
    workload(
        "a label with bad characters is refused of a workload with a network and no address, too",
        "network: far, labels: {a b: c}",
        "spec.labels[a b]",
        'invalid tag key: "a b"',
    ),
    workload(
        "a network's name of more than 2048 characters is refused",
        f"address: 10.0.0.1, network: {'a' * 2049}",
        "spec.network",
        "Too long: may not be more than 2048 bytes",
        by="schema",
        accepted=f"address: 10.0.0.1, network: {'a' * 2048}",
    ),
    workload(
        "a workload whose address has bad characters is refused",
        "address: a_b",
        "spec.address",
        'endpoint address "a_b" is not a valid FQDN or an IP address',
    ),
    workload(
        "a Unix address with ports is refused",
        "address: 'unix:///run/x', ports: {http: 80}",
        "spec",
        "UDS may not include ports",
        by="schema",
        accepted="address: 'unix:///run/x'",
    ),
    workload(
        "a relative Unix path is refused",
        "address: 'unix://run/x'",
        "spec.address",
        "UDS must be an absolute path or abstract socket",
        by="schema",
        accepted="address: 'unix://@x'",
    ),
    workload(
        "a Unix path of a folder is refused",
        "address: 'unix:///run/'",
        "spec.address",
        "UDS may not be a dir",
        by="schema",
    ),
    workload(
        "a workload's port name with bad characters is refused",
        "address: 10.0.0.1, ports: {a_b: 80}",
        "spec.ports",
        "port name must be valid",
        by="schema",
        accepted=f"address: 10.0.0.1, ports: {{{'a' * 62}: 80}}",
    ),
    workload(
        "port 0 of a workload is refused",
        "address: 10.0.0.1, ports: {http: 0}",
        "spec.ports[http]",
        "port must be between 1-65535",
        by="schema",
    ),
    workload(
        "a negative port of a workload is refused",
        "address: 10.0.0.1, ports: {http: -1}",
        "spec.ports[http]",
        "should be greater than or equal to 0",
        by="schema",
    ),
    workload(
        "a label with bad characters is refused",
        "address: 10.0.0.1, labels: {a b: c}",
        "spec.labels[a b]",
        'invalid tag key: "a b"',
    ),
    workload(
        "an address of more than 256 characters is refused",
        f"address: {'a' * 257}",
        "spec.address",
        "Too long: may not be more than 256 bytes",
        by="schema",
    ),
    workload(
        "a weight beyond 32 bits is refused",
        "address: 10.0.0.1, weight: 4294967296",
        "spec.weight",
        "should be less than or equal to 4294967295",
        by="schema",
    ),
]

ROWS = [*HOSTS, *PORTS, *ENDPOINTS, *DYNAMIC_DNS, *WORKLOADS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
