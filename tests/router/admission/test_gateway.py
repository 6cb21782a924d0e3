"""Gateways (specification, section 24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.admission.rows import Row, check, parameters

PORT = "port: {number: 80, name: http, protocol: HTTP}"
TLS_PORT = "port: {number: 443, name: https, protocol: HTTPS}"


def server(behaviour: str, text: str, field: str, said: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about one server; `field` is relative to it."""
    neighbour = None if accepted is None else spec(accepted)
    place = f"spec.servers[0].{field}" if field else "spec.servers[0]"
    return Row(behaviour, "Gateway", spec(text), place, said, accepted=neighbour, **more)


def spec(*servers: str) -> str:
    return "servers:\n" + "".join(f"- {{{each}}}\n" for each in servers)


def host(behaviour: str, name: str, said: str, *, accepted: str | None = None) -> Row:
    neighbour = None if accepted is None else f"{PORT}, hosts: {accepted}"
    return server(behaviour, f"{PORT}, hosts: ['{name}']", "hosts[0]", said, accepted=neighbour)


def tls(behaviour: str, settings: str, field: str, said: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about the TLS settings of an HTTPS server."""
    neighbour = None if accepted is None else f"{TLS_PORT}, hosts: ['*'], tls: {{{accepted}}}"
    place = f"tls.{field}" if field else "tls"
    return server(behaviour, f"{TLS_PORT}, hosts: ['*'], tls: {{{settings}}}", place, said, accepted=neighbour, **more)


SERVERS = [
    Row(
        "a Gateway without servers is refused",
        "Gateway",
        "selector: {istio: ingressgateway}",
        "spec.servers",
        "gateway must have at least one server",
        accepted=spec(f"{PORT}, hosts: ['*']"),
    ),
    Row(
        "a Gateway's name with dots is refused",
        "Gateway",
        spec(f"{PORT}, hosts: ['*']"),
        "metadata.name",
        'invalid gateway name: "front.shop"',
        metadata="name: front.shop",
    ),
    Row(
        "two servers whose ports have the same name are refused",
        "Gateway",
        spec(f"{PORT}, hosts: ['*']", "port: {number: 81, name: http, protocol: HTTP}, hosts: ['*']"),
        "spec.servers[1].port.name",
        "port names in servers must be unique: duplicate name http",
        accepted=spec(f"{PORT}, hosts: ['*']", "port: {number: 80, name: more, protocol: HTTP}, hosts: ['*']"),
    ),
    server("a server without port is refused", "hosts: ['*']", "port", "Required value", by="schema"),
    server("a server without hosts is refused", PORT, "hosts", "Required value", by="schema"),
    server(
        "a server with an empty list of hosts is refused",
        f"{PORT}, hosts: []",
        "hosts",
        "server config must contain at least one host",
    ),
    server(
        "a port without a name is refused",
        "port: {number: 80, protocol: HTTP}, hosts: ['*']",
        "port.name",
        "Required value",
        by="schema",
    ),
    server(
        "a port with an empty name is refused",
        "port: {number: 80, protocol: HTTP, name: ''}, hosts: ['*']",
        "port.name",
        "port name must be set",
    ),
    Row(
        "two servers whose ports have empty names are refused for being two, too",
        "Gateway",
        spec(*(f"port: {{number: {number}, name: '', protocol: HTTP}}, hosts: ['*']" for number in (80, 81))),
        "spec.servers[1].port.name",
        "port names in servers must be unique: duplicate name ",
    ),
    server(
        "a port with an empty protocol is refused",
        "port: {number: 80, protocol: '', name: a}, hosts: ['*']",
        "port.protocol",
        'invalid protocol "", supported protocols are HTTP',
    ),
    server(
        "a port with an unknown protocol is refused",
        "port: {number: 80, protocol: FOO, name: a}, hosts: ['*']",
        "port.protocol",
        'invalid protocol "FOO"',
        accepted="port: {number: 80, protocol: grpc-web, name: a}, hosts: ['*']",
    ),
    server(
        "port 0 is refused",
        "port: {number: 0, protocol: HTTP, name: a}, hosts: ['*']",
        "port.number",
        "port number 0 must be in the range 1..65535",
    ),
    server(
        "a negative port is refused",
        "port: {number: -1, protocol: HTTP, name: a}, hosts: ['*']",
        "port.number",
        "should be greater than or equal to 0",
        by="schema",
    ),
    server(
        "targetPort is refused",
        "port: {number: 80, protocol: HTTP, name: a, targetPort: 8080}, hosts: ['*']",
        "port.targetPort",
        "targetPort has no impact on Gateways",
    ),
    server(
        "a bind address that is none is refused",
        f"{PORT}, hosts: ['*'], bind: localhost",
        "bind",
        "localhost is not a valid IP",
        accepted=f"{PORT}, hosts: ['*'], bind: 0.0.0.0",
    ),
    server(
        "a Unix socket with a relative path is refused",
        "port: {number: 0, protocol: HTTP, name: a}, hosts: ['*'], bind: 'unix://run/x'",
        "bind",
        "run/x is not an absolute path to a file",
        accepted="port: {number: 0, protocol: HTTP, name: a}, hosts: ['*'], bind: 'unix:///run/x'",
    ),
    server(
        "a Unix socket without a path is refused",
        "port: {number: 0, protocol: HTTP, name: a}, hosts: ['*'], bind: 'unix://'",
        "bind",
        "unix address must not be empty",
        accepted="port: {number: 0, protocol: HTTP, name: a}, hosts: ['*'], bind: 'unix://@x'",
    ),
    server(
        "a Unix socket with a port number is refused",
        f"{PORT}, hosts: ['*'], bind: 'unix:///run/x'",
        "bind",
        "port number must be 0 for unix domain socket",
    ),
]

HOSTS = [
    host(
        "a short host is refused",
        "reviews",
        "short names (non FQDN) are not allowed",
        accepted="['*', '*.foo.com', a.foo.com, 10.0.0.1, '*/*', ./a.com, shop/a.com, shop/10.0.0.1]",
    ),
    host("an IPv6 address counts as a short name", "2001:db8::1", "short names (non FQDN) are not allowed"),
    host("a partial wildcard is refused", "*foo.com", 'partial wildcard "*foo.com" not allowed'),
    host("a namespace with bad characters is refused", "my_ns/a.com", 'invalid namespace value "my_ns" in gateway'),
    host(
        "a host with two slashes is refused; what follows the first is its name",
        "shop/a/b.com",
        'domain name "a/b.com" invalid (label "a/b" invalid)',
    ),
    host("an empty namespace is refused", "/a.com", "config namespace and dnsName in host entry cannot be empty"),
    host("an empty name after a namespace is refused", "shop/", "empty domain name not allowed"),
    host("a short name after a namespace is refused", "shop/reviews", "short names (non FQDN) are not allowed"),
]

CERTIFICATE = "serverCertificate: /cert, privateKey: /key"
TLS = [
    server(
        "an HTTPS server without tls is refused",
        f"{TLS_PORT}, hosts: ['*']",
        "",
        "server must have TLS settings for HTTPS/TLS protocols",
        accepted=f"{TLS_PORT}, hosts: ['*'], tls: {{mode: SIMPLE, credentialName: secret}}",
    ),
    *(
        server(
            f"tls with {name} on an HTTP server is refused",
            f"{PORT}, hosts: ['*'], tls: {{{settings}}}",
            "tls",
            "server cannot have TLS settings for plain text HTTP ports",
            accepted=f"{PORT}, hosts: ['*'], tls: {{httpsRedirect: true}}",
        )
        for name, settings in (
            ("a mode that terminates it", "mode: SIMPLE, credentialName: secret"),
            ("a certificate", "serverCertificate: /cert"),
            ("a private key", "privateKey: /key"),
            ("a CA", "caCertificates: /ca"),
        )
    ),
    server(
        "tls on a TCP server is refused",
        f"port: {{number: 80, name: a, protocol: TCP}}, hosts: ['*'], tls: {{mode: SIMPLE, {CERTIFICATE}}}",
        "tls",
        "server cannot have TLS settings for non HTTPS/TLS ports",
        accepted="port: {number: 80, name: a, protocol: TCP}, hosts: ['*']",
    ),
    tls(
        "httpsRedirect on an HTTPS server is stored with a warning",
        "mode: SIMPLE, credentialName: secret, httpsRedirect: true",
        "httpsRedirect",
        "tls.httpsRedirect should only be used with http servers",
        severity="warned",
    ),
    tls(
        "SIMPLE without a certificate is refused",
        "mode: SIMPLE, privateKey: /key",
        "",
        "SIMPLE TLS requires a server certificate",
        accepted=f"mode: SIMPLE, {CERTIFICATE}",
    ),
    tls(
        "SIMPLE without a private key is refused",
        "mode: SIMPLE, serverCertificate: /cert",
        "",
        "SIMPLE TLS requires a private key",
    ),
    tls(
        "MUTUAL without a client CA is refused",
        f"mode: MUTUAL, {CERTIFICATE}",
        "",
        "MUTUAL TLS requires a client CA bundle",
        accepted=f"mode: MUTUAL, {CERTIFICATE}, caCertificates: /ca",
    ),
    tls(
        "OPTIONAL_MUTUAL without a client CA is refused",
        f"mode: OPTIONAL_MUTUAL, {CERTIFICATE}",
        "",
        "MUTUAL TLS requires a client CA bundle",
        accepted="mode: OPTIONAL_MUTUAL, credentialName: secret",
    ),
    *(
        tls(
            f"ISTIO_MUTUAL with {name} is refused",
            f"mode: ISTIO_MUTUAL, {setting}",
            "",
            f"ISTIO_MUTUAL TLS cannot have associated {called}",
            accepted="mode: ISTIO_MUTUAL",
        )
        for name, setting, called in (
            ("a certificate", "serverCertificate: /cert", "server certificate"),
            ("a private key", "privateKey: /key", "private key"),
            ("a CA", "caCertificates: /ca", "CA bundle"),
            ("a list of certificates", f"tlsCertificates: [{{{CERTIFICATE}}}]", "tlsCertificates"),
            ("credentialNames", "credentialNames: [secret]", "credentialNames"),
        )
    ),
    tls(
        "ISTIO_MUTUAL with credentialName is refused",
        "mode: ISTIO_MUTUAL, credentialName: secret",
        "",
        "ISTIO_MUTUAL TLS cannot have associated credentialName",
    ),
    tls(
        "two sources of the certificate are refused",
        f"mode: SIMPLE, credentialName: secret, {CERTIFICATE}",
        "",
        "only one of credential_name, credential_names, server_certificate/private_key, tls_certificates",
        accepted="mode: SIMPLE, credentialName: secret, serverCertificate: /cert",  # half a source is none
    ),
    tls(
        "a list of certificates beside a single one is refused",
        f"mode: SIMPLE, tlsCertificates: [{{{CERTIFICATE}}}], {CERTIFICATE}",
        "",
        "only one of credential_name, credential_names, server_certificate/private_key, tls_certificates",
        accepted=f"mode: SIMPLE, tlsCertificates: [{{{CERTIFICATE}}}]",
    ),
    tls(
        "credentialName and credentialNames are refused",
        "mode: SIMPLE, credentialName: a, credentialNames: [b]",
        "",
        "only one of credentialName or credentialNames can be set",
        by="schema",
        accepted="mode: SIMPLE, credentialNames: [a, b]",
    ),
    tls(
        "credentialNames and tlsCertificates are refused",
        f"mode: SIMPLE, credentialNames: [b], tlsCertificates: [{{{CERTIFICATE}}}]",
        "",
        "only one of credentialNames or tlsCertificates can be set",
        by="schema",
    ),
    tls(
        "a third credentialName is refused",
        "mode: SIMPLE, credentialNames: [a, b, c]",
        "credentialNames",
        "Too many: 3: must have at most 2 items",
        by="schema",
    ),
    tls(
        "one of several certificates without a key is refused",
        f"mode: SIMPLE, tlsCertificates: [{{{CERTIFICATE}}}, {{serverCertificate: /cert}}]",
        "tlsCertificates[1]",
        "SIMPLE TLS requires a private key",
    ),
    tls(
        "PASSTHROUGH with certificates is stored with a warning",
        f"mode: PASSTHROUGH, {CERTIFICATE}",
        "",
        "PASSTHROUGH mode does not use certificates, they will be ignored",
        severity="warned",
        accepted="mode: PASSTHROUGH",
    ),
    tls(
        "AUTO_PASSTHROUGH with a revocation list is stored with a warning",
        "mode: AUTO_PASSTHROUGH, caCrl: /crl",
        "",
        "AUTO_PASSTHROUGH mode does not use certificates, they will be ignored",
        severity="warned",
    ),
    tls(
        "no mode means PASSTHROUGH, which has no use for certificates",
        "credentialName: secret",
        "",
        "PASSTHROUGH mode does not use certificates, they will be ignored",
        severity="warned",
    ),
    tls(
        "a revocation list with SIMPLE is refused",
        f"mode: SIMPLE, {CERTIFICATE}, caCrl: /crl",
        "caCrl",
        "CRL is not supported with SIMPLE TLS",
        accepted=f"mode: MUTUAL, {CERTIFICATE}, caCertificates: /ca, caCrl: /crl",
    ),
    tls(
        "a revocation list beside a credential that is passed through is refused",
        "mode: PASSTHROUGH, credentialName: secret, caCrl: /crl",
        "caCrl",
        "CRL is not supported with credentialName",
    ),
    tls(
        "an unknown mode is refused",
        "mode: FOO",
        "mode",
        'Unsupported value: "FOO": supported values: "PASSTHROUGH", "SIMPLE", "MUTUAL"',
        by="schema",
    ),
    tls(
        "an unknown cipher is stored with a warning",
        "mode: SIMPLE, credentialName: secret, cipherSuites: [FOO, AES128-SHA, BAR]",
        "cipherSuites",
        "ignoring invalid cipher suites: [BAR FOO]",
        severity="warned",
        accepted="mode: SIMPLE, credentialName: secret, cipherSuites: [ALL, '', '-foo', AES128-SHA]",
    ),
    tls(
        "a cipher that stands there twice is stored with a warning",
        "mode: SIMPLE, credentialName: secret, cipherSuites: [AES256-SHA, AES128-SHA, AES256-SHA, AES128-SHA]",
        "cipherSuites",
        "ignoring duplicate cipher suites: [AES128-SHA AES256-SHA]",
        severity="warned",
    ),
    *(
        tls(
            f"{version} without ciphers is stored with a warning",
            f"mode: SIMPLE, credentialName: secret, minProtocolVersion: {version}",
            "",
            "TLS version below TLSV1_2 require setting compatible ciphers",
            severity="warned",
            accepted=f"mode: SIMPLE, credentialName: secret, minProtocolVersion: {version}, cipherSuites: [AES128-SHA]",
        )
        for version in ("TLSV1_0", "TLSV1_1")
    ),
]

ROWS = [*SERVERS, *HOSTS, *TLS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
