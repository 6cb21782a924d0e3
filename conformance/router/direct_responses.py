"""VirtualService http[].directResponse: an answer without an upstream (specification, section 13.2)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from conformance.router.header_operations import Changes
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPBody, HTTPDirectResponse
from conformance.router.request import Headers

_CONTENT_TYPE = "content-type"
_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """What the client gets; `headers` are those that are sure, the rule's own operations among them."""

    status: int
    body: str
    headers: Headers


def direct_response(response: HTTPDirectResponse, message: Message, changes: Changes) -> DirectAnswer:
    """For a status that Envoy takes (`Listed.refused`). `changes` are those of the rule to responses.

    Envoy answers 201 and 3xx with a Location: that of the request itself, if the rule sets no other.
    """
    headers: dict[str, tuple[str, ...]] = {}
    if response.status == 201 or 300 <= response.status < 400:
        headers["location"] = (f"{message.scheme}://{message.authority}{message.target}",)
    headers = dict(changes.apply(headers))
    body = _text(response.body)
    if body:
        headers.setdefault(_CONTENT_TYPE, ("text/plain",))
    else:
        headers.pop(_CONTENT_TYPE, None)
    sent = "" if message.method == "HEAD" or response.status in _WITHOUT_BODY else body
    known = ((name, values) for name, values in headers.items() if name not in changes.unknown)
    return DirectAnswer(response.status, sent, tuple((name, value) for name, values in known for value in values))


def _text(body: HTTPBody | None) -> str:
    """`bytes` are base64 in JSON and YAML, as in all of protobuf's."""
    if body is None:
        return ""
    if body.bytes:
        standard = body.bytes.replace("-", "+").replace("_", "/")
        # Padding may be missing; too much of it is ignored.
        return base64.b64decode(f"{standard}==").decode(errors="replace")
    return body.string or ""
