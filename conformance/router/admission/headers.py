"""Headers: names in matches, names and values in operations, the header that is the authority."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from conformance.router.admission.remark import Remarks, denied, each, entries, quoted
from conformance.router.objects.virtual_service import HeaderOperations, Headers, HTTPRewrite

_NAME = re.compile(r"[-!#$%&'*+.^_`|~A-Za-z0-9]+")
_STRICT_NAME = re.compile(r"[-_A-Za-z0-9]+")
_PSEUDO = frozenset({":method", ":scheme", ":authority", ":path", ":status"})
_CLAIM = re.compile(r"@request\.auth\.claims(?:\..+|\[.+\])", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STRING = r'(?:\\.|[^\\)"])*'
_VALUE = re.compile(
    rf"""(?: [^%] | %%                               # text, an escaped per cent sign
        | %(?!%) [^%(]* (?: %                        # %NAME%
            | \( [ ]* (?: \[ [ ]* " | [^ [] )        # %NAME( and the beginning of its arguments, a list or not
              (?: {_STRING} " [ ]* , [ ]* " )*
              {_STRING} (?: \) | " [ ]* \] [ ]* \) )
              [ ]* % )                               # )%
        )*""",
    re.VERBOSE | re.DOTALL,
)
"""What Envoy reads as a header value (header_value_validator.go)."""


def is_claim(name: str) -> bool:
    """`@request.auth.claims.sub` and `@request.auth.claims[sub]` ask for a claim of the JWT (pkg/jwt/routing.go)."""
    return _CLAIM.fullmatch(name) is not None


def is_strict_name(name: str) -> bool:
    return _STRICT_NAME.fullmatch(name) is not None


def matched_name(field: str, name: str) -> Remarks:
    """The key of a header match (ValidateHTTPHeaderNameOrJwtClaimRoute)."""
    if not name:
        yield denied(field, "header name cannot be empty")
    elif not (is_claim(name) or name in _PSEUDO or _NAME.fullmatch(name)):
        yield denied(field, f"header name {name} is not a valid header name")


def cors_name(field: str, name: str) -> Remarks:
    """A member of allowHeaders or exposeHeaders; `*` among them is a name like any other."""
    if not name:
        yield denied(field, "header name cannot be empty")
    elif not _NAME.fullmatch(name):
        yield denied(field, f"header name {name} is not a valid header name")


def operations(field: str, headers: Headers | None) -> Remarks:
    """`headers` of a rule or a destination. The request's authority may be set, not removed."""
    if headers is None:
        return
    yield from _side(f"{field}.request", headers.request, _writable)
    yield from _side(f"{field}.response", headers.response, _operable)


def _side(field: str, given: HeaderOperations | None, writable: Callable[[str, str], Remarks]) -> Remarks:
    for place, name, value in _written(field, given):
        yield from writable(place, name)
        yield from header_value(place, value)
    for place, name in each(f"{field}.remove", given.remove if given else ()):
        yield from _operable(place, name)


def header_value(field: str, value: str) -> Remarks:
    """ValidateHTTPHeaderValue; which variables exist is Envoy's affair."""
    if _CONTROL.search(value):
        yield denied(field, f"header value configuration {value} is invalid")
    elif not _VALUE.fullmatch(value):
        yield denied(field, "header value configuration: invalid header configuration. Un-escaped % or variable")


def authority_set_once(field: str, rewrite: HTTPRewrite | None, headers: Headers | None) -> Remarks:
    """One of rewrite.authority and the request headers Host and :authority (validateAuthorityRewrite)."""
    current = (rewrite.authority if rewrite else None) or ""
    for place, name, value in _written(f"{field}.request", headers.request if headers else None):
        if not _is_authority(name):
            continue
        if current:
            attempt = f"have {quoted(current)}, attempting to set {quoted(value)}"
            yield denied(place, f"authority header cannot be set multiple times: {attempt}")
            return
        current = value


def _written(field: str, given: HeaderOperations | None) -> Iterator[tuple[str, str, str]]:
    if given:
        yield from entries(f"{field}.set", given.set)
        yield from entries(f"{field}.add", given.add)


def _is_authority(name: str) -> bool:
    return name.lower() in {":authority", "host"}


def _writable(field: str, name: str) -> Remarks:
    if not name:
        yield denied(field, "header name cannot be empty")
    elif name.startswith(":") and not _is_authority(name):
        yield denied(field, f'invalid header {quoted(name)}: header cannot have ":" prefix')


def _operable(field: str, name: str) -> Remarks:
    if not name:
        yield denied(field, "header name cannot be empty")
    elif name.lower() == "host":
        yield denied(field, f"invalid header {quoted(name)}: cannot set Host header")
    elif name.startswith(":"):
        yield denied(field, f'invalid header {quoted(name)}: header cannot have ":" prefix')
