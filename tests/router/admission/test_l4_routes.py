"""The rules of tls and tcp in VirtualServices (specification, section 24)."""

from __future__ import annotations

import pytest

from tests.router.admission.rows import Row, check, parameters

ROUTE = "route: [{destination: {host: a}}]"


def tls(rule: str) -> str:
    return f"hosts: [a.com, '*.b.com', 10.0.0.1]\ntls: [{rule}]"


def tcp(rule: str) -> str:
    return f"hosts: [a.com]\ntcp: [{rule}]"


def row(behaviour: str, spec: str, field: str, text: str, **more: object) -> Row:
    return Row(behaviour, "VirtualService", spec, field, text, **more)  # type: ignore[arg-type]


ROWS = [
    row("a tls rule without match is refused", tls(f"{{{ROUTE}}}"), "spec.tls[0].match", "Required value", by="schema"),
    row(
        "a tls rule with an empty list of matches is refused",
        tls(f"{{match: [], {ROUTE}}}"),
        "spec.tls[0].match",
        "TLS route must have at least one match condition",
    ),
    row(
        "a tls match without sniHosts is refused",
        tls(f"{{match: [{{port: 443}}], {ROUTE}}}"),
        "spec.tls[0].match[0].sniHosts",
        "Required value",
        by="schema",
    ),
    row(
        "a tls match with an empty list of SNI hosts is refused",
        tls(f"{{match: [{{sniHosts: []}}], {ROUTE}}}"),
        "spec.tls[0].match[0].sniHosts",
        "TLS match must have at least one SNI host",
        accepted=tls(
            f"{{match: [{{sniHosts: [a.com, x.b.com], port: 443, destinationSubnets: [10.0.0.0/8]}}], {ROUTE}}}"
        ),
    ),
    row(
        "a tls rule that leads nowhere is refused",
        tls("{match: [{sniHosts: [a.com]}]}"),
        "spec.tls[0]",
        "TLS route is required",
    ),
    row(
        "an SNI host outside the hosts is refused",
        tls(f"{{match: [{{sniHosts: [c.com]}}], {ROUTE}}}"),
        "spec.tls[0].match[0].sniHosts[0]",
        'SNI host "c.com" is not a compatible subset of any of the virtual service hosts: [a.com, *.b.com, 10.0.0.1]',
    ),
    row(
        "an SNI host wider than the hosts is refused",
        tls(f"{{match: [{{sniHosts: ['*.com']}}], {ROUTE}}}"),
        "spec.tls[0].match[0].sniHosts[0]",
        'SNI host "*.com" is not a compatible subset',
    ),
    row(
        "an SNI host with bad characters is refused",
        tls(f"{{match: [{{sniHosts: [a_b.com]}}], {ROUTE}}}"),
        "spec.tls[0].match[0].sniHosts[0]",
        'domain name "a_b.com" invalid',
    ),
    row(
        "an SNI host with bad characters in the mesh is refused",
        f"gateways: [mesh]\n{tls(f'{{match: [{{sniHosts: [a_b.com]}}], {ROUTE}}}')}",
        "spec.tls[0].match[0].sniHosts[0]",
        'domain name "a_b.com" invalid',
    ),
    row(
        "a generated SNI name in the mesh is refused",
        f"gateways: [mesh]\n{tls(f'{{match: [{{sniHosts: [outbound_.80_._.a]}}], {ROUTE}}}')}",
        "spec.tls[0].match[0].sniHosts[0]",
        'domain name "outbound_.80_._.a" invalid (label "outbound_" invalid)',
    ),
    row(
        "a tls match's port above 65535 is refused",
        tls(f"{{match: [{{sniHosts: [a.com], port: 65536}}], {ROUTE}}}"),
        "spec.tls[0].match[0].port",
        "port number 65536 must be in the range 1..65535",
    ),
    row(
        "an IP address as SNI host is stored with a warning",
        tls(f"{{match: [{{sniHosts: [10.0.0.1]}}], {ROUTE}}}"),
        "spec.tls[0].match[0].sniHosts[0]",
        'using an IP address ("10.0.0.1") goes against SNI spec and most clients do not support this',
        severity="warned",
    ),
    row(
        "the dotted form of a gateway name in a tls match is stored with a warning",
        tls(f"{{match: [{{sniHosts: [a.com], gateways: [front.shop]}}], {ROUTE}}}"),
        "spec.tls[0].match[0].gateways[0]",
        "using legacy gatewayName format",
        severity="warned",
    ),
    row(
        "a bad gateway name in a tcp match is refused",
        tcp(f"{{match: [{{gateways: [a/b/c]}}], {ROUTE}}}"),
        "spec.tcp[0].match[0].gateways[0]",
        'invalid value for gateway name: "b/c"',
        accepted=tcp(f"{{match: [{{gateways: [front.shop]}}], {ROUTE}}}"),
    ),
    row(
        "tls weights that add up to nothing are refused",
        tls("{match: [{sniHosts: [a.com]}], route: [{destination: {host: a}}, {destination: {host: b}}]}"),
        "spec.tls[0].route",
        "total destination weight = 0",
    ),
    row(
        "a tcp rule that leads nowhere is refused",
        tcp("{match: [{port: 80}]}"),
        "spec.tcp[0]",
        "TCP route is required",
        accepted=tcp(f"{{{ROUTE}}}"),
    ),
    row(
        "a subnet that is none is refused",
        tcp(f"{{match: [{{destinationSubnets: [10.0.0.0/33]}}], {ROUTE}}}"),
        "spec.tcp[0].match[0].destinationSubnets[0]",
        "10.0.0.0/33 is not a valid CIDR block",
        accepted=tcp(f"{{match: [{{destinationSubnets: ['2001:db8::/32', 10.0.0.1]}}], {ROUTE}}}"),
    ),
    row(
        "a subnet with a netmask is refused",
        tcp(f"{{match: [{{destinationSubnets: [10.0.0.0/255.0.0.0]}}], {ROUTE}}}"),
        "spec.tcp[0].match[0].destinationSubnets[0]",
        "10.0.0.0/255.0.0.0 is not a valid CIDR block",
    ),
    row(
        "a subnet that is no address is refused",
        tcp(f"{{match: [{{destinationSubnets: [a.com]}}], {ROUTE}}}"),
        "spec.tcp[0].match[0].destinationSubnets[0]",
        "a.com is not a valid IP",
    ),
    row(
        "a tcp match's port above 65535 is refused",
        tcp(f"{{match: [{{port: 65536}}], {ROUTE}}}"),
        "spec.tcp[0].match[0].port",
        "port number 65536 must be in the range 1..65535",
    ),
    row(
        "a bad label key in a tcp match's sourceLabels is refused",
        tcp(f"{{match: [{{sourceLabels: {{'a b': c}}}}], {ROUTE}}}"),
        "spec.tcp[0].match[0].sourceLabels[a b]",
        'invalid tag key: "a b"',
    ),
    row(
        "a tcp destination with a bad subset is refused",
        tcp("{route: [{destination: {host: a, subset: '-'}}]}"),
        "spec.tcp[0].route[0].destination.subset",
        "subset name is invalid: -",
    ),
]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
