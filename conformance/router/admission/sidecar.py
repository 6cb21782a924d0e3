"""Sidecar (specification, section 24; ValidateSidecar)."""

from __future__ import annotations

import re

from conformance.router.admission import ports
from conformance.router.admission.addresses import UNIX, address, unix_path
from conformance.router.admission.connection_pool import connection_pool
from conformance.router.admission.destinations import destination
from conformance.router.admission.hosts import domain_fault, egress_host
from conformance.router.admission.names import port_name
from conformance.router.admission.protocols import is_http, is_tls, protocol
from conformance.router.admission.remark import Remarks, denied, each, quoted, warned
from conformance.router.admission.selectors import workload_selector
from conformance.router.admission.server_tls import server_tls
from conformance.router.objects.gateway import Port, ServerTLSSettings
from conformance.router.objects.sidecar import EgressListener, IngressListener, OutboundTrafficPolicy, Sidecar
from conformance.router.versions import Version

_UNIQUE_PORTS = "sidecar: ports on IP bound listeners must be unique"
_ENDPOINT_FORMS = "127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,unix://filepath or unset"
_ENDPOINT_HOSTS = frozenset({"", "127.0.0.1", "0.0.0.0", "::1", "::"})  # noqa: S104 - names, nothing is bound


def sidecar(given: Sidecar, version: Version) -> Remarks:
    spec = given.spec
    yield from workload_selector("spec.workloadSelector", spec.workload_selector, "sidecar", version)
    if not (spec.egress or spec.ingress or spec.outbound_traffic_policy or spec.inbound_connection_pool):
        yield denied("spec", "sidecar: empty configuration provided")
    numbers: set[int] = set()
    for place, ingress in each("spec.ingress", spec.ingress):
        yield from _ingress(place, ingress, numbers, version)
    yield from connection_pool("spec.inboundConnectionPool", spec.inbound_connection_pool, version)
    yield from _egress(given, version)
    yield from _outbound("spec.outboundTrafficPolicy", spec.outbound_traffic_policy)


def _ingress(field: str, listener: IngressListener, numbers: set[int], version: Version) -> Remarks:
    port = listener.port
    if port is None:
        return  # the schema says so
    number = port.number or 0
    yield from _ignored_target_port(field, port)
    yield from _port(f"{field}.port", port)
    yield from ports.port(f"{field}.port.number", port.number)
    if listener.bind:
        yield from address(f"{field}.bind", listener.bind)
    if number in numbers:
        yield denied(f"{field}.port.number", _UNIQUE_PORTS)
    numbers.add(number)
    if listener.default_endpoint:
        yield from _default_endpoint(f"{field}.defaultEndpoint", listener.default_endpoint)
    if listener.tls:
        yield from _ingress_tls(f"{field}.tls", listener.tls, port, version)
    yield from connection_pool(f"{field}.connectionPool", listener.connection_pool, version)
    if listener.connection_pool and listener.connection_pool.http and not is_http(port.protocol):
        which = f"port {number} ({quoted(port.name or '')}) but its protocol is not HTTP ({port.protocol or ''})"
        text = f"sidecar: HTTP connection pool settings are configured for {which}; only TCP settings will apply"
        yield warned(f"{field}.connectionPool.http", text)


def _port(field: str, port: Port) -> Remarks:
    if port.name:
        yield from port_name(f"{field}.name", port.name)
    yield from protocol(f"{field}.protocol", port.protocol)


def _ignored_target_port(field: str, port: Port) -> Remarks:
    if port.target_port:
        yield denied(f"{field}.port.targetPort", "targetPort has no impact on Sidecars")


def _default_endpoint(field: str, endpoint: str) -> Remarks:
    if endpoint.startswith(UNIX):
        yield from unix_path(field, endpoint.removeprefix(UNIX))
        return
    # As Go's net.SplitHostPort; when it fails, the rules go on with an empty port.
    host, colon, port = endpoint.rpartition(":")
    if not colon:
        yield denied(field, f"address {endpoint}: missing port in address")
        port = ""
    elif ":" in host and not re.fullmatch(r"\[.*\]", host):
        yield denied(field, f"address {endpoint}: too many colons in address")
        host = port = ""
    if host.removeprefix("[").removesuffix("]") not in _ENDPOINT_HOSTS:
        yield denied(field, f"sidecar: defaultEndpoint must be of form {_ENDPOINT_FORMS}")
    if not re.fullmatch("[-+]?[0-9]{1,18}", port):
        yield denied(field, f"sidecar: defaultEndpoint port ({port}) is not a number")
    else:
        yield from ports.port(field, int(port))


