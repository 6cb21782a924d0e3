"""Istio's objects as they stand in a manifest, turned into the router's types, or refused as the API server would.

What is refused here is what has no place in the types: unknown fields, values of the wrong type, fields that must be
there. Everything else is for conformance.router.admission, which has the API's rules (specification, section 24).
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from conformance.router.admission.constraints import REQUIRED
from conformance.router.admission.remark import api_name
from conformance.router.objects import AnyObject, destination_rule, gateway, security, service_entry, sidecar
from conformance.router.objects import virtual_service as virtual
from conformance.router.objects.metadata import Metadata

Step = str | int

_NETWORKING = tuple(f"networking.istio.io/{version}" for version in ("v1", "v1beta1", "v1alpha3"))
_SECURITY = tuple(f"security.istio.io/{version}" for version in ("v1", "v1beta1"))

KINDS: Mapping[str, tuple[str, ...]] = {
    "VirtualService": _NETWORKING,
    "DestinationRule": _NETWORKING,
    "Gateway": _NETWORKING,
    "ServiceEntry": _NETWORKING,
    "WorkloadEntry": _NETWORKING,
    "Sidecar": _NETWORKING,
    "PeerAuthentication": _SECURITY,
    "RequestAuthentication": _SECURITY,
    "AuthorizationPolicy": _SECURITY,
}
"""The kinds that have a type, and the groups and versions in which they are served; one storage for all versions."""

_TYPES: Mapping[str, tuple[Callable[[Metadata, Any], AnyObject], type]] = {
    "VirtualService": (virtual.VirtualService, virtual.VirtualServiceSpec),
    "DestinationRule": (destination_rule.DestinationRule, destination_rule.DestinationRuleSpec),
    "Gateway": (gateway.Gateway, gateway.GatewaySpec),
    "ServiceEntry": (service_entry.ServiceEntry, service_entry.ServiceEntrySpec),
    "WorkloadEntry": (service_entry.WorkloadEntry, service_entry.WorkloadEntrySpec),
    "Sidecar": (sidecar.Sidecar, sidecar.SidecarSpec),
    "PeerAuthentication": (security.PeerAuthentication, security.PeerAuthenticationSpec),
    "RequestAuthentication": (security.RequestAuthentication, security.RequestAuthenticationSpec),
    "AuthorizationPolicy": (security.AuthorizationPolicy, security.AuthorizationPolicySpec),
}
_WITH_SPEC = frozenset({"ServiceEntry", "WorkloadEntry"})
"""Of the other kinds an absent `spec` is an empty one."""

_SUCCESSORS: Mapping[str, str] = {
    "RouteRule": "a VirtualService",
    "IngressRule": "a Gateway and a VirtualService",
    "DestinationPolicy": "a DestinationRule",
    "EgressRule": "a ServiceEntry",
    "Policy": "a PeerAuthentication for peers, a RequestAuthentication and an AuthorizationPolicy for origins",
    "MeshPolicy": "a PeerAuthentication in the root namespace",
    "ServiceRole": "an AuthorizationPolicy",
    "ServiceRoleBinding": "an AuthorizationPolicy",
    "ClusterRbacConfig": "an AuthorizationPolicy",
    "RbacConfig": "an AuthorizationPolicy",
}
"""Kinds that Istio once had, and what says the same today."""

_UNMODELLED: Mapping[type, tuple[str, ...]] = {
    virtual.HTTPRoute: ("mirror_percent",),
    gateway.ServerTLSSettings: ("insecureSkipVerify",),
    destination_rule.LoadBalancer: ("zoneAwareLbSetting",),
    destination_rule.HTTPSettings: ("http2KeepAlive",),
    destination_rule.OutlierDetection: ("outlierDetectionHttpErrorCodes",),
    destination_rule.RetryBudget: ("budgetInterval",),
    security.Source: ("trustDomains", "notTrustDomains"),
    security.JWTRule: ("jwks_uri", "spaceDelimitedClaims"),
}
"""Fields that Istio 1.32 has and the types have not."""


@dataclass(frozen=True)
class Fault:
    """One reason why an object is not taken."""

    field: str
    """As in admission's remarks: spec.http[0].match[0].headers[end-user]; "" for the object itself."""
    text: str
    """What the API server says."""
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.text}" if self.field and self.field not in self.text else self.text


