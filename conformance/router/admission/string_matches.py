"""StringMatch: exact, prefix or regex. That only one is given is the schema's affair (schema.py)."""

from __future__ import annotations

import re2  # type: ignore[import-untyped]

from conformance.router.admission.remark import Remarks, denied, quoted
from conformance.router.objects.virtual_service import StringMatch
from conformance.router.versions import Since, Version

_LONGEST_REGEX = 1024
"""Bytes; Istio's stand-in for Envoy's limit on the size of the compiled program."""

_QUIET = re2.Options()
_QUIET.log_errors = False


def string_match(field: str, match: StringMatch | None, where: str, version: Version) -> Remarks:
    """Of anything but a URI, whose prefix may be empty; `where` is how the webhook calls the field."""
    if match and match.prefix == "" and version.has(Since.EMPTY_PREFIX_REFUSED):
        yield denied(f"{field}.prefix", f"{quoted(where)}: prefix string match should not be empty")
    yield from regex_match(field, match, where)


def regex_match(field: str, match: StringMatch | None, where: str) -> Remarks:
    if match is None or match.regex is None:
        return
    if not match.regex:
        yield denied(f"{field}.regex", f"{quoted(where)}: regex string match should not be empty")
    else:
        yield from regex(f"{field}.regex", match.regex, where)


def regex(field: str, pattern: str, where: str) -> Remarks:
    if len(pattern.encode()) > _LONGEST_REGEX:
        yield denied(field, f"{quoted(where)}: regex is too large, max length allowed is {_LONGEST_REGEX}")
        return
    try:
        re2.compile(pattern, _QUIET)
    except re2.error as error:
        reason = error.args[0].decode()
        hint = "Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)"
        yield denied(field, f"{quoted(where)}: error parsing regexp: {reason}; {hint}")
