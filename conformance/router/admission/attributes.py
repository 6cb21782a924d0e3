"""Values of an AuthorizationPolicy: in sources, operations and conditions (pkg/config/security)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conformance.router.admission.addresses import is_block
from conformance.router.admission.ports import MAX_PORT
from conformance.router.admission.remark import Remarks, denied, each, quoted
from conformance.router.names import is_address

_LONGEST_ACCOUNT = 320
_NUMBER = re.compile("[0-9]{1,10}")
_MAP_KEY = re.compile(r"[^\[]+\[.+\]", re.DOTALL)
_MAPS = ("request.headers", "request.auth.claims", "experimental.envoy.filters.")
_PLAIN = frozenset({
    "source.namespace",
    "source.principal",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "connection.sni",
})  # fmt: skip
_OF_ADDRESSES = frozenset({"source.ip", "remote.ip", "destination.ip"})


def not_empty(field: str, values: Sequence[str]) -> Remarks:
    for place, value in each(field, values):
        if not value:
            yield denied(place, f"empty value not allowed, found in {_called(field)}")


def addresses(field: str, values: Sequence[str]) -> Remarks:
    for place, value in each(field, values):
        if fault := _address_fault(value):
            yield denied(place, fault)


def ports(field: str, values: Sequence[str]) -> Remarks:
    for place, value in each(field, values):
        if fault := _port_fault(value):
            yield denied(place, fault)


def service_accounts(field: str, values: Sequence[str]) -> Remarks:
    for place, value in each(field, values):
        if fault := _account_fault(value, _called(field)):
            yield denied(place, fault)


def fault(key: str, values: Sequence[str]) -> str | None:
    """What is wrong with a condition's key or with its values (ValidateAttribute)."""
    if "" in values:
        return f"empty value not allowed, found in {key}"
    if key in _OF_ADDRESSES:
        return next(filter(None, map(_address_fault, values)), None)
    if key == "destination.port":
        return next(filter(None, map(_port_fault, values)), None)
    if key == "source.serviceAccount":
        return next(filter(None, (_account_fault(value, key) for value in values)), None)
    if key == "source.trustDomain":
        return next(filter(None, (_wildcard_fault(value, key) for value in values)), None)
    return None if key in _PLAIN else _key_fault(key)


def _key_fault(key: str) -> str | None:
    if key.startswith(_MAPS):
        return None if _MAP_KEY.fullmatch(key) else f"bad key ({key}): should have format a[b]"
    if key == "destination.namespace":
        return f"attribute {key} is replaced by the metadata.namespace"
    if key.startswith("destination.labels"):
        return f"attribute {key} is replaced by the workload selector"
    if key in {"destination.name", "destination.user"}:
        return f"deprecated attribute {key}: only supported in v1alpha1"
    return f"unknown attribute: {key}"


def _called(field: str) -> str:
    """The webhook's word for a list: NotIpBlocks for …source.notIpBlocks."""
    name = field.rpartition(".")[2]
    return name[0].upper() + name[1:]


def _address_fault(value: str) -> str | None:
    if "/" in value:
        return None if is_block(value) else f"bad CIDR range ({value})"
    return None if is_address(value) else f"bad IP address ({value})"


def _port_fault(value: str) -> str | None:
    """Port 0 passes."""
    return None if _NUMBER.fullmatch(value) and int(value) <= MAX_PORT else f"bad port ({value})"


def _account_fault(value: str, where: str) -> str | None:
    if not value:
        return f"empty value not allowed, found in {where}"
    if "*" in value:
        return f"wildcard not allowed, found in {where}"
    if len(value) > _LONGEST_ACCOUNT:
        return f"value cannot exceed {_LONGEST_ACCOUNT} characters, found {quoted(value)} in {where}"
    if "" in (parts := value.split("/")) or len(parts) > 2:
        return f"expected format 'serviceAccount' or 'namespace/serviceAccount', found {quoted(value)} in {where}"
    return None


def _wildcard_fault(value: str, where: str) -> str | None:
    if value.count("*") > 1:
        return f"at most one wildcard is allowed, found in {where}: {quoted(value)}"
    if "*" in value[1:-1]:
        return f"wildcard is only allowed at the start or end, found in {where}: {quoted(value)}"
    return None