class Untyped(Exception):  # noqa: N818 - it says what the object is
    """The object does not fit its type."""

    def __init__(self, faults: tuple[Fault, ...], where: str) -> None:
        self.faults = faults
        self.where = where
        super().__init__("\n".join(f"{where}: {fault}" if where else str(fault) for fault in faults))


def is_istio(manifest_value: Mapping[str, Any]) -> bool:
    """Whether this module has a word on the object: it is, or once was, of a kind of Istio's."""
    return manifest_value.get("kind") in KINDS or manifest_value.get("kind") in _SUCCESSORS


def typed(manifest_value: Mapping[str, Any], *, age: int, where: str, namespace: str = "default") -> AnyObject:
    """The object of a manifest, or Untyped with all its faults. `namespace` is that of one that names none."""
    kind = _served_kind(manifest_value, where)
    text = _as_json(manifest_value)
    if "null" in text:
        manifest_value = _without_nulls(manifest_value)
        text = _as_json(manifest_value)
    try:
        read = _models()[kind].model_validate_json(text, strict=True)
    except ValidationError as invalid:
        faults = (_fault(kind, error) for error in invalid.errors(include_url=False))
        raise Untyped(tuple(dict.fromkeys(faults)), where) from invalid
    missing = tuple(_missing(manifest_value.get("spec", {}), _TYPES[kind][1], "spec"))
    if missing:
        raise Untyped(missing, where)
    written = read.metadata
    metadata = Metadata(written.name, written.namespace or namespace, written.labels, written.annotations, age, where)
    return _TYPES[kind][0](metadata, read.spec)


def _served_kind(value: Mapping[str, Any], where: str) -> str:
    kind, version = str(value.get("kind", "")), str(value.get("apiVersion", ""))
    if version in KINDS.get(kind, ()):
        return kind
    if kind in KINDS:
        hint = f"write {KINDS[kind][0]}"
    elif kind in _SUCCESSORS:
        hint = f"Istio has no {kind} any more: write {_SUCCESSORS[kind]}"
    else:
        hint = f"known are {', '.join(KINDS)}"
    raise Untyped((Fault("", f'no matches for kind "{kind}" in version "{version}"', hint),), where)


def _as_json(value: Mapping[str, Any]) -> str:
    """What kubectl would send: a date, which other readers of YAML make of a string, is a string again."""
    return json.dumps(value, default=str)


def _without_nulls(value: Any) -> Any:
    """The API server drops keys whose value is null, except in lists, whose members must have their type."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value


class _Metadata(BaseModel):
    """Of the rest, such as managedFields, nothing is used."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1)
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Read(BaseModel):
    """What the models of all kinds have in common."""

    model_config = ConfigDict(extra="forbid", alias_generator=api_name)

    api_version: str
    kind: str
    metadata: _Metadata
    spec: Any
    status: Any = None


@cache
def _models() -> Mapping[str, type[_Read]]:
    return {kind: _model(kind, spec) for kind, (_, spec) in _TYPES.items()}


def _model(kind: str, spec: type) -> type[_Read]:
    # pydantic validates what stands for an absent spec like one that was written.
    default = Field(...) if kind in _WITH_SPEC else Field(default_factory=dict, validate_default=True)
    return create_model(kind, __base__=_Read, spec=(spec, default))


_JSON_TYPES: Mapping[str, str] = {
    "string_type": "string",
    "int_type": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "bool_type": "boolean",
    "tuple_type": "array",
    "dict_type": "object",
    "mapping_type": "object",
    "dataclass_type": "object",
    "model_type": "object",
}
"""What pydantic missed, in the words of JSON."""


