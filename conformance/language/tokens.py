"""The words for tokens: the keys of a scenario, who trusts them, and the token that a request carries.

No private key stands in a file: a run makes all of them, and tells the mesh the public halves. Times are in seconds
from the moment of sending.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from conformance.language.protocols import Url
from conformance.language.words import HeaderName, Label, Listed, Text, Words, contradiction

Algorithm = Literal["ES256", "RS256"]

LEEWAY_SECONDS = 60
"""By so much Envoy takes a token too early and too late (JwtProvider.clock_skew_seconds), since clocks differ."""
_MARGIN_SECONDS = 25
"""What may pass between the moment a token is made and the moment it is looked at."""

RESERVED = {
    "iss": "issuer",
    "sub": "subject",
    "aud": "audiences",
    "exp": "expires_in",
    "nbf": "valid_from_in",
}
"""Claims that have words of their own."""

UNAVAILABLE = "unavailable"

Prefix = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$")]


def _without_reserved(claims: dict[str, Any]) -> dict[str, Any]:
    for name in claims:
        if name in RESERVED:
            raise contradiction(
                f"the claim {name} has a word of its own", f"write {RESERVED[name]} beside claims", name
            )
    return claims


class Key(Words):
    """A pair of keys; every run makes its own."""

    algorithm: Algorithm = "ES256"
    trusted_by: Listed[Label] = ()
    """RequestAuthentications: those of their rules that say nothing of keys get the public half inline, as jwks."""


class Token(Words):
    """A JSON Web Token and where the request carries it: behind the prefix in a header, or in a query parameter."""

    key: Label | None = None
    """Whose private half signs; its name is the token's kid."""
    algorithm: Literal["none"] | None = None
    """In place of a key: not signed."""
    forged: bool = False
    """The signature is of somebody who does not have the key: of another pair, under its name."""
    issuer: Text | None = None
    subject: Text | None = None
    audiences: Listed[Text] = ()
    claims: Annotated[dict[str, Any], AfterValidator(_without_reserved)] = Field({}, min_length=1)
    expires_in: int = 600
    valid_from_in: int | None = None
    header: HeaderName = "authorization"
    prefix: Prefix = "Bearer "
    parameter: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")] | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Token:
        if (self.key is None) == (self.algorithm is None):
            raise contradiction("a token is signed by one key, or by none", "write either key or algorithm: none")
        if self.parameter and {"header", "prefix"} & self.model_fields_set:
            raise contradiction("a token in a parameter has no header", "keep one of the two", "parameter")
        for name, bound in (("expires_in", -LEEWAY_SECONDS), ("valid_from_in", LEEWAY_SECONDS)):
            seconds = getattr(self, name)
            if seconds is not None and abs(seconds - bound) < _MARGIN_SECONDS:
                problem = f"whether Envoy takes a token with {name}: {seconds} depends on how soon it is sent"
                hint = f"stay {_MARGIN_SECONDS} s away from {bound}, where its leeway ends"
                raise contradiction(problem, hint, name)
        return self

    @property
    def is_expired(self) -> bool:
        return self.expires_in < -LEEWAY_SECONDS

    @property
    def is_premature(self) -> bool:
        return self.valid_from_in is not None and self.valid_from_in > LEEWAY_SECONDS


KeyServer = dict[Url, Listed[Label] | Literal["unavailable"]]
"""What the key server in the cluster answers while a stage holds: by jwksUri the names of keys, or that it fails (503).

A URI that is not listed here is not served: what asks for it gets 404.
"""
