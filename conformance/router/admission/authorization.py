"""AuthorizationPolicy (specification, section 24; ValidateAuthorizationPolicy)."""

from __future__ import annotations

from conformance.router.admission import attributes
from conformance.router.admission.path_templates import path_template
from conformance.router.admission.remark import Remarks, api_name, denied, each, unfit, warned
from conformance.router.admission.selectors import label_selector, one_way_to_select, targets
from conformance.router.objects.security import AuthorizationPolicy, Condition, Operation, Rule, Source
from conformance.router.versions import Since, Version

_IDENTITIES = ("namespaces", "service_accounts", "principals", "request_principals")
_ADDRESSES = ("ip_blocks", "remote_ip_blocks")
_OPERATIONS = ("ports", "methods", "paths", "hosts")
_CONNECTION = ("principals", "ip_blocks", "namespaces", "remote_ip_blocks", "service_accounts")
"""Of a source: what is known of a connection that is not HTTP."""
_UNKNOWN_TO_CUSTOM = frozenset({"source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"})


def authorization_policy(given: AuthorizationPolicy, version: Version) -> Remarks:
    spec = given.spec
    yield from one_way_to_select(spec.selector, spec.target_ref, spec.target_refs, version)
    yield from label_selector("spec.selector", spec.selector, version)
    yield from targets(spec.target_ref, spec.target_refs, version)
    yield from _action(given)
    for index, (place, rule) in enumerate(each("spec.rules", spec.rules)):
        found = f"found at rule {index}"
        if spec.action == "CUSTOM":
            yield from _custom(place, rule)
        for from_place, source in each(f"{place}.from", rule.from_):
            yield from _source(f"{from_place}.source", source.source, found, version)
        for to_place, operation in each(f"{place}.to", rule.to):
            yield from _operation(f"{to_place}.operation", operation.operation, found, version)
        for when_place, condition in each(f"{place}.when", rule.when):
            yield from _condition(when_place, condition)
        if spec.action == "DENY" and _denies_all_tcp(rule):
            text = "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope"
            reason = "due to the use of only HTTP attributes in a DENY rule"
            yield warned(place, f"{text} {reason}; it is recommended to explicitly specify the port")


def _action(given: AuthorizationPolicy) -> Remarks:
    """ALLOW without rules is stored without a word, though it lets nothing pass."""
    spec = given.spec
    action = spec.action or "ALLOW"
    if action in {"DENY", "CUSTOM"} and not spec.rules:
        text = f"{action} action without `rules` is meaningless as it will never be triggered"
        yield denied("spec", f"{text}, add an empty rule `{{}}` if you want it be triggered for every request")
    elif action == "CUSTOM" and not (spec.provider and spec.provider.name):
        yield denied("spec.provider.name", "`provider.name` must not be empty")
    if spec.provider and action != "CUSTOM":
        yield denied("spec.provider", f"`provider` must not be with non CUSTOM action, found {action}")


def _both(names: tuple[str, ...]) -> tuple[str, ...]:
    """The attributes and their negations."""
    return (*names, *(f"not_{name}" for name in names))


def _custom(field: str, rule: Rule) -> Remarks:
    """What the external authorizer's own filter, which runs first, cannot know."""
    unsupported = "is currently not supported with CUSTOM action"
    for place, each_from in each(f"{field}.from", rule.from_):
        for name in _both(_IDENTITIES):
            if each_from.source and getattr(each_from.source, name):
                written = api_name(name)
                text = f"From.{written[0].upper()}{written[1:]} {unsupported}"
                yield denied(f"{place}.source.{written}", text)
    for place, condition in each(f"{field}.when", rule.when):
        if condition.key in _UNKNOWN_TO_CUSTOM or condition.key.startswith("request.auth."):
            yield denied(f"{place}.key", f"{condition.key} {unsupported}")


def _source(field: str, source: Source | None, found: str, version: Version) -> Remarks:
    if source is None:
        yield denied(field, f"`from.source` must not be nil, {found}")
        return
    if not any(getattr(source, name) for name in _both((*_IDENTITIES, *_ADDRESSES))):
        yield denied(field, f"`from.source` must not be empty, {found}")
    yield from _accounts_alone(field, source, found, version)
    for name in _both(_ADDRESSES):
        yield from attributes.addresses(f"{field}.{api_name(name)}", getattr(source, name) or ())
    for name in _both(("principals", "request_principals", "namespaces", *_ADDRESSES)):
        yield from attributes.not_empty(f"{field}.{api_name(name)}", getattr(source, name) or ())
    for name in _both(("service_accounts",)):
        yield from attributes.service_accounts(f"{field}.{api_name(name)}", getattr(source, name) or ())


def _accounts_alone(field: str, source: Source, found: str, version: Version) -> Remarks:
    """For the schema an empty list is there, for the webhook it is not."""
    accounts = [getattr(source, name) for name in _both(("service_accounts",))]
    others = [getattr(source, name) for name in _both(("principals", "namespaces"))]
    if version.has(Since.SCHEMA_RULES):
        if any(given is not None for given in accounts) and any(given is not None for given in others):
            yield unfit(field, "Cannot set serviceAccounts with namespaces or principals")
    elif any(accounts) and any(others):
        yield denied(field, f"cannot set serviceAccounts with namespaces or principals, {found}")


def _operation(field: str, operation: Operation | None, found: str, version: Version) -> Remarks:
    if operation is None:
        yield denied(field, f"`to.operation` must not be nil, {found}")
        return
    if not any(getattr(operation, name) for name in _both(_OPERATIONS)):
        yield denied(field, f"`to.operation` must not be empty, {found}")
    for name in _both(("ports",)):
        yield from attributes.ports(f"{field}.{api_name(name)}", getattr(operation, name) or ())
    for name in _both(_OPERATIONS):
        yield from attributes.not_empty(f"{field}.{api_name(name)}", getattr(operation, name) or ())
    if version.has(Since.PATH_TEMPLATES):
        for name in _both(("paths",)):
            for place, path in each(f"{field}.{api_name(name)}", getattr(operation, name)):
                yield from path_template(place, path)


def _condition(field: str, condition: Condition) -> Remarks:
    key = condition.key
    if not key:
        yield denied(f"{field}.key", "`key` must not be empty")
    elif not condition.values and not condition.not_values:
        yield denied(field, f"at least one of `values` or `notValues` must be set for key {key}")
    else:
        for name, values in (("value", condition.values), ("notValue", condition.not_values)):
            if fault := attributes.fault(key, values or ()):
                yield denied(f"{field}.{name}s", f"invalid `{name}` for `key` {key}: {fault}")


def _denies_all_tcp(rule: Rule) -> bool:
    """Whether what is left of a rule without its HTTP attributes would deny every connection."""
    sources = [each_from.source for each_from in rule.from_ or () if each_from.source]
    operations = [each_to.operation for each_to in rule.to or () if each_to.operation]
    names_peer = any(getattr(source, name) is not None for source in sources for name in _both(_CONNECTION))
    names_port = any(operation.ports is not None or operation.not_ports is not None for operation in operations)
    return (bool(sources) and not operations and not names_peer) or (bool(operations) and not names_port)
