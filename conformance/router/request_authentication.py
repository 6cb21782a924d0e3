"""Tokens at the door of a workload: RequestAuthentication as Envoy's JWT filter runs it (specification, section 22).

istiod makes a provider of every rule of every selecting policy. A request passes if any of them finds its tokens good,
or if each finds its tokens good or none at all. The filter also changes the request: it takes good tokens out, puts
claims in, and does not let a client say what a header of claims says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from conformance.router.message import Message
from conformance.router.objects.metadata import Reference
from conformance.router.objects.security import JWTRule, RequestAuthentication
from conformance.router.policy_selection import selects
from conformance.router.request import Token
from conformance.router.tokens import (
    GOOD,
    MISSING,
    UNKNOWN_ISSUER,
    WRONG_AUDIENCE,
    Found,
    Kind,
    Places,
    claim_values,
    claims_of,
    flaw_of,
    payload_of,
    plain_audience,
    with_lists,
    without_parameter,
)
from conformance.router.versions import Since, Version

KeySets = Mapping[str, frozenset[str] | None]
"""Names of the keys by jwksUri, inline jwks or (where a rule has neither) issuer. None, or not there: unreachable."""

_REALM_PATH_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Provider:
    """One JWTRule, compiled."""

    by: Reference
    field: str
    """spec.jwtRules[0]"""
    issuer: str
    """"" for any."""
    audiences: frozenset[str]
    keys: str
    """The name of its key set."""
    places: Places
    forwards: bool
    payload_header: str
    """Where the payload goes, in lower case; "" for nowhere."""
    claim_headers: tuple[tuple[str, str], ...]
    """Header in lower case, claim."""

    @property
    def headers(self) -> frozenset[str]:
        """All that it reads or writes."""
        written = [self.payload_header, *(header for header, _ in self.claim_headers)]
        read = [*(name for name, _ in self.places.headers), *(["cookie"] if self.places.cookies else [])]
        return frozenset((*read, *written))

    @staticmethod
    def of(policy: RequestAuthentication, number: int, rule: JWTRule, version: Version) -> Provider:
        return Provider(
            by=policy.reference,
            field=f"spec.jwtRules[{number}]",
            issuer=rule.issuer or "",
            audiences=frozenset(map(plain_audience, rule.audiences)),
            keys=rule.jwks_uri or rule.jwks or rule.issuer or "",
            places=Places.of(rule, version),
            forwards=bool(rule.forward_original_token),
            payload_header=(rule.output_payload_to_header or "").lower(),
            claim_headers=tuple(
                ((each.header or "").lower(), each.claim or "") for each in rule.output_claim_to_headers
            ),
        )


class Authenticated(NamedTuple):
    """The request may go on. A tuple, because one is made for every request."""

    message: Message
    """As the next filter sees it, with the claims of the verified token."""
    removed_headers: tuple[str, ...] = ()
    added_headers: tuple[tuple[str, str | None], ...] = ()
    """None where the value cannot be told; `message` has it empty then."""
    by: Reference | None = None
    """Whose rule verified the token; None without one."""
    field: str = ""

    @property
    def claims(self) -> Mapping[str, object] | None:
        return self.message.claims

    @property
    def principal(self) -> str | None:
        """iss/sub, as AuthorizationPolicy.rules.from.source.requestPrincipals means it."""
        issuer, subject = ((self.message.claims or {}).get(name) for name in ("iss", "sub"))
        return f"{issuer}/{subject}" if issuer and subject else None


@dataclass(frozen=True, slots=True)
class JwtRejected:
    """The filter answers instead of the application."""

    status: int
    body: str | None
    """None where the flaw of the token is not known."""
    www_authenticate: str
    by: Reference
    field: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """All rules that guard one workload."""

    providers: tuple[Provider, ...] = ()
    exempts_preflights: bool = True
    headers: frozenset[str] = frozenset()
    """All that any rule reads or writes."""
    reads_query: bool = False

    def check(self, message: Message, tokens: tuple[Token, ...], key_sets: KeySets) -> Authenticated | JwtRejected:
        """One request. A token's text that none of `tokens` has is no token of anybody's: malformed."""
        if message.claims is not None:
            # Another proxy found them; they do not travel.
            message = replace(message, claims=None)
        if not self.providers or not self._concerns(message):
            return Authenticated(message)
        passage = _Passage(message.headers, message.query, {token.raw: token for token in tokens}, key_sets)
        flaws: list[tuple[str | None, Provider]] = []
        for provider in self.providers:
            flaws.append((passage.attempt(provider), provider))
            if flaws[-1][0] == GOOD:
                return passage.result(message)
        # Nobody was content with all tokens of its places. The second round is not the same: good ones are gone.
        for provider in self.providers:
            flaw = passage.attempt(provider)
            if flaw not in (GOOD, MISSING):
                return _rejection(message, *_gravest([*flaws, (flaw, provider)]))
        return passage.result(message)

    def _concerns(self, message: Message) -> bool:
        """Whether there is anything to check; preflights carry no tokens, whatever they carry."""
        if self.headers.isdisjoint(message.headers) and (message.query is None or not self.reads_query):
            return False
        return not (self.exempts_preflights and _is_preflight(message))


def authenticators_for(
    policies: Iterable[RequestAuthentication],
    *,
    namespace: str,
    labels: Mapping[str, str],
    root_namespace: str,
    version: Version,
) -> Authentication:
    """The rules of all policies that select the workload, together: RequestAuthentication.jwtRules.

    The order of rules is that of their issuers; it decides whose complaint the client reads.
    """
    chosen = [
        policy
        for policy in policies
        if selects(policy, namespace=namespace, labels=labels, root_namespace=root_namespace)
    ]
    chosen.sort(key=lambda policy: (policy.metadata.namespace != namespace, policy.metadata.seniority))
    providers = [
        Provider.of(policy, number, rule, version)
        for policy in chosen
        for number, rule in enumerate(policy.spec.jwt_rules)
    ]
    providers.sort(key=lambda provider: provider.issuer)
    return Authentication(
        providers=tuple(providers),
        exempts_preflights=version.has(Since.PREFLIGHT_WITHOUT_TOKEN),
        headers=frozenset().union(*(provider.headers for provider in providers)),
        reads_query=any(provider.places.parameters for provider in providers),
    )


@dataclass(slots=True)
class _Passage:
    """A request on its way through the filter, and what has been done to it."""

    headers: Mapping[str, tuple[str, ...]]
    query: str | None
    tokens: Mapping[str, Token]
    key_sets: KeySets
    claims: Mapping[str, object] | None = None
    removed: list[str] = field(default_factory=list)
    added: list[tuple[str, str | None]] = field(default_factory=list)
    last: Provider | None = None
    """Who verified a token, the latest."""

    def attempt(self, provider: Provider) -> str | None:
        """All tokens that the provider finds have to be good; the first flaw found (flaw_of) is the answer."""
        self._silence(provider)
        found = provider.places.find(self.headers, self.query)
        for each in reversed(found):
            # Space at the end belongs to the signature, where it does not count.
            token = self.tokens.get(each.raw.rstrip())
            flaw = flaw_of(each.raw, token, provider.issuer, provider.audiences, self.key_sets.get(provider.keys))
            if token is None or flaw != GOOD:
                return flaw
            self._accept(provider, each, token)
        return GOOD if found else MISSING

    def _silence(self, provider: Provider) -> None:
        """What the client itself sends under the names of claims."""
        if provider.payload_header:
            self._remove(provider.payload_header)
        for header, _ in provider.claim_headers:
            self._remove(header)

    def _accept(self, provider: Provider, found: Found, token: Token) -> None:
        claims = claims_of(token)
        if provider.payload_header:
            self._add(provider.payload_header, payload_of(found.raw))
        for header, claim in provider.claim_headers:
            for value in claim_values(claims, claim):
                self._add(header, value)
        if not provider.forwards:
            self._take_out(found)
        self.claims = with_lists(claims)
        self.last = provider

    def _take_out(self, found: Found) -> None:
        """Cookies stay: Envoy cannot take them out yet."""
        if found.kind is Kind.HEADER:
            self._remove(found.name)
        elif found.kind is Kind.PARAMETER:
            self.query = without_parameter(self.query or "", found.name)

    def _remove(self, name: str) -> None:
        if name in self.headers:
            self.headers = {key: values for key, values in self.headers.items() if key != name}
            self.added = [each for each in self.added if each[0] != name]
            self.removed.append(name)

    def _add(self, name: str, value: str | None) -> None:
        self.headers = {**self.headers, name: (*self.headers.get(name, ()), value or "")}
        self.added.append((name, value))

    def result(self, message: Message) -> Authenticated:
        changed = replace(message, headers=self.headers, query=self.query, claims=self.claims)
        last = self.last
        return Authenticated(
            message=changed,
            removed_headers=tuple(dict.fromkeys(self.removed)),
            added_headers=tuple(self.added),
            by=last.by if last else None,
            field=last.field if last else "",
        )


def _gravest(flaws: list[tuple[str | None, Provider]]) -> tuple[str | None, Provider]:
    """What Envoy answers when all fail: the last real complaint, else an unknown issuer."""
    answer = flaws[0]
    for flaw in flaws[1:]:
        if answer[0] == MISSING or flaw[0] not in (MISSING, UNKNOWN_ISSUER):
            answer = flaw
    return answer


def _rejection(message: Message, flaw: str | None, provider: Provider) -> JwtRejected:
    return JwtRejected(
        status=403 if flaw == WRONG_AUDIENCE else 401,
        body=flaw,
        www_authenticate=f'Bearer realm="{_realm(message)}", error="invalid_token"',
        by=provider.by,
        field=provider.field,
    )


def _is_preflight(message: Message) -> bool:
    return message.method == "OPTIONS" and all(
        any(message.headers.get(name, ())) for name in ("origin", "access-control-request-method")
    )


def _realm(message: Message) -> str:
    """The address as the client wrote it, also where a proxy before this one has rewritten the path."""
    target = message.headers.get("x-envoy-original-path", (message.target,))[0]
    return f"{message.scheme}://{message.authority}{target[:_REALM_PATH_LIMIT]}"
