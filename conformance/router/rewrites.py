"""VirtualService http[].rewrite: the path that goes upstream (specification, section 13.3).

The Host that goes upstream is in header_operations.py, since headers can name it too.
"""

from __future__ import annotations

from conformance.router.matching import Matcher
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPRewrite
from conformance.router.regexes import compile_regex
from conformance.router.versions import Since, Version

ORIGINAL_PATH = "x-envoy-original-path"


def rewritten(
    rewrite: HTTPRewrite | None, matcher: Matcher, message: Message, version: Version
) -> tuple[str, str | None]:
    """Path with its query, and the value of X-Envoy-Original-Path; None where the path stays as it is.

    Neither looks at what the other rewrites, and nothing is normalised again. The query stays.
    """
    target = message.target
    if rewrite is None:
        return target, None
    query = target[len(message.path) :]
    regex = rewrite.uri_regex_rewrite
    if regex is not None and version.has(Since.REGEX_REWRITE):
        path = compile_regex(regex.match or "").replace_all(message.path, regex.rewrite or "")
        return path + query, target
    if rewrite.uri:
        return f"{rewrite.uri}{matcher.rest(message.path)}{query}", target
    return target, None
