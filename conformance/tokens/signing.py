"""Keys and JSON Web Tokens of issuers that exist only here: the one place that signs. Claims in, the token's text out.

joserfc does the work (RFC 7515, 7517, 7518). Signatures with elliptic curves are the repeatable ones of RFC 6979, so
that the same words with the same key are the same bytes in every process.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwa import ESAlgorithm
from joserfc.jwk import ECKey, Key, KeyParameters, KeySet, RSAKey
from joserfc.util import urlsafe_b64encode

from conformance.language.tokens import Algorithm

_BITS = 2048


class _Repeatable(ESAlgorithm):
    """ES256 whose signature depends on nothing but the key and the text."""

    def sign(self, msg: bytes, key: ECKey) -> bytes:
        signature = key.get_op_key("sign").sign(msg, ec.ECDSA(self.hash_alg(), deterministic_signing=True))
        size = (key.curve_key_size + 7) // 8
        return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))


@cache
def _registry() -> jws.JWSRegistry:
    jws.JWSRegistry.register(_Repeatable("ES256", "P-256", 256))
    return jws.JWSRegistry(algorithms=[*get_args(Algorithm), "none"])


def fresh_key(name: str, algorithm: Algorithm) -> Key:
    """A pair that nobody had before; `name` is its kid."""
    described: KeyParameters = {"kid": name, "alg": algorithm, "use": "sig"}
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", described)
    return RSAKey.generate_key(_BITS, described)


def known_key(name: str, number: int) -> Key:
    """The pair of ES256 with this private number, the same in every run: it protects nothing."""
    private = ec.derive_private_key(number, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    coordinates = {"x": numbers.x, "y": numbers.y, "d": number}
    described = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": name}
    pair: dict[str, str | list[str]] = {**described, **{letter: _encoded(each) for letter, each in coordinates.items()}}
    return ECKey.import_key(pair)


def _encoded(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(32, "big")).decode()


def key_set(keys: Iterable[Key]) -> str:
    """The public halves as a JSON Web Key Set."""
    return json.dumps(KeySet(list(keys)).as_dict(private=False), sort_keys=True)


def signed(claims: Mapping[str, Any], key: Key) -> str:
    """The token's text, with the key's name as kid."""
    header = {"alg": str(key.get("alg")), "kid": str(key.get("kid"))}
    return jws.serialize_compact(header, json.dumps(claims), key, registry=_registry())


def unsigned(claims: Mapping[str, Any], signature: str = "") -> str:
    """A token of the algorithm none; with a signature it is none that anybody made."""
    with warnings.catch_warnings():
        # It warns of what the scenario is about.
        warnings.simplefilter("ignore", SecurityWarning)
        return jws.serialize_compact({"alg": "none"}, json.dumps(claims), None, registry=_registry()) + signature
