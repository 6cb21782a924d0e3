"""`corsPolicy` of a rule."""

from __future__ import annotations

from conformance.router.admission.durations import duration, parsed
from conformance.router.admission.headers import cors_name
from conformance.router.admission.remark import Remarks, denied, each, quoted
from conformance.router.admission.string_matches import regex_match
from conformance.router.objects.virtual_service import CorsPolicy
from conformance.router.versions import Version

_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE CONNECT OPTIONS TRACE *".split())


def cors_policy(field: str, policy: CorsPolicy | None, version: Version) -> Remarks:
    """Istio's validateCORSPolicy."""
    if policy is None:
        return
    for place, origin in each(f"{field}.allowOrigins", policy.allow_origins):
        if not (origin.exact or origin.prefix or origin.regex):
            yield denied(place, "'' is not a valid match type for CORS allow origins")
        else:
            yield from regex_match(place, origin, "corsPolicy.allowOrigins")
    for place, method in each(f"{field}.allowMethods", policy.allow_methods):
        if method not in _METHODS:
            yield denied(place, f"{quoted(method)} is not a supported HTTP method")
    for place, name in each(f"{field}.allowHeaders", policy.allow_headers):
        yield from cors_name(place, name)
    for place, name in each(f"{field}.exposeHeaders", policy.expose_headers):
        yield from cors_name(place, name)
    yield from duration(f"{field}.maxAge", policy.max_age, version)
    age = parsed(policy.max_age) if policy.max_age is not None else None
    if age and age > 0 and age.denominator != 1:
        yield denied(f"{field}.maxAge", "max_age duration is accurate only to seconds precision")
