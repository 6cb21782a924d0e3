"""Who may do what at a workload: AuthorizationPolicy (specification, section 22).

In the order of the filters: CUSTOM asks an external authorizer, DENY refuses what any of its rules matches, ALLOW
refuses what none of its rules matches. AUDIT and policies on trial (istio.io/dry-run) refuse nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple

from conformance.router.authorization_rules import CompiledRule, Unusable, Use, compile_rule
from conformance.router.authorization_values import Caller, Seen, Setting, is_template
from conformance.router.message import Message
from conformance.router.objects.metadata import Reference
from conformance.router.objects.security import AuthorizationPolicy
from conformance.router.policy_selection import selects
from conformance.router.versions import Version

__all__ = ["DENIED_BODY", "Authorization", "Authorizer", "Caller", "Decision", "policies_for"]

DENIED_BODY = "RBAC: access denied"
"""Of the 403. On a TCP port the connection is closed instead."""

Authorizer = Literal["http", "grpc"]
"""MeshConfig.extensionProviders: envoyExtAuthzHttp, which knows no TCP, and envoyExtAuthzGrpc."""

_DRY_RUN = "istio.io/dry-run"
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_NO_MESSAGE = Message(method="", scheme="", authority="", path="", query=None)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the workload's proxy lets it through, and what decided."""

    allowed: bool | None
    """None where it depends on what the router does not know; `why` says on what."""
    policy: Reference | None = None
    field: str = ""
    """The rule that matched (spec.rules[0]); where none did, what stopped the one that came nearest."""
    why: str = ""


UNGUARDED = Decision(allowed=True, why="no policy forbids it")


class Guard(NamedTuple):
    """A rule, and what follows if it matches."""

    rule: CompiledRule
    decision: Decision


