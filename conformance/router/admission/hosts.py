"""Hosts: domain names, wildcards, and the forms with a namespace (pkg/config/validation/agent/validation.go).

A `..._fault` is the text of what is wrong with a host, None if nothing is.
"""

from __future__ import annotations

import re

from conformance.router.admission.names import DNS_LABEL, MAX_LABEL, is_dns_label
from conformance.router.admission.remark import Remarks, denied, quoted
from conformance.router.names import is_address
from conformance.router.versions import Since, Version

_MAX_NAME = 255
_WILDCARD_LABEL = re.compile(rf"\*|(?:\*|\*-)?{DNS_LABEL}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
_GENERATED = "outbound_.<PORT>_._.<HOSTNAME>"


def domain_fault(name: str) -> str | None:
    """A complete name, or a short one, without wildcards (ValidateFQDN)."""
    return _length_fault(name) or _labels_fault(name)


def wildcard_domain_fault(name: str) -> str | None:
    """The same, but the first label may begin with an asterisk (ValidateWildcardDomain)."""
    if fault := _length_fault(name):
        return fault
    first, _, rest = name.partition(".")
    if len(first) > MAX_LABEL or not _WILDCARD_LABEL.fullmatch(first):
        return f"domain name {quoted(name)} invalid (label {quoted(first)} invalid)"
    return _labels_fault(rest)


def gateway_domain_fault(name: str, *, by_sni: bool) -> str | None:
    """The same for a VirtualService bound to gateways; by SNI it may use the names that AUTO_PASSTHROUGH makes."""
    if by_sni and name.startswith("outbound_"):
        return _generated_fault(name)
    return wildcard_domain_fault(name)


def partial_wildcard_fault(name: str) -> str | None:
    """`*foo.com` is a host of a VirtualService, but not of a Gateway or Sidecar (ValidatePartialWildCard)."""
    if "*" in name and name != "*" and not name.startswith("*."):
        return f"partial wildcard {quoted(name)} not allowed"
    return None


def server_host(field: str, host: str) -> Remarks:
    """`host` or `namespace/host` of a Gateway's server (ValidateNamespaceSlashWildcardHostname)."""
    namespace, slash, name = host.partition("/")
    if not slash:
        yield from _qualified(field, host, address_allowed=True)
        return
    yield from _both_parts(field, namespace, name)
    if namespace not in {"*", "."} and not is_dns_label(namespace):
        yield denied(field, f"invalid namespace value {quoted(namespace)} in gateway")
    yield from _qualified(field, name, address_allowed=True)


def egress_host(field: str, host: str, version: Version) -> Remarks:
    """`namespace/host` of a Sidecar's egress listener."""
    namespace, slash, name = host.partition("/")
    if not slash:
        yield denied(field, "host must be of form namespace/dnsName")
        return
    yield from _both_parts(field, namespace, name)
    if not _is_egress_namespace(namespace, version):
        yield denied(field, f"invalid namespace value {quoted(namespace)} in sidecar")
    yield from _qualified(field, name, address_allowed=False)


def _is_egress_namespace(namespace: str, version: Version) -> bool:
    if namespace == "~":
        return True
    if version.has(Since.SIDECAR_EXCLUSION):
        namespace = namespace.removeprefix("~")
    return namespace in {"", "*", "."} or is_dns_label(namespace)


def _both_parts(field: str, namespace: str, name: str) -> Remarks:
    if not namespace or not name:
        yield denied(field, "config namespace and dnsName in host entry cannot be empty")


def _qualified(field: str, name: str, *, address_allowed: bool) -> Remarks:
    if name != "*" and "." not in name:
        yield denied(field, "short names (non FQDN) are not allowed")
    fault = wildcard_domain_fault(name)
    if fault and not (address_allowed and is_address(name)):
        yield denied(field, fault)
    if fault := partial_wildcard_fault(name):
        yield denied(field, fault)


def _length_fault(name: str) -> str | None:
    if len(name) > _MAX_NAME:
        return f"domain name {quoted(name)} too long (max {_MAX_NAME})"
    return None if name else "empty domain name not allowed"


def _labels_fault(name: str) -> str | None:
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return f"domain name {quoted(name)} invalid (top level domain {quoted(labels[-1])} cannot be all-numeric)"
    if not labels[-1]:
        labels.pop()  # of a name with a dot at its end
    for label in labels:
        if not is_dns_label(label):
            return f"domain name {quoted(name)} invalid (label {quoted(label)} invalid)"
    return None


def _generated_fault(name: str) -> str | None:
    parts = name.split("_")
    if len(parts) < 4:
        return f"domain name {name} invalid, should follow '{_GENERATED}' format"
    port, host = parts[1].strip("."), parts[3].strip(".")
    if not re.search("[0-9]", port):
        return f"domain name {quoted(name)} invalid (label {quoted(port)} invalid). should follow {_GENERATED} format"
    if not re.search("[a-zA-Z]", host):
        return f"domain name {quoted(name)} invalid (label {quoted(host)} invalid). should follow {_GENERATED} format"
    return None
