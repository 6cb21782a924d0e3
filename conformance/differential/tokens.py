"""JSON Web Tokens of issuers that exist only here. The same words give the same bytes in every process."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from conformance.router.request import Token

KEYS = {"first": 0x1F2E3D4C5B6A79881, "second": 0x8A7B6C5D4E3F20119, "stranger": 0x5D3C2B1A0F9E8D7C7}
"""Private keys by their ids. They protect nothing: they have to be the same in every run."""

EXPIRED, FUTURE = 1_500_000_000, 4_000_000_000
_P256_BYTES = 32


def issuer(name: str) -> str:
    return f"https://{name}.issuer.example"


@cache
def _private(key: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(KEYS[key], ec.SECP256R1())


def key_set(*keys: str) -> str:
    """The public keys as RequestAuthentication takes them inline."""
    return json.dumps({"keys": [_public(key) for key in keys]})


def _public(key: str) -> dict[str, str]:
    numbers = _private(key).public_key().public_numbers()
    point = {name: _encoded(getattr(numbers, name).to_bytes(_P256_BYTES, "big")) for name in ("x", "y")}
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key, **point}


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
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": key}, content))
    signature = _private(key).sign(signed.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    raw = b"".join(number.to_bytes(_P256_BYTES, "big") for number in decode_dss_signature(signature))
    return Token(
        raw=f"{signed}.{_encoded(raw)}",
        key=key,
        issuer=issuer(issued_by),
        subject=subject,
        audiences=audiences,
        claims=claims or {},
        is_expired=is_expired,
    )


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