Guards = tuple[Guard, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """The rules of one workload, as one kind of its ports has them."""

    custom: Guards = ()
    deny: Guards = ()
    allow: Guards = ()
    allow_policies: tuple[Reference, ...] = ()
    """Also those without a rule: what no rule allows is denied as soon as there is one."""

    def ask(self, seen: Seen) -> Decision:
        """CUSTOM, the first filter; it stands before the one for tokens."""
        return _first(self.custom, seen) or UNGUARDED

    def decide(self, seen: Seen) -> Decision:
        """DENY and ALLOW, the filters after the one for tokens."""
        denial = _first(self.deny, seen)
        if denial or not self.allow_policies:
            return denial or UNGUARDED
        return _first(self.allow, seen) or self._unpermitted(seen)

    def _unpermitted(self, seen: Seen) -> Decision:
        if not self.allow:
            why = "no ALLOW policy has a rule for this kind of port"
            return Decision(allowed=False, policy=self.allow_policies[0], field="spec.rules", why=why)
        nearest = max((each.rule for each in self.allow), key=lambda rule: rule.progress(seen))
        why = "no rule of an ALLOW policy matches; this one came nearest"
        return Decision(allowed=False, policy=nearest.policy, field=nearest.stopped_by(seen), why=why)


def _first(guards: Guards, seen: Seen) -> Decision | None:
    """Of the rules that match; one that is sure to, if there is any."""
    doubtful = None
    for rule, decision in guards:
        if rule.matches(seen):
            if decision.allowed is not None:
                return decision
            doubtful = doubtful or decision
    return doubtful


@dataclass(frozen=True, slots=True)
class Authorization:
    """All policies that guard one workload."""

    http: Filters = Filters()
    tcp: Filters = Filters()
    is_empty: bool = True
    refused: Decision | None = None
    """Envoy does not take these policies, so it follows older ones that the router does not know."""

    def decide_custom(self, caller: Caller, message: Message, port: int, *, destination_address: str) -> Decision:
        """What comes before the check of tokens: CUSTOM policies see the request as it arrived."""
        return self.refused or self.http.ask(Seen(caller, port, destination_address, message))

    def decide_http(self, caller: Caller, message: Message, port: int, *, destination_address: str) -> Decision:
        """A request that decide_custom lets pass, as the check of tokens left it, to a port of the workload itself.

        Where it is denied the client gets 403 and DENIED_BODY.
        """
        return self.http.decide(Seen(caller, port, destination_address, message))

    def decide_tcp(self, caller: Caller, port: int, *, destination_address: str) -> Decision:
        """One connection to a port that is not HTTP; where it is denied the proxy closes it."""
        seen = Seen(caller, port, destination_address, _NO_MESSAGE)
        asked = self.refused or self.tcp.ask(seen)
        return self.tcp.decide(seen) if asked.allowed else asked


def policies_for(
    policies: Iterable[AuthorizationPolicy],
    *,
    namespace: str,
    labels: Mapping[str, str],
    root_namespace: str,
    version: Version,
    trust_domain: str,
    authorizers: Mapping[str, Authorizer],
) -> Authorization:
    """The policies that select the workload: the root namespace's, then its own, each by age.

    `authorizers` are the extension providers of MeshConfig that CUSTOM policies may name.
    """
    chosen = [
        policy
        for policy in policies
        if selects(policy, namespace=namespace, labels=labels, root_namespace=root_namespace)
    ]
    if not chosen:
        return Authorization()
    chosen.sort(key=lambda policy: (policy.metadata.namespace != root_namespace, policy.metadata.seniority))
    compiler = _Compiler(chosen, version, trust_domain, authorizers)
    refused = next(filter(None, (_refusal(policy, version) for policy in chosen)), None)
    return Authorization(
        compiler.filters(for_tcp=False), compiler.filters(for_tcp=True), is_empty=False, refused=refused
    )


def _refusal(policy: AuthorizationPolicy, version: Version) -> Decision | None:
    """Admission looks at a path template without the slashes at its ends, Envoy at all of it."""
    for number, rule in enumerate(policy.spec.rules):
        operations = [each.operation for each in rule.to or () if each.operation]
        paths = [path for each in operations for path in (*(each.paths or ()), *(each.not_paths or ()))]
        for path in paths:
            if is_template(path, version) and ("//" in path or not path.startswith("/")):
                why = f"Envoy refuses a listener with the path template {path}"
                return Decision(allowed=None, policy=policy.reference, field=f"spec.rules[{number}].to", why=why)
    return None


@dataclass(frozen=True, slots=True)
class _Compiler:
    policies: Sequence[AuthorizationPolicy]
    version: Version
    trust_domain: str
    authorizers: Mapping[str, Authorizer]

    def filters(self, *, for_tcp: bool) -> Filters:
        return Filters(
            custom=self._custom(for_tcp=for_tcp),
            deny=self._guards("DENY", "a rule of a DENY policy matches", allowed=False, for_tcp=for_tcp),
            allow=self._guards("ALLOW", "a rule of an ALLOW policy matches", allowed=True, for_tcp=for_tcp),
            allow_policies=tuple(policy.reference for policy in self._enforced("ALLOW")),
        )

    def _enforced(self, action: str) -> list[AuthorizationPolicy]:
        return [each for each in self.policies if _action(each) == action and not _is_on_trial(each)]

    def _guards(self, action: str, why: str, *, allowed: bool, for_tcp: bool) -> Guards:
        return tuple(
            Guard(rule, _decision(rule, None if rule.is_open else allowed, why))
            for policy in self._enforced(action)
            for rule in self._rules(policy, for_tcp=for_tcp)
        )

    def _custom(self, *, for_tcp: bool) -> Guards:
        """AuthorizationPolicy.provider: what one matches depends on the authorizer's answer.

        Where istiod cannot set the authorizer up, because MeshConfig has none of the name or because policies name
        several (PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS is off), what any of them matches is denied.
        """
        names = {_authorizer(each) for each in self.policies if _action(each) == "CUSTOM"}
        guards = []
        for policy in self._enforced("CUSTOM"):
            name = _authorizer(policy)
            kind = self.authorizers.get(name)
            is_usable = kind is not None and len(names) == 1
            if is_usable and for_tcp and kind == "http":
                continue
            why = f"{name} decides" if is_usable else f"{name} is not set up as the only authorizer, so istiod denies"
            guards += [
                Guard(rule, _decision(rule, None if is_usable or rule.is_open else False, why))
                for rule in self._rules(policy, for_tcp=for_tcp)
            ]
        return tuple(guards)

    def _rules(self, policy: AuthorizationPolicy, *, for_tcp: bool) -> Iterator[CompiledRule]:
        setting = Setting(policy.metadata.namespace, self.version, self.trust_domain)
        use = Use(setting, for_tcp=for_tcp, is_strict=_action(policy) == "ALLOW")
        for number, rule in enumerate(policy.spec.rules):
            with suppress(Unusable):
                yield compile_rule(rule, policy.reference, number, use)


def _decision(rule: CompiledRule, allowed: bool | None, why: str) -> Decision:  # noqa: FBT001 - it is the decision
    unknown = " if it also fits metadata that Envoy's own filters set" if rule.is_open else ""
    return Decision(allowed, rule.policy, rule.field, why + unknown)


def _action(policy: AuthorizationPolicy) -> str:
    return policy.spec.action or "ALLOW"


def _authorizer(policy: AuthorizationPolicy) -> str:
    return (policy.spec.provider and policy.spec.provider.name) or ""


def _is_on_trial(policy: AuthorizationPolicy) -> bool:
    """The annotation istio.io/dry-run, read as Go reads a boolean; anything else is no trial."""
    return policy.metadata.annotations.get(_DRY_RUN) in _TRUE
