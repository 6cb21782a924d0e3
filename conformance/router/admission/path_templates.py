"""Paths with `{*}` and `{**}` in AuthorizationPolicies (CheckValidPathTemplate)."""

from __future__ import annotations

import re

from conformance.router.admission.remark import Remarks, denied

_ONE, _ANY = "{*}", "{**}"
_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+")


def path_template(field: str, path: str) -> Remarks:
    """`{**}` stands at the end; apart from the two, no braces. The name of the list is not in the text."""
    is_template = _ONE in path or _ANY in path
    trimmed = path.strip("/")
    invalid = f"invalid or unsupported path {trimmed}, found in Paths"
    any_seen = False
    for segment in trimmed.split("/"):
        if segment in {_ONE, _ANY}:
            if any_seen:
                yield denied(field, f"{invalid}. {_ANY} is not the last operator")
                return
            any_seen = segment == _ANY
        elif "{" in segment or "}" in segment:
            yield denied(field, f"{invalid}. Contains '{{' or '}}' beyond a supported path template")
            return
        elif is_template and not _LITERAL.fullmatch(segment):
            yield denied(field, f"{invalid}. Contains segment {segment} with invalid string literal")
            return
