"""VirtualServices as a whole: hosts, gateways, delegates, exportTo (specification, section 24)."""

from __future__ import annotations

import pytest

from tests.router.admission.rows import Row, check, http, parameters

KIND = "VirtualService"
ROUTE = "http: [{route: [{destination: {host: reviews}}]}]"
CLAIM = "match: [{headers: {'@request.auth.claims.group': {exact: admin}}}]"

HOSTS = [
    Row(
        "an object without any rule is refused",
        KIND,
        "hosts: [reviews]",
        "spec",
        "http, tcp or tls must be provided in virtual service",
        accepted=f"hosts: [reviews]\n{ROUTE}",
    ),
    Row(
        "host * is refused when no gateway is named, which means the mesh",
        KIND,
        f"hosts: ['*']\n{ROUTE}",
        "spec.hosts[0]",
        "wildcard host * is not allowed for virtual services bound to the mesh gateway",
        accepted=f"hosts: ['*']\ngateways: [front]\n{ROUTE}",
    ),
    Row(
        "host * is refused when the mesh is one of several gateways",
        KIND,
        f"hosts: ['*', a.com]\ngateways: [mesh, front]\n{ROUTE}",
        "spec.hosts[0]",
        "wildcard host * is not allowed for virtual services bound to the mesh gateway",
    ),
    Row(
        "the same host twice is refused",
        KIND,
        f"hosts: [reviews, reviews]\n{ROUTE}",
        "spec.hosts",
        "duplicate hosts in virtual service: reviews & reviews",
        accepted=f"hosts: [reviews, ratings]\n{ROUTE}",
    ),
    Row(
        "a wildcard host and a host below it are refused",
        KIND,
        f"hosts: ['*.foo.com', a.foo.com]\n{ROUTE}",
        "spec.hosts",
        "duplicate hosts in virtual service: *.foo.com & a.foo.com",
        accepted=f"hosts: ['*.foo.com', foo.com]\n{ROUTE}",
    ),
    Row(
        "a host with an underscore is refused",
        KIND,
        f"hosts: [my_host]\n{ROUTE}",
        "spec.hosts[0]",
        'domain name "my_host" invalid (label "my_host" invalid)',
        accepted=f"hosts: [my-host, 10.0.0.1, '2001:db8::1', '*-x.foo.com', end.dot.]\n{ROUTE}",
    ),
    Row(
        "a host whose later label is a wildcard is refused",
        KIND,
        f"hosts: [a.*.com]\n{ROUTE}",
        "spec.hosts[0]",
        'domain name "*.com" invalid (label "*" invalid)',
    ),
    Row(
        "a host whose last label is a number is refused",
        KIND,
        f"hosts: [foo.123]\n{ROUTE}",
        "spec.hosts[0]",
        'top level domain "123" cannot be all-numeric',
    ),
    Row(
        "an empty host is refused",
        KIND,
        f"hosts: ['']\n{ROUTE}",
        "spec.hosts[0]",
        "empty domain name not allowed",
    ),
    Row(
        "a host with a letter beyond ASCII is refused, and named as it is",
        KIND,
        f"hosts: [bücher.com]\n{ROUTE}",
        "spec.hosts[0]",
        'domain name "bücher.com" invalid (label "bücher" invalid)',
    ),
    Row(
        "a host of more than 255 characters is refused",
        KIND,
        f"hosts: ['{'a.' * 130}a']\n{ROUTE}",
        "spec.hosts[0]",
        "too long (max 255)",
        accepted=f"hosts: ['{'a.' * 127}a', {'a' * 63}]\n{ROUTE}",
    ),
]

TLS_ROUTE = "route: [{destination: {host: reviews}}]"
GENERATED = [
    Row(
        "a generated SNI name without its parts is refused",
        KIND,
        f"hosts: [outbound_x]\ngateways: [front]\ntls: [{{match: [{{sniHosts: [a.com]}}], {TLS_ROUTE}}}]",
        "spec.hosts[0]",
        "domain name outbound_x invalid, should follow 'outbound_.<PORT>_._.<HOSTNAME>' format",
        accepted=(
            "hosts: [outbound_.80_._.reviews.shop]\ngateways: [front]\n"
            f"tls: [{{match: [{{sniHosts: [outbound_.80_._.reviews.shop]}}], {TLS_ROUTE}}}]"
        ),
    ),
    Row(
        "a generated SNI name without a port is refused",
        KIND,
        f"hosts: [outbound_.x_._.reviews]\ngateways: [front]\ntls: [{{match: [{{sniHosts: [a.com]}}], {TLS_ROUTE}}}]",
        "spec.hosts[0]",
        '(label "x" invalid). should follow outbound_',
    ),
    Row(
        "a generated SNI name without a host is refused",
        KIND,
        f"hosts: [outbound_.80_._.1]\ngateways: [front]\ntls: [{{match: [{{sniHosts: [a.com]}}], {TLS_ROUTE}}}]",
        "spec.hosts[0]",
        '(label "1" invalid). should follow outbound_',
    ),
    Row(
        "a generated SNI name is refused where sidecars follow the rule",
        KIND,
        f"hosts: [outbound_.80_._.reviews]\ntls: [{{match: [{{sniHosts: [a.com]}}], {TLS_ROUTE}}}]",
        "spec.hosts[0]",
        'domain name "outbound_.80_._.reviews" invalid (label "outbound_" invalid)',
    ),
]

