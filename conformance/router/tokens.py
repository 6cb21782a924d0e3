"""One JSON Web Token: where a request carries it, what Envoy finds wrong with it, what its claims become.

All of it as Envoy's JWT filter does it (specification, section 22; extractor.cc, authenticator.cc, jwt_verify_lib).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from conformance.router.objects.security import JWTRule
from conformance.router.request import Token
from conformance.router.versions import Since, Version

GOOD = ""
MISSING = "Jwt is missing"
UNKNOWN_ISSUER = "Jwt issuer is not configured"
WRONG_AUDIENCE = "Audiences in Jwt are not allowed"
EXPIRED = "Jwt is expired"
PREMATURE = "Jwt not yet valid"
BAD_SIGNATURE = "Jwt verification fails"
NO_SUCH_KEY = "Jwks doesn't have key to match kid or alg from Jwt"
BAD_FORM = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
_ALGORITHMS = frozenset(
    {f"{family}{size}" for family in ("RS", "PS", "ES", "HS") for size in (256, 384, 512)} | {"EdDSA"}
)
_SPACE_DELIMITED = ("scope", "permission")
_START = re.compile(r"[A-Za-z0-9_.-]")
_AUDIENCE_SCHEME = re.compile(r"^https?://")


class Kind(Enum):
    HEADER = "header"
    PARAMETER = "parameter"
    COOKIE = "cookie"


class Found(NamedTuple):
    """A token's text and where it stands."""

    raw: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where one rule looks: JWTRule.fromHeaders, .fromParams, .fromCookies, each in the order of Envoy's maps."""

    headers: tuple[tuple[str, str], ...]
    """Name in lower case, and the prefix that its value has before the token."""
    parameters: tuple[str, ...]
    cookies: tuple[str, ...]

    @staticmethod
    def of(rule: JWTRule, version: Version) -> Places:
        """Any place that is listed replaces both defaults."""
        headers = {((each.name or "").lower(), each.prefix or "") for each in rule.from_headers}
        cookies = rule.from_cookies if version.has(Since.FROM_COOKIES) else ()
        if not (headers or rule.from_params or cookies):
            return Places((("authorization", "Bearer "),), ("access_token",), ())
        return Places(
            tuple(sorted(headers, key="".join)), tuple(sorted({*rule.from_params})), tuple(sorted({*cookies}))
        )

    def find(self, headers: Mapping[str, tuple[str, ...]], query: str | None) -> list[Found]:
        found = [
            Found(raw, Kind.HEADER, name)
            for name, prefix in self.headers
            for value in headers.get(name, ())
            if (raw := _after_prefix(value, prefix)) is not None
        ]
        if self.parameters and query is not None:
            given = parameters_of(query)
            found += [Found(given[name][0], Kind.PARAMETER, name) for name in self.parameters if name in given]
        if self.cookies and "cookie" in headers:
            crumbs = _cookies_of(headers["cookie"])
            found += [Found(crumbs[name], Kind.COOKIE, name) for name in self.cookies if name in crumbs]
        return found


def _after_prefix(value: str, prefix: str) -> str | None:
    """JWTHeader.prefix may stand anywhere in the value; a value without it carries no token."""
    if not prefix:
        return value
    position = value.find(prefix)
    if position < 0:
        return None
    start = _START.search(value, position + len(prefix))
    return value[start.start() :] if start else value


def parameters_of(query: str) -> dict[str, list[str]]:
    """Names and values, decoded byte by byte; a plus sign is a plus sign."""
    parameters: dict[str, list[str]] = {}
    for part in query.removesuffix("&").split("&"):
        name, _, value = part.partition("=")
        parameters.setdefault(_decoded(name), []).append(_decoded(value))
    return parameters


def without_parameter(query: str, name: str) -> str | None:
    """What Envoy leaves of a query: sorted by name and, alas, decoded; None if nothing is left.

    A decoded space or byte above 127 makes a request line that an application may refuse.
    """
    rest = sorted((key, values) for key, values in parameters_of(query).items() if key != name)
    return "&".join(f"{key}={value}" for key, values in rest for value in values) or None


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("latin-1")


def _cookies_of(values: tuple[str, ...]) -> dict[str, str]:
    """The first of each name."""
    cookies: dict[str, str] = {}
    for part in ";".join(values).split(";"):
        name, equals, value = part.lstrip(" ").partition("=")
        if equals:
            is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
            cookies.setdefault(name, value[1:-1] if is_quoted else value)
    return cookies


