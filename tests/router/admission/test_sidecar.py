"""Sidecars (specification, section 24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.admission.rows import Row, check, parameters

EGRESS = "egress: [{hosts: ['./*']}]"
PORT = "port: {number: 9080, protocol: HTTP, name: http}"


def sidecar(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"{{{accepted}}}"
    return Row(behaviour, "Sidecar", f"{{{spec}}}", field, text, accepted=neighbour, **more)


def ingress(behaviour: str, listener: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    neighbour = None if accepted is None else f"ingress: [{{{accepted}}}]"
    place = f"spec.ingress[0].{field}" if field else "spec.ingress[0]"
    return sidecar(behaviour, f"ingress: [{{{listener}}}]", place, text, accepted=neighbour, **more)


def endpoint(behaviour: str, value: str, text: str) -> Row:
    return ingress(
        behaviour,
        f"{PORT}, defaultEndpoint: '{value}'",
        "defaultEndpoint",
        text,
        accepted=f"{PORT}, defaultEndpoint: '127.0.0.1:8080'",
    )


def host(behaviour: str, name: str, text: str, **more: Any) -> Row:
    return sidecar(behaviour, f"egress: [{{hosts: ['{name}']}}]", "spec.egress[0].hosts[0]", text, **more)


WHOLE = [
    sidecar("an empty Sidecar is refused", "", "spec", "sidecar: empty configuration provided", accepted=EGRESS),
    sidecar(
        "a selector without labels is stored with a warning",
        f"workloadSelector: {{}}, {EGRESS}",
        "spec.workloadSelector",
        "sidecar: workload selector specified without labels, will be applied to all services in namespace",
        severity="warned",
        accepted=f"workloadSelector: {{labels: {{app: a}}}}, {EGRESS}",
    ),
    sidecar(
        "a selector with a value of 64 characters is refused",
        f"workloadSelector: {{labels: {{app: {'a' * 64}}}}}, {EGRESS}",
        "spec.workloadSelector.labels[app]",
        "Too long: may not be more than 63 bytes",
        by="schema",
    ),
    sidecar(
        "an empty connection pool is refused",
        "inboundConnectionPool: {}",
        "spec.inboundConnectionPool",
        "connection pool must have at least one field",
        accepted="inboundConnectionPool: {http: {http1MaxPendingRequests: 1}}",
    ),
    sidecar(
        "an idleTimeout of 0s of all listeners is refused",
        "inboundConnectionPool: {http: {idleTimeout: 0s}}",
        "spec.inboundConnectionPool.http.idleTimeout",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
]

INGRESS = [
    ingress("an ingress listener without port is refused", "bind: 0.0.0.0", "port", "Required value", by="schema"),
    ingress(
        "ingress port 0 is refused",
        "port: {protocol: HTTP}",
        "port.number",
        "port number 0 must be in the range 1..65535",
        accepted=f"{PORT}, bind: 0.0.0.0, defaultEndpoint: '[::1]:8080'",
    ),
    sidecar(
        "two ingress listeners on one port are refused",
        f"ingress: [{{{PORT}}}, {{{PORT}}}]",
        "spec.ingress[1].port.number",
        "sidecar: ports on IP bound listeners must be unique",
    ),
    ingress(
        "a port name with bad characters is refused",
        "port: {number: 80, protocol: HTTP, name: a_b}",
        "port.name",
        "invalid port name: a_b",
    ),
    ingress(
        "an unknown protocol is refused",
        "port: {number: 80, protocol: FOO}",
        "port.protocol",
        "unsupported protocol: FOO",
        accepted="port: {number: 80}",
    ),
    ingress(
        "targetPort is refused",
        "port: {number: 80, protocol: HTTP, targetPort: 8080}",
        "port.targetPort",
        "targetPort has no impact on Sidecars",
    ),
    ingress(
        "a bind address that is none is refused", f"{PORT}, bind: localhost", "bind", "localhost is not a valid IP"
    ),
    endpoint("a default endpoint at another address is refused", "10.0.0.1:80", "defaultEndpoint must be of form 127"),
    endpoint(
        "a default endpoint at another IPv6 address is refused", "[::2]:80", "defaultEndpoint must be of form 127"
    ),
    endpoint("a default endpoint without a port is refused", "localhost", "missing port in address"),
    endpoint("a default endpoint with a bare IPv6 address is refused", "::1:80", "address ::1:80: too many colons"),
    endpoint("a default endpoint whose port is a word is refused", "127.0.0.1:http", "port (http) is not a number"),
    endpoint("a default endpoint with port 0 is refused", "127.0.0.1:0", "port number 0 must be in the range"),
    endpoint("a default endpoint at a relative path is refused", "unix://run/x", "is not an absolute path to a file"),
    *(
        ingress(
            f"ingress tls with {mode} is refused",
            f"port: {{number: 443, protocol: HTTPS}}, tls: {{mode: {mode}}}",
            "tls.mode",
            f"configuration is invalid: cannot set mode to {mode} in sidecar ingress tls",
            accepted="port: {number: 443, protocol: HTTPS}, tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}",
        )
        for mode in ("ISTIO_MUTUAL", "AUTO_PASSTHROUGH")
    ),
    *(
        ingress(
            f"ingress tls with {setting.partition(':')[0]} is refused",
            f"port: {{number: 443, protocol: HTTPS}}, tls: {{mode: SIMPLE, {setting}}}",
            f"tls.{setting.partition(':')[0]}",
            text,
        )
        for setting, text in (
            ("httpsRedirect: true", "sidecar: httpsRedirect is not supported"),
            ("credentialName: secret", "sidecar: credentialName is not currently supported"),
            ("credentialNames: [secret]", "sidecar: credentialNames is not currently supported"),
            ("subjectAltNames: [a]", "sidecar: subjectAltNames is not supported in ingress tls"),
            ("tlsCertificates: [{}]", "sidecar: tls_certificates is not currently supported"),
        )
    ),
    ingress(
        "tls on an HTTP port is refused",
        f"{PORT}, tls: {{mode: PASSTHROUGH}}",
        "tls",
        "server cannot have TLS settings for non HTTPS/TLS ports",
        accepted="port: {number: 443, protocol: TLS}, tls: {mode: PASSTHROUGH}",
    ),
    ingress(
        "an empty connection pool of a listener is refused",
        f"{PORT}, connectionPool: {{}}",
        "connectionPool",
        "connection pool must have at least one field",
        accepted=f"{PORT}, connectionPool: {{http: {{}}}}",
    ),
    ingress(
        "HTTP settings on a TCP port are stored with a warning",
        "port: {number: 80, protocol: TCP, name: tcp}, connectionPool: {http: {}}",
        "connectionPool.http",
        'sidecar: HTTP connection pool settings are configured for port 80 ("tcp") but its protocol is not HTTP (TCP)',
        severity="warned",
    ),
    ingress(
        "HTTP settings on a port that says nothing of itself are stored with a warning",
        "port: {}, connectionPool: {http: {}}",
        "connectionPool.http",
        'sidecar: HTTP connection pool settings are configured for port 0 ("") but its protocol is not HTTP ()',
        severity="warned",
    ),
    ingress(
        "an idleTimeout of 0s of a listener is refused",
        f"{PORT}, connectionPool: {{http: {{idleTimeout: 0s}}}}",
        "connectionPool.http.idleTimeout",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    ingress(
        "an unknown capture mode is refused",
        f"{PORT}, captureMode: FOO",
        "captureMode",
        'Unsupported value: "FOO": supported values: "DEFAULT", "IPTABLES", "NONE"',
        by="schema",
    ),
]

ALL = "hosts: ['*/*']"
EGRESS_ROWS = [
    sidecar(
        "an egress listener without hosts is refused",
        f"egress: [{{{PORT}}}]",
        "spec.egress[0].hosts",
        "Required value",
        by="schema",
    ),
    sidecar(
        "an egress listener with an empty list of hosts is refused",
        "egress: [{hosts: []}]",
        "spec.egress[0].hosts",
        "sidecar: egress listener must contain at least one host",
    ),
    sidecar(
        "a listener without port that is not the last is refused",
        f"egress: [{{{ALL}}}, {{{PORT}, {ALL}}}]",
        "spec.egress[0]",
        "sidecar: the egress listener with empty port should be the last listener in the list",
        accepted=f"egress: [{{{PORT}, {ALL}}}, {{{ALL}}}]",
    ),
    sidecar(
        "the first of two listeners without port is refused",
        f"egress: [{{{ALL}}}, {{{ALL}}}]",
        "spec.egress[0]",
        "sidecar: the egress listener with empty port should be the last listener in the list",
    ),
    sidecar(
        "two egress listeners on one port are refused",
        f"egress: [{{{PORT}, {ALL}}}, {{{PORT}, {ALL}}}]",
        "spec.egress[1].port.number",
        "sidecar: ports on IP bound listeners must be unique",
    ),
    sidecar(
        "an egress port above 65535 is refused",
        f"egress: [{{port: {{number: 65536, protocol: HTTP}}, {ALL}}}]",
        "spec.egress[0].port.number",
        "port number 65536 must be in the range 1..65535",
    ),
    sidecar(
        "an egress port's name with bad characters is refused",
        f"egress: [{{port: {{number: 80, protocol: HTTP, name: a_b}}, {ALL}}}]",
        "spec.egress[0].port.name",
        "invalid port name: a_b",
    ),
    sidecar(
        "an egress bind address that is none is refused",
        f"egress: [{{{PORT}, bind: localhost, {ALL}}}]",
        "spec.egress[0].bind",
        "localhost is not a valid IP",
        accepted=f"egress: [{{{PORT}, bind: 127.0.0.1, {ALL}}}]",
    ),
    sidecar(
        "egress port 0 without a Unix socket is refused",
        f"egress: [{{port: {{protocol: HTTP}}, {ALL}}}]",
        "spec.egress[0].bind",
        "sidecar: ports with 0 value must have a unix domain socket bind address",
        accepted=f"egress: [{{port: {{protocol: HTTP}}, bind: 'unix:///run/x', captureMode: NONE, {ALL}}}]",
    ),
    sidecar(
        "a Unix socket with a relative path is refused",
        f"egress: [{{port: {{protocol: HTTP}}, bind: 'unix://run/x', {ALL}}}]",
        "spec.egress[0].bind",
        "run/x is not an absolute path to a file",
    ),
    sidecar(
        "a Unix socket that is a folder is refused",
        f"egress: [{{port: {{protocol: HTTP}}, bind: 'unix:///run/', {ALL}}}]",
        "spec.egress[0].bind",
        "/run/ is not an absolute path to a file",
    ),
    sidecar(
        "a captured Unix socket is refused",
        f"egress: [{{port: {{protocol: HTTP}}, bind: 'unix:///run/x', captureMode: IPTABLES, {ALL}}}]",
        "spec.egress[0].captureMode",
        "sidecar: captureMode must be DEFAULT/NONE for unix domain socket listeners",
        accepted=f"egress: [{{port: {{protocol: HTTP}}, bind: 'unix:///run/x', captureMode: DEFAULT, {ALL}}}]",
    ),
    sidecar(
        "two listeners on one Unix socket are refused",
        "egress: [" + ", ".join(2 * [f"{{port: {{protocol: HTTP}}, bind: 'unix:///run/x', {ALL}}}"]) + "]",
        "spec.egress[1].bind",
        "sidecar: unix domain socket values for listeners must be unique",
    ),
    sidecar(
        "egress targetPort is refused",
        f"egress: [{{port: {{number: 80, protocol: HTTP, targetPort: 8080}}, {ALL}}}]",
        "spec.egress[0].port.targetPort",
        "targetPort has no impact on Sidecars",
    ),
]

HOSTS = [
    host(
        "an egress host without a namespace is refused",
        "a.com",
        "host must be of form namespace/dnsName",
        accepted="egress: [{hosts: [shop/a.com, '*/*.b.com', ./c.com, '~/*', '~bank/*']}]",
    ),
    host("a short egress host is refused", "shop/reviews", "short names (non FQDN) are not allowed"),
    host("an egress host without a name is refused", "shop/", "config namespace and dnsName in host entry cannot be"),
    host("an egress host with an empty namespace is refused", "/a.com", "config namespace and dnsName in host entry"),
    sidecar(
        "an egress host with two slashes is refused; what follows the first is its name",
        "egress: [{hosts: [shop/*, shop/a/b.com]}]",
        "spec.egress[0].hosts[1]",
        'domain name "a/b.com" invalid (label "a/b" invalid)',
    ),
    host("an egress host in a bad namespace is refused", "my_ns/a.com", 'invalid namespace value "my_ns" in sidecar'),
    host("an egress host with an address is refused", "shop/10.0.0.1", 'domain name "0.0.1" invalid'),
    host("a partial wildcard is refused", "shop/*a.com", 'partial wildcard "*a.com" not allowed'),
    sidecar(
        "an egress host that stands there twice is stored with a warning",
        "egress: [{hosts: [shop/a.com, ./a.com]}]",
        "spec.egress[0].hosts[1]",
        "duplicated egress host: ./a.com",
        severity="warned",
    ),
    sidecar(
        "an egress host below a wildcard of its namespace is stored with a warning",
        "egress: [{hosts: [bank/*, bank/a.com]}]",
        "spec.egress[0].hosts[1]",
        "duplicated egress host: bank/a.com",
        severity="warned",
    ),
    sidecar(
        "a namespace's wildcard after one of its hosts is stored with a warning",
        "egress: [{hosts: [bank/a.com, bank/*]}]",
        "spec.egress[0].hosts[1]",
        "duplicated egress host: bank/*",
        severity="warned",
    ),
    sidecar(
        "everything beside something is stored with a warning",
        "egress: [{hosts: ['*/*', bank/a.com]}]",
        "spec.egress[0].hosts",
        "`*/*` host select all resources, no other hosts can be added",
        severity="warned",
        accepted="egress: [{hosts: ['*/*', '~bank/*']}]",  # what is left out selects nothing
    ),
]

PROXY = "egressProxy: {host: proxy.shop.svc.cluster.local, port: {number: 80}}"
OUTBOUND = [
    sidecar(
        "an egress proxy without ALLOW_ANY is refused",
        f"outboundTrafficPolicy: {{mode: REGISTRY_ONLY, {PROXY}}}",
        "spec.outboundTrafficPolicy.egressProxy",
        "sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode",
        accepted=f"outboundTrafficPolicy: {{mode: ALLOW_ANY, {PROXY}}}",
    ),
    sidecar(
        "an egress proxy without a mode, which means REGISTRY_ONLY, is refused",
        f"outboundTrafficPolicy: {{{PROXY}}}",
        "spec.outboundTrafficPolicy.egressProxy",
        "sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode",
        accepted="outboundTrafficPolicy: {}",
    ),
    sidecar(
        "an egress proxy without a port is refused",
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.com}}",
        "spec.outboundTrafficPolicy.egressProxy.port",
        "sidecar: egress_proxy port must be non-nil",
    ),
    sidecar(
        "an egress proxy with port 0 is refused",
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.com, port: {number: 0}}}",
        "spec.outboundTrafficPolicy.egressProxy.port.number",
        "port number 0 must be in the range 1..65535",
    ),
    sidecar(
        "an egress proxy with a wildcard is refused",
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: '*.a.com', port: {number: 80}}}",
        "spec.outboundTrafficPolicy.egressProxy.host",
        'domain name "*.a.com" invalid (label "*" invalid)',
    ),
    sidecar(
        "ALLOW_ANY_DYNAMIC_DNS is refused",
        "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}",
        "spec.outboundTrafficPolicy.mode",
        'Unsupported value: "ALLOW_ANY_DYNAMIC_DNS": supported values: "REGISTRY_ONLY", "ALLOW_ANY"',
        by="schema",
    ),
]

ROWS = [*WHOLE, *INGRESS, *EGRESS_ROWS, *HOSTS, *OUTBOUND]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