DELEGATES = [
    Row(
        "a delegate with gateways is refused",
        KIND,
        f"gateways: [front]\n{ROUTE}",
        "spec.gateways",
        "delegate virtual service must have no gateways specified",
        accepted=ROUTE,
    ),
    Row(
        "a delegate with tls rules is refused",
        KIND,
        f"{ROUTE}\ntls: [{{match: [{{sniHosts: [a.com]}}], {TLS_ROUTE}}}]",
        "spec.tls",
        "delegate virtual service must have no tls route specified",
    ),
    Row(
        "a delegate with tcp rules is refused",
        KIND,
        f"{ROUTE}\ntcp: [{{{TLS_ROUTE}}}]",
        "spec.tcp",
        "delegate virtual service must have no tcp route specified",
    ),
    Row(
        "a delegate inside a delegate is refused",
        KIND,
        "http: [{delegate: {name: other}, route: [{destination: {host: reviews}}]}]",
        "spec.http[0].delegate",
        "delegate HTTP route cannot contain delegate",
        accepted=ROUTE,
    ),
    Row(
        "a rule that leads to a delegate and has a route is refused",
        KIND,
        http("name: top\ndelegate: {name: other}\nroute: [{destination: {host: reviews}}]"),
        "spec.http[0].route",
        "root HTTP route top must not specify route",
        accepted=http("delegate: {name: other, namespace: bank}"),
    ),
    Row(
        "a rule that leads to a delegate and redirects is refused",
        KIND,
        http("delegate: {name: other}\nredirect: {uri: /}"),
        "spec.http[0].redirect",
        "root HTTP route  must not specify redirect",  # it has no name
    ),
]

GATEWAYS = [
    Row(
        "a gateway name with bad characters is refused",
        KIND,
        http("timeout: 1s", gateways="[shop/my_gateway]"),
        "spec.gateways[0]",
        'invalid value for gateway name: "my_gateway"',
        accepted=http("timeout: 1s", gateways="[shop/my-gateway, plain, mesh]"),
    ),
    Row(
        "a gateway name with two slashes is refused",
        KIND,
        http("timeout: 1s", gateways="[a/b/c]"),
        "spec.gateways[0]",
        'invalid value for gateway name: "b/c"',
    ),
    Row(
        "a gateway in the namespace . is refused",
        KIND,
        http("timeout: 1s", gateways="[./front]"),
        "spec.gateways[0]",
        'invalid value for namespace: "."',
    ),
    Row(
        "a gateway name with an empty part is refused",
        KIND,
        http("timeout: 1s", gateways="[shop/]"),
        "spec.gateways[0]",
        "config namespace and gateway name cannot be empty",
    ),
    Row(
        "a plain gateway name with bad characters is refused",
        KIND,
        http("timeout: 1s", gateways="[my_gateway]"),
        "spec.gateways[0]",
        'domain name "my_gateway" invalid',
        accepted=http("timeout: 1s", gateways="[front, a/b/c]"),  # what follows a name without slash is not looked at
    ),
    Row(
        "the dotted form of a gateway name is stored with a warning",
        KIND,
        http("timeout: 1s", gateways="[front.default.svc.cluster.local]"),
        "spec.gateways[0]",
        'using legacy gatewayName format "front.default.svc.cluster.local"; '
        'prefer the <namespace>/<name> format: "default/front"',
        severity="warned",
    ),
    Row(
        "a match by JWT claim is refused where sidecars follow the rule",
        KIND,
        http(CLAIM),
        "spec.http[0].match[0].headers[@request.auth.claims.group]",
        "JWT claim based routing (key: @request.auth.claims.group) is only supported for gateway",
        accepted=http(CLAIM, gateways="[front]"),
    ),
    Row(
        "a negated match by JWT claim is refused beside the mesh, too",
        KIND,
        http("match: [{withoutHeaders: {'@request.auth.claims[a][b]': {exact: x}}}]", gateways="[mesh, front]"),
        "spec.http[0].match[0].withoutHeaders[@request.auth.claims[a][b]]",
        "is only supported for gateway, found no gateways: [mesh front]",
    ),
]

EXPORTS = [
    Row(
        "an entry of exportTo that stands there twice is refused",
        KIND,
        f"hosts: [reviews]\nexportTo: [bank, bank]\n{ROUTE}",
        "spec.exportTo[1]",
        "duplicate entries in exportTo for entry bank",
        accepted=f"hosts: [reviews]\nexportTo: [bank, '.']\n{ROUTE}",
    ),
    Row(
        "exportTo . beside the object's own namespace is refused",
        KIND,
        f"hosts: [reviews]\nexportTo: [shop, '.']\n{ROUTE}",
        "spec.exportTo[1]",
        "duplicate entries in exportTo: . and current namespace shop",
    ),
    Row(
        "exportTo * beside a namespace is refused",
        KIND,
        f"hosts: [reviews]\nexportTo: ['*', bank]\n{ROUTE}",
        "spec.exportTo",
        "cannot have both public (*) and non-public exportTo values",
        accepted=f"hosts: [reviews]\nexportTo: ['*']\n{ROUTE}",
    ),
    Row(
        "exportTo ~ is refused",
        KIND,
        f"hosts: [reviews]\nexportTo: ['~']\n{ROUTE}",
        "spec.exportTo[0]",
        "exportTo ~ (none) is not allowed for Istio configuration objects",
    ),
    Row(
        "an entry of exportTo that is no name is refused",
        KIND,
        f"hosts: [reviews]\nexportTo: [my_bank]\n{ROUTE}",
        "spec.exportTo[0]",
        "only .,*, or a valid DNS 1123 label is allowed as exportTo entry",
    ),
]

ROWS = [*HOSTS, *GENERATED, *DELEGATES, *GATEWAYS, *EXPORTS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
