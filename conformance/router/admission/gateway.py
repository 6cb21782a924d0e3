"""Gateway (specification, section 24; ValidateGateway)."""

from __future__ import annotations

from conformance.router.admission import addresses, ports
from conformance.router.admission.hosts import server_host
from conformance.router.admission.names import is_dns_label
from conformance.router.admission.protocols import is_http, is_known, is_tls
from conformance.router.admission.remark import Remarks, denied, each, quoted, warned
from conformance.router.admission.server_tls import PASSED_THROUGH, server_tls
from conformance.router.objects.gateway import Gateway, Port, Server
from conformance.router.versions import Version


def gateway(given: Gateway, version: Version) -> Remarks:
    if not is_dns_label(given.metadata.name):
        yield denied("metadata.name", f"invalid gateway name: {quoted(given.metadata.name)}")
    if not given.spec.servers:
        yield denied("spec.servers", "gateway must have at least one server")
    for place, server in each("spec.servers", given.spec.servers):
        yield from _server(place, server, version)
    seen: set[str] = set()
    for place, server in each("spec.servers", given.spec.servers):
        if server.port:
            name = server.port.name or ""
            if name in seen:
                yield denied(f"{place}.port.name", f"port names in servers must be unique: duplicate name {name}")
            seen.add(name)
            if server.tls and server.tls.https_redirect and not is_http(server.port.protocol):
                yield warned(f"{place}.tls.httpsRedirect", "tls.httpsRedirect should only be used with http servers")


def _server(field: str, server: Server, version: Version) -> Remarks:
    if not server.hosts:
        yield denied(f"{field}.hosts", "server config must contain at least one host")
    for place, host in each(f"{field}.hosts", server.hosts):
        yield from server_host(place, host)
    yield from server_tls(f"{field}.tls", server.tls, version)
    if server.port:
        bind = server.bind or ""
        faults = list(_port(f"{field}.port", server.port, bind))
        yield from faults
        yield from _bind(f"{field}.bind", server.port, bind)
        if not faults:
            yield from _tls_fits_protocol(field, server, server.port)


def _port(field: str, port: Port, bind: str) -> Remarks:
    if not is_known(port.protocol):
        supported = "HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP"
        name = quoted(port.protocol or "")
        yield denied(f"{field}.protocol", f"invalid protocol {name}, supported protocols are {supported}")
    if port.number or not bind.startswith(addresses.UNIX):
        yield from ports.port(f"{field}.number", port.number)
    if port.target_port:
        yield denied(f"{field}.targetPort", "targetPort has no impact on Gateways")
    if not port.name:
        yield denied(f"{field}.name", "port name must be set")


def _bind(field: str, port: Port, bind: str) -> Remarks:
    if bind.startswith(addresses.UNIX):
        yield from addresses.unix_path(field, bind.removeprefix(addresses.UNIX))
        if port.number:
            yield denied(field, "port number must be 0 for unix domain socket")
    elif bind:
        yield from addresses.address(field, bind)


def _tls_fits_protocol(field: str, server: Server, port: Port) -> Remarks:
    """A plain HTTP server may have `tls` only for the sake of httpsRedirect."""
    tls = server.tls
    if is_tls(port.protocol):
        if tls is None:
            yield denied(field, "server must have TLS settings for HTTPS/TLS protocols")
    elif tls is None:
        return
    elif not is_http(port.protocol):
        yield denied(f"{field}.tls", "server cannot have TLS settings for non HTTPS/TLS ports")
    elif tls.mode not in PASSED_THROUGH or tls.ca_certificates or tls.private_key or tls.server_certificate:
        yield denied(f"{field}.tls", "server cannot have TLS settings for plain text HTTP ports")