def flaw_of(
    raw: str, token: Token | None, issuer: str, audiences: frozenset[str], keys: frozenset[str] | None
) -> str | None:
    """What is wrong, in Envoy's words and in its order; GOOD if nothing, None for a real token nobody has described.

    `issuer` "" and no `audiences` allow any. `keys` None: istiod could not fetch them and put one there that fits no
    token.
    """
    if token is None:
        return _malformation(raw)
    if issuer and token.issuer != issuer:
        return UNKNOWN_ISSUER
    if token.is_premature:
        return PREMATURE
    if token.is_expired:
        return EXPIRED
    if audiences and audiences.isdisjoint(map(plain_audience, token.audiences)):
        return WRONG_AUDIENCE
    return _flaw_of_key(raw, token.key, keys)


def plain_audience(audience: str) -> str:
    """Compared without http://, https:// and one slash at the end (jwt_verify_lib's check_audience)."""
    return _AUDIENCE_SCHEME.sub("", audience).removesuffix("/")


def _flaw_of_key(raw: str, key: str, keys: frozenset[str] | None) -> str:
    """Keys are told apart by their names, so a `kid` in the token's own header is taken for one."""
    if keys is None:
        return BAD_SIGNATURE
    if key and key in keys:
        return GOOD
    header = _object_in(raw.partition(".")[0])
    kid = header.get("kid") if isinstance(header, dict) else None
    return NO_SUCH_KEY if kid and kid not in keys else BAD_SIGNATURE


def _malformation(raw: str) -> str | None:
    sections = raw.split(".")
    if len(sections) != 3 or not all(sections):
        return BAD_FORM
    header, payload = map(_object_in, sections[:2])
    algorithm = header.get("alg") if isinstance(header, dict) else None
    complaints = (
        (isinstance(header, str), f"Jwt header {header}"),
        (not isinstance(algorithm, str), "Jwt header [alg] field is required and must be a string"),
        (algorithm not in _ALGORITHMS, "Jwt header [alg] is not supported"),
        (isinstance(payload, str), f"Jwt payload {payload}"),
        (_bytes_in(sections[2]) is None, "Jwt signature is an invalid Base64url encoded"),
    )
    return next((complaint for is_so, complaint in complaints if is_so), None)


def _object_in(section: str) -> dict[str, object] | str:
    """The JSON object of a section, or the end of the sentence that complains of it."""
    content = _bytes_in(section)
    if content is None:
        return "is an invalid Base64url encoded"
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else "is an invalid JSON"


def _bytes_in(section: str) -> bytes | None:
    """Spaces are skipped; padding is either right or not there."""
    compact = "".join(section.split())
    padded = compact if "=" in compact else compact + "=" * (-len(compact) % 4)
    is_valid = len(padded) % 4 == 0 and re.fullmatch(r"[A-Za-z0-9_-]*={0,2}", padded)
    return base64.urlsafe_b64decode(padded) if is_valid else None


def claims_of(token: Token) -> dict[str, object]:
    """The claims as they stand in the token."""
    audiences = token.audiences[0] if len(token.audiences) == 1 else [*token.audiences]
    standard = {"iss": token.issuer, "sub": token.subject, "aud": audiences or None}
    return {**token.claims, **{name: value for name, value in standard.items() if value is not None}}


def with_lists(claims: Mapping[str, object]) -> dict[str, object]:
    """The claims as policies and routes see them: scope and permission are lists of their words."""
    return {
        name: value.split() if name in _SPACE_DELIMITED and isinstance(value, str) else value
        for name, value in claims.items()
    }


def payload_of(raw: str) -> str | None:
    """JWTRule.outputPayloadToHeader: the payload as it stands in the token; None if the text is no real token."""
    sections = raw.split(".")
    return sections[1] if len(sections) == 3 else None


def claim_values(claims: Mapping[str, object], name: str) -> tuple[str | None, ...]:
    """JWTRule.outputClaimToHeaders: no value or one, None where it cannot be told. Dots lead into nested claims."""
    value: object = claims
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ()
        value = value[part]
    return () if value is None or value == "" else (_header_text(value),)


def _header_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value >= 0 and value == int(value) else f"{value:f}"
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return base64.b64encode(json.dumps([*value], separators=(",", ":")).encode()).decode()
    return None  # Envoy writes the JSON of objects in the order of a hash map.
