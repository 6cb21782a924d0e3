"""The keys of a scenario for one run, and the tokens made with them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from joserfc.jwk import Key

from conformance.language import tokens as words
from conformance.language.models import Scenario, Sender, Stage
from conformance.router.request import Token
from conformance.tokens import signing

_AnySender = TypeVar("_AnySender", bound=Sender)

_NO_SIGNATURE = "AAAA"
"""What a forged token of the algorithm none has in place of one."""


@dataclass
class Wallet:
    """Everything is made on first use, and once: what is predicted is what was sent."""

    scenario: Scenario
    _pairs: dict[str, Key] = field(default_factory=dict)
    _raw: dict[str, str] = field(default_factory=dict)
    """The tokens' texts by the names of their cases."""

    def key_set(self, names: Sequence[str]) -> str:
        """The public halves of these keys, as a jwksUri offers them."""
        return signing.key_set(self._pair(name) for name in names)

    def _pair(self, name: str) -> Key:
        if name not in self._pairs:
            self._pairs[name] = signing.fresh_key(name, self.scenario.keys[name].algorithm)
        return self._pairs[name]

    def completed(self, stage: Stage) -> Stage:
        """The stage with the public keys in the RequestAuthentications that trust them."""
        return replace(stage, config=tuple(self._completed(each) for each in stage.config))

    def _completed(self, manifest: dict[str, Any]) -> dict[str, Any]:
        trusted = self._trusted_by(manifest)
        if not trusted:
            return manifest
        spec, inline = manifest["spec"], {"jwks": self.key_set(trusted)}
        rules = [{**inline, **rule} if "jwksUri" not in rule else rule for rule in spec.get("jwtRules", ())]
        return {**manifest, "spec": {**spec, "jwtRules": rules}}

    def _trusted_by(self, manifest: Mapping[str, Any]) -> list[str]:
        if manifest["kind"] != "RequestAuthentication":
            return []
        name = manifest["metadata"]["name"]
        return [key for key, declared in self.scenario.keys.items() if name in declared.trusted_by]

    def key_sets(self, stage: Stage) -> dict[str, frozenset[str] | None]:
        """As the router knows them: names of keys by jwksUri, or by the text of an inline jwks."""
        found: dict[str, frozenset[str] | None] = {
            uri: None if isinstance(offered, str) else frozenset(offered) for uri, offered in stage.key_server.items()
        }
        for manifest in stage.config:
            trusted = self._trusted_by(manifest)
            if trusted:
                found[self.key_set(trusted)] = frozenset(trusted)
        return found

    def furnished(self, case: _AnySender) -> _AnySender:
        """The case with its token in the request; the token's seconds count from the first call."""
        token = case.request.token
        if token is None:
            return case
        request = case.request
        if token.parameter is not None:
            mark = "&" if urlsplit(request.url).query else "?"
            url = f"{request.url}{mark}{token.parameter}={self._text(case, token)}"
            changed: dict[str, Any] = {request.method.lower(): url}
        else:
            header = {token.header: f"{token.prefix}{self._text(case, token)}"}
            changed = {"headers": {**request.headers, **header}}
        return case.model_copy(update={"request": request.model_copy(update={**changed, "token": None})})

    def shown(self, case: Sender) -> tuple[Token, ...]:
        """The case's token as the router knows it; one of the algorithm none is no token to anybody."""
        token = case.request.token
        if token is None or token.key is None:
            return ()
        return (
            Token(
                raw=self._text(case, token),
                key="" if token.forged else token.key,
                issuer=token.issuer,
                subject=token.subject,
                audiences=token.audiences,
                claims=token.claims,
                is_expired=token.is_expired,
                is_premature=token.is_premature,
            ),
        )

    def _text(self, case: Sender, token: words.Token) -> str:
        if case.name not in self._raw:
            self._raw[case.name] = self._made(token)
        return self._raw[case.name]

    def _made(self, token: words.Token) -> str:
        claims = _claims(token, time.time())
        if token.key is None:
            return signing.unsigned(claims, _NO_SIGNATURE if token.forged else "")
        if token.forged:
            return signing.signed(claims, signing.fresh_key(token.key, self.scenario.keys[token.key].algorithm))
        return signing.signed(claims, self._pair(token.key))


def _claims(token: words.Token, now: float) -> dict[str, Any]:
    claims: dict[str, Any] = {"exp": int(now) + token.expires_in, **token.claims}
    if token.valid_from_in is not None:
        claims["nbf"] = int(now) + token.valid_from_in
    audiences = token.audiences[0] if len(token.audiences) == 1 else [*token.audiences]
    standard = {"iss": token.issuer, "sub": token.subject, "aud": audiences or None}
    return claims | {name: value for name, value in standard.items() if value is not None}
