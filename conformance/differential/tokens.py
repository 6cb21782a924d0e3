"""JSON Web Tokens of issuers that exist only here. The same words give the same bytes in every process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc.jwk import Key

from conformance.router.request import Token
from conformance.tokens import signing

KEYS = {"first": 0x1F2E3D4C5B6A79881, "second": 0x8A7B6C5D4E3F20119, "stranger": 0x5D3C2B1A0F9E8D7C7}
"""Private keys by their ids. They protect nothing: they have to be the same in every run."""

EXPIRED, FUTURE = 1_500_000_000, 4_000_000_000


def issuer(name: str) -> str:
    return f"https://{name}.issuer.example"


@cache
def _key(name: str) -> Key:
    return signing.known_key(name, KEYS[name])


def key_set(*keys: str) -> str:
    """The public keys as RequestAuthentication takes them inline."""
    return signing.key_set(_key(key) for key in keys)


def token(
    key: str,
    issued_by: str,
    *,
    subject: str | None = "someone",
    audiences: tuple[str, ...] = (),
    claims: Mapping[str, object] | None = None,
    is_expired: bool = False,
) -> Token:
    """Signed by a key of KEYS."""
    content: dict[str, Any] = {"iss": issuer(issued_by), "exp": EXPIRED if is_expired else FUTURE, **(claims or {})}
    if subject is not None:
        content["sub"] = subject
    if audiences:
        content["aud"] = list(audiences)
    return Token(
        raw=signing.signed(content, _key(key)),
        key=key,
        issuer=issuer(issued_by),
        subject=subject,
        audiences=audiences,
        claims=claims or {},
        is_expired=is_expired,
    )
