"""Words that must be labels: of DNS (RFC 1123), and of Kubernetes objects."""

from __future__ import annotations

import re
from collections.abc import Mapping

from conformance.router.admission.remark import Remarks, denied, quoted, unfit

MAX_LABEL = 63
MAX_DOMAIN = 253

DNS_LABEL = "[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
"""Unlike Kubernetes, Istio takes capitals (pkg/config/labels)."""
_DNS_LABEL = re.compile(DNS_LABEL)
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = "(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_KEY = re.compile(rf"(?:({DNS_LABEL}(?:\.{DNS_LABEL})*)/)?({_QUALIFIED})")
_VALUE = re.compile(f"(?:{_QUALIFIED})?")


def is_dns_label(text: str) -> bool:
    return len(text) <= MAX_LABEL and _DNS_LABEL.fullmatch(text) is not None


def object_name(field: str, name: str) -> Remarks:
    """Kubernetes' own rule for `metadata.name`; capitals are not for it."""
    if not (len(name) <= MAX_DOMAIN and _OBJECT_NAME.fullmatch(name)):
        yield unfit(
            field, "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
        )


def port_name(field: str, name: str) -> Remarks:
    if not is_dns_label(name):
        yield denied(field, f"invalid port name: {name}")


def subset_name(field: str, name: str) -> Remarks:
    if not name:
        yield denied(field, "subset name cannot be empty")
    elif not is_dns_label(name):
        yield denied(field, f"subset name is invalid: {name}")


def labels(field: str, values: Mapping[str, str]) -> Remarks:
    """Labels of workloads, in subsets and matches (pkg/config/labels Instance.Validate)."""
    for key, value in values.items():
        found = _KEY.fullmatch(key)
        if not found:
            yield denied(f"{field}[{key}]", f"invalid tag key: {quoted(key)}")
        elif len(found[1] or "") > MAX_DOMAIN:
            yield denied(f"{field}[{key}]", f"invalid tag key: {quoted(key)} (DNS prefix is too long)")
        elif len(found[2]) > MAX_LABEL:
            yield denied(f"{field}[{key}]", f"invalid tag key: {quoted(key)} (name is too long)")
        if not _VALUE.fullmatch(value):
            yield denied(f"{field}[{key}]", f"invalid tag value: {quoted(value)}")
