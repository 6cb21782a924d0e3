"""Rules of AuthorizationPolicy, compiled as istiod compiles them for Envoy's RBAC filter (specification, section 22).

A rule is compiled twice, for HTTP and for TCP ports. What cannot be compiled, such as a condition of HTTP on a TCP
port, makes istiod drop the whole rule of an ALLOW policy, but only that condition in any other: each the stricter way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from conformance.router import authorization_values as attributes
from conformance.router.authorization_values import Attribute, Seen, Setting, Test
from conformance.router.objects.metadata import Reference
from conformance.router.objects.security import Condition, Operation, Rule, Source

_UNKNOWABLE = "experimental.envoy.filters."
_HEADER = re.compile(r"request\.headers\[(.+)\]")
_CLAIMS = re.compile(r"request\.auth\.claims(\[.+\])")
_NESTED = re.compile(r"(\[[^][]*\])+")

_OF_CONNECTIONS: dict[str, Attribute] = {
    "source.ip": attributes.source_ip,
    "remote.ip": attributes.remote_ip,
    "source.namespace": attributes.namespace,
    "source.serviceAccount": attributes.service_account,
    "source.trustDomain": attributes.trust_domain,
    "source.principal": attributes.principal,
    "destination.ip": attributes.destination_ip,
    "destination.port": attributes.port,
    "connection.sni": attributes.sni,
}
_OF_REQUESTS: dict[str, Attribute] = {
    "request.auth.principal": attributes.request_principal,
    "request.auth.audiences": attributes.claim("aud"),
    "request.auth.presenter": attributes.claim("azp"),
}


class Unusable(Exception):  # noqa: N818 - nobody's mistake: istiod drops such rules
    """istiod leaves the rule out."""


class Use(NamedTuple):
    """What a rule is compiled for."""

    setting: Setting
    for_tcp: bool
    is_strict: bool
    """Of an ALLOW policy."""


class Check(NamedTuple):
    """One field of a rule; `wanted` is False for notValues."""

    field: str
    test: Test
    wanted: bool


Checks = tuple[Check, ...]
Values = Sequence[str] | None


class Row(NamedTuple):
    """A field with its negation, before it is compiled."""

    name: str
    attribute: Attribute
    values: Values
    not_values: Values
    is_of_http: bool = False


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """AuthorizationPolicy.rules."""

    policy: Reference
    field: str
    stages: tuple[tuple[Checks, ...], ...]
    """from, to and when, as far as there are any; of each, alternatives."""
    is_open: bool
    """It also asks for something that the router does not know."""

    def progress(self, seen: Seen) -> int:
        """How many stages hold, up to the first that does not."""
        count = 0
        for alternatives in self.stages:
            for checks in alternatives:
                for _, test, wanted in checks:
                    if test(seen) is not wanted:
                        break
                else:
                    break
            else:
                return count
            count += 1
        return count

    def matches(self, seen: Seen) -> bool:
        return self.progress(seen) == len(self.stages)

    def stopped_by(self, seen: Seen) -> str:
        """The first field that does not hold, of a rule that does not match."""
        checks = self.stages[self.progress(seen)][0]
        return next(field for field, test, wanted in checks if test(seen) is not wanted)


def compile_rule(rule: Rule, policy: Reference, number: int, use: Use) -> CompiledRule:
    """Raises Unusable where istiod leaves the rule out."""
    where = f"spec.rules[{number}]"
    sources = tuple(
        _checks(f"{where}.from[{index}].source", _of_source(each.source or Source()), use)
        for index, each in enumerate(rule.from_ or ())
    )
    operations = tuple(
        _checks(f"{where}.to[{index}].operation", _of_operation(each.operation or Operation()), use)
        for index, each in enumerate(rule.to or ())
    )
    conditions = tuple(
        check
        for index, each in enumerate(rule.when or ())
        for check in _checks(f"{where}.when[{index}]", _of_condition(each), use)
    )
    return CompiledRule(
        policy=policy,
        field=where,
        stages=tuple(each for each in (sources, operations, (conditions,)) if any(each)),
        is_open=any(each.key.startswith(_UNKNOWABLE) for each in rule.when or ()),
    )


def _of_source(source: Source) -> tuple[Row, ...]:
    """AuthorizationPolicy.rules.from.source."""
    return (
        Row("principals", attributes.principal, source.principals, source.not_principals),
        Row(
            "requestPrincipals",
            attributes.request_principal,
            source.request_principals,
            source.not_request_principals,
            is_of_http=True,
        ),
        Row("namespaces", attributes.namespace, source.namespaces, source.not_namespaces),
        Row("serviceAccounts", attributes.service_account, source.service_accounts, source.not_service_accounts),
        Row("ipBlocks", attributes.source_ip, source.ip_blocks, source.not_ip_blocks),
        Row("remoteIpBlocks", attributes.remote_ip, source.remote_ip_blocks, source.not_remote_ip_blocks),
    )


def _of_operation(operation: Operation) -> tuple[Row, ...]:
    """AuthorizationPolicy.rules.to.operation."""
    return (
        Row("hosts", attributes.host, operation.hosts, operation.not_hosts, is_of_http=True),
        Row("methods", attributes.method, operation.methods, operation.not_methods, is_of_http=True),
        Row("paths", attributes.path, operation.paths, operation.not_paths, is_of_http=True),
        Row("ports", attributes.port, operation.ports, operation.not_ports),
    )


def _of_condition(condition: Condition) -> tuple[Row, ...]:
    """AuthorizationPolicy.rules.when."""
    if condition.key.startswith(_UNKNOWABLE):
        return ()
    attribute = _OF_CONNECTIONS.get(condition.key)
    is_of_http = attribute is None
    attribute = attribute or _OF_REQUESTS.get(condition.key) or _in_brackets(condition.key)
    return (Row("values", attribute, condition.values, condition.not_values, is_of_http),)


def _in_brackets(key: str) -> Attribute:
    header = _HEADER.fullmatch(key)
    if header:
        return attributes.header(header[1])
    claims = _CLAIMS.fullmatch(key)
    if claims is None:
        raise Unusable(f"unknown key {key}")
    names = claims[1][1:-1].split("][") if _NESTED.fullmatch(claims[1]) else [claims[1][1:-1]]
    return attributes.claim(*names)


def _checks(where: str, rows: Sequence[Row], use: Use) -> Checks:
    return tuple(
        Check(f"{where}.{name}", test, wanted)
        for row in rows
        for name, values, wanted in (
            (row.name, row.values, True),
            (f"not{row.name[0].upper()}{row.name[1:]}", row.not_values, False),
        )
        if (test := _compiled(row, values or (), use))
    )


def _compiled(row: Row, values: Sequence[str], use: Use) -> Test | None:
    """None where nothing of it is left."""
    lost = row.is_of_http and use.for_tcp
    usable = [each for each in values if not lost and _is_usable(row.attribute, each, use.setting)]
    if use.is_strict and len(usable) < len(values):
        raise Unusable(f"{row.name} {values}")
    return row.attribute(usable, use.setting) if usable else None


def _is_usable(attribute: Attribute, value: str, setting: Setting) -> bool:
    try:
        attribute((value,), setting)
    except ValueError:
        return False
    return True
