"""VirtualService http[].corsPolicy (specification, section 17).

Only for rules with a route: Envoy's CORS filter looks away where the route is a redirect or a direct response. It
runs after fault injection, so an aborted request has no part in it, and its headers overwrite those of operations.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.router.comparisons import compile_comparison
from conformance.router.durations import seconds
from conformance.router.message import Message
from conformance.router.objects.virtual_service import CorsPolicy, StringMatch
from conformance.router.request import Headers
from conformance.router.versions import Since, Version

_ALLOW_ORIGIN = "access-control-allow-origin"
_REQUEST_METHOD = "access-control-request-method"
_REQUEST_HEADERS = "access-control-request-headers"


@dataclass(frozen=True, slots=True)
class Preflight:
    """The proxy's own answer; operations on response headers do not touch it."""

    headers: Headers
    status: int = 200


@dataclass(frozen=True, slots=True)
class SharedResponse:
    """Headers that the answer of the application, or of the proxy in its stead, has in any case."""

    headers: Headers


def answer(policy: CorsPolicy, message: Message, version: Version) -> Preflight | SharedResponse | None:
    """None: the request goes its way as without a policy."""
    origin = _first(message, "origin")
    if not origin:
        return None
    is_allowed = _allows(policy, origin)
    is_preflight = message.method == "OPTIONS" and bool(_first(message, _REQUEST_METHOD))
    if is_preflight and (is_allowed or _ignores_unmatched(policy, version)):
        return Preflight(_preflight_headers(policy, message, origin if is_allowed else None))
    return SharedResponse(tuple(_shared_headers(policy, origin).items())) if is_allowed else None


def _first(message: Message, name: str) -> str:
    values = message.headers.get(name)
    return values[0] if values else ""


def _allows(policy: CorsPolicy, origin: str) -> bool:
    """`*` is a value like any other, which Envoy tries on every matcher before the origin."""
    matches = policy.allow_origins or tuple(StringMatch(exact=each) for each in policy.allow_origin)
    comparisons = (compile_comparison(match, "corsPolicy.allowOrigins") for match in matches if match != StringMatch())
    return any(comparison.accepts("*") or comparison.accepts(origin) for comparison in comparisons)


def _ignores_unmatched(policy: CorsPolicy, version: Version) -> bool:
    return policy.unmatched_preflights == "IGNORE" and version.has(Since.UNMATCHED_PREFLIGHTS)


def _shared_headers(policy: CorsPolicy, origin: str) -> dict[str, str]:
    headers = {_ALLOW_ORIGIN: origin, **_credentials(policy)}
    if policy.expose_headers:
        headers["access-control-expose-headers"] = ",".join(policy.expose_headers)
    return headers


def _credentials(policy: CorsPolicy) -> dict[str, str]:
    return {"access-control-allow-credentials": "true"} if policy.allow_credentials else {}


def _preflight_headers(policy: CorsPolicy, message: Message, origin: str | None) -> Headers:
    headers = _credentials(policy) if origin is None else _shared_headers(policy, origin)
    allowed = (
        ("access-control-allow-methods", policy.allow_methods, _REQUEST_METHOD),
        ("access-control-allow-headers", policy.allow_headers, _REQUEST_HEADERS),
    )
    for name, values, asked in allowed:
        if values:
            # Alone, `*` is whatever was asked for.
            headers[name] = _first(message, asked) if values == ("*",) else ",".join(values)
    if policy.max_age is not None:
        headers["access-control-max-age"] = str(int(seconds(policy.max_age)))
    return tuple(headers.items())