def _fault(kind: str, error: ErrorDetails) -> Fault:
    steps = error["loc"]
    place, dotted = _named(steps, _TYPES[kind][1]), _dotted(steps)
    if error["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return _unknown(place, dotted, steps, _TYPES[kind][1])
    if error["type"] in {"missing", "string_too_short"}:
        return Fault(place, "Required value")
    if error["type"] == "int_parsing":
        # The only text that is read as a number is a key of portLevelMtls.
        return Fault(_named(steps[:-2], _TYPES[kind][1]), "port must be between 1-65535")
    wanted = _JSON_TYPES.get(error["type"])
    if wanted is None:
        return Fault(place, f"{dotted or 'the object'} is invalid: {error['msg']}")
    return Fault(place, f'{dotted} in body must be of type {wanted}: "{_json_type(error["input"])}"')


def _unknown(place: str, dotted: str, steps: tuple[Step, ...], spec: type) -> Fault:
    """An unknown field, or one that the router passes over: whoever writes it wants to know that."""
    holder = _type_at(steps[:-1], spec)
    if isinstance(holder, type) and steps[-1] in _UNMODELLED.get(holder, ()):
        hint = "leave it out; predictions that depend on it would be wrong"
        return Fault(place, f'"{dotted}" is a field of Istio\'s that is not modelled', hint)
    return Fault(place, f'unknown field "{dotted}"')


def _json_type(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array"}
    return names.get(type(value), "object")


def _dotted(steps: tuple[Step, ...]) -> str:
    """As the API server writes a place in its texts, map keys like fields."""
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return written.removeprefix(".")


def _named(steps: tuple[Step, ...], spec: type) -> str:
    """The same with map keys in brackets, as in admission's remarks."""
    name = ""
    for index, step in enumerate(steps):
        holder = _type_at(steps[:index], spec)
        in_brackets = isinstance(step, int) or (index > 1 and typing.get_origin(holder) is Mapping)
        name += f"[{step}]" if in_brackets else f".{step}"
    return name.removeprefix(".")


def _type_at(steps: tuple[Step, ...], spec: type) -> Any:
    """The declared type of a place; Any where there is none, such as in metadata."""
    if not steps or steps[0] != "spec":
        return Any
    found: Any = spec
    for step in steps[1:]:
        found = _inner(found, step)
    return found


def _inner(holder: Any, step: Step) -> Any:
    origin = typing.get_origin(holder)
    if origin is tuple:
        return _bare(typing.get_args(holder)[0])
    if origin is Mapping:
        return _bare(typing.get_args(holder)[1])
    return _members(holder).get(str(step), Any) if isinstance(holder, type) and is_dataclass(holder) else Any


def _bare(declared: Any) -> Any:
    """Without `| None`."""
    if isinstance(declared, types.UnionType):
        return next(member for member in typing.get_args(declared) if member is not type(None))
    return declared


@cache
def _members(holder: type) -> Mapping[str, Any]:
    """The types of a dataclass's fields by their names in the API."""
    return {api_name(name): _bare(declared) for name, declared in typing.get_type_hints(holder).items()}


@dataclass
class _Plan:
    """Which keys a type requires, and which of its fields lead to types that require some."""

    keys: list[tuple[str, ...]] = field(default_factory=list)
    inner: dict[str, Any] = field(default_factory=dict)


@cache
def _plan(holder: type) -> _Plan:
    required = [tuple(map(api_name, name.split("."))) for name in REQUIRED.get(holder, ())]
    inner = {name: declared for name, declared in _members(holder).items() if _requires(declared)}
    return _Plan(required, inner)


def _requires(declared: Any) -> bool:
    arguments = typing.get_args(declared)
    if arguments:
        return any(_requires(_bare(argument)) for argument in arguments)
    if not isinstance(declared, type) or not is_dataclass(declared):
        return False
    return declared in REQUIRED or any(map(_requires, _members(declared).values()))


def _missing(value: Any, declared: Any, place: str) -> Iterator[Fault]:
    """Required keys that are not there: to the types, an absent list and an empty one are the same."""
    origin = typing.get_origin(declared)
    if origin is tuple:
        inner = typing.get_args(declared)[0]
        for index, member in enumerate(value):
            yield from _missing(member, inner, f"{place}[{index}]")
        return
    plan = _plan(declared)
    for outer, *rest in plan.keys:
        if not rest and outer not in value:
            yield Fault(f"{place}.{outer}", "Required value")
        elif rest and outer in value and rest[0] not in value[outer]:
            yield Fault(f"{place}.{outer}.{rest[0]}", "Required value")
    for name, inner in plan.inner.items():
        if name in value:
            yield from _missing(value[name], inner, f"{place}.{name}")