def _ingress_tls(field: str, tls: ServerTLSSettings, port: Port, version: Version) -> Remarks:
    if tls.subject_alt_names:
        yield denied(f"{field}.subjectAltNames", "sidecar: subjectAltNames is not supported in ingress tls")
    if tls.https_redirect:
        yield denied(f"{field}.httpsRedirect", "sidecar: httpsRedirect is not supported")
    if tls.credential_name:
        yield denied(f"{field}.credentialName", "sidecar: credentialName is not currently supported")
    if tls.credential_names:
        yield denied(f"{field}.credentialNames", "sidecar: credentialNames is not currently supported")
    if tls.tls_certificates:
        yield denied(f"{field}.tlsCertificates", "sidecar: tls_certificates is not currently supported")
    if tls.mode in {"ISTIO_MUTUAL", "AUTO_PASSTHROUGH"}:
        text = f"configuration is invalid: cannot set mode to {tls.mode} in sidecar ingress tls"
        yield denied(f"{field}.mode", text)
    if not is_tls(port.protocol):
        yield denied(field, "server cannot have TLS settings for non HTTPS/TLS ports")
    yield from server_tls(field, tls, version)


def _egress(given: Sidecar, version: Version) -> Remarks:
    """A listener without port takes what the others leave: there is one, and it is the last."""
    listeners = given.spec.egress
    numbers: set[int] = set()
    sockets: set[str] = set()
    for index, (place, listener) in enumerate(each("spec.egress", listeners)):
        if listener.port is None:
            if index < len(listeners) - 1:
                text = "sidecar: the egress listener with empty port should be the last listener in the list"
                yield denied(place, text)
        else:
            yield from _egress_port(place, listener, listener.port, numbers, sockets)
        yield from _egress_hosts(f"{place}.hosts", listener.hosts, given.metadata.namespace, version)


def _egress_port(field: str, listener: EgressListener, port: Port, numbers: set[int], sockets: set[str]) -> Remarks:
    yield from _ignored_target_port(field, port)
    yield from _port(f"{field}.port", port)
    bind = listener.bind or ""
    if port.number:
        yield from ports.port(f"{field}.port.number", port.number)
        if bind:
            yield from address(f"{field}.bind", bind)
        if port.number in numbers:
            yield denied(f"{field}.port.number", _UNIQUE_PORTS)
        numbers.add(port.number)
        return
    if not bind.startswith(UNIX):
        text = "sidecar: ports with 0 value must have a unix domain socket bind address"
        yield denied(f"{field}.bind", text)
    else:
        yield from unix_path(f"{field}.bind", bind.removeprefix(UNIX))
    if listener.capture_mode not in {None, "DEFAULT", "NONE"}:
        text = "sidecar: captureMode must be DEFAULT/NONE for unix domain socket listeners"
        yield denied(f"{field}.captureMode", text)
    if bind in sockets:
        yield denied(f"{field}.bind", "sidecar: unix domain socket values for listeners must be unique")
    sockets.add(bind)


def _egress_hosts(field: str, hosts: tuple[str, ...], own: str, version: Version) -> Remarks:
    if not hosts:
        yield denied(field, "sidecar: egress listener must contain at least one host")
    seen: dict[str, set[str]] = {}
    for place, host in each(field, hosts):
        namespace, slash, name = host.partition("/")
        if slash and not namespace.startswith("~"):
            names = seen.setdefault(own if namespace == "." else namespace, set())
            if names if name == "*" else names & {name, "*"}:
                yield warned(place, f"duplicated egress host: {host}")
            names.add(name)
        yield from egress_host(place, host, version)
    if "*" in seen.get("*", ()) and len(seen) > 1:
        yield warned(field, "`*/*` host select all resources, no other hosts can be added")


def _outbound(field: str, policy: OutboundTrafficPolicy | None) -> Remarks:
    """Istio's validateSidecarOutboundTrafficPolicy. Without a mode it is REGISTRY_ONLY here."""
    if policy is None or policy.egress_proxy is None:
        return
    place = f"{field}.egressProxy"
    if policy.mode != "ALLOW_ANY":
        text = "sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode"
        yield denied(place, text)
        return
    if fault := domain_fault(policy.egress_proxy.host):
        yield denied(f"{place}.host", fault)
    if policy.egress_proxy.port is None:
        yield denied(f"{place}.port", "sidecar: egress_proxy port must be non-nil")
    else:
        yield from destination(place, policy.egress_proxy)
