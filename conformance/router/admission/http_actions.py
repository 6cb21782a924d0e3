"""What a rule does besides routing: redirect, directResponse, rewrite, retries, mirrors."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus

from conformance.router.admission import percentages
from conformance.router.admission.destinations import destination
from conformance.router.admission.durations import duration
from conformance.router.admission.http_faults import status
from conformance.router.admission.ports import optional_port
from conformance.router.admission.remark import Remarks, denied, each, quoted, unfit, warned
from conformance.router.admission.string_matches import regex
from conformance.router.objects.virtual_service import (
    HTTPBody,
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
)
from conformance.router.versions import Version

_LARGE_BODY = 100 * 1024
_LARGEST_BODY = 1024 * 1024
_RETRY_ON = frozenset(
    "5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream retriable-status-codes "
    "retriable-headers envoy-ratelimited http3-post-connect-failure "
    "cancelled deadline-exceeded internal resource-exhausted unavailable".split()
)
_STATUSES = frozenset(str(code.value) for code in HTTPStatus)


def redirect(field: str, rule: HTTPRoute) -> Remarks:
    """Istio's validateHTTPRedirect; it says one thing at a time."""
    given = rule.redirect
    if given is None:
        return
    target = given.uri or given.prefix_rewrite or given.authority or given.scheme
    if given.uri and given.prefix_rewrite:
        yield denied(field, "redirect may only specify one of uri or prefix_rewrite")
    elif given.prefix_rewrite and any(match.uri and match.uri.prefix is None for match in rule.match):
        yield denied(field, "redirect prefix_rewrite requires all URI matches to use prefix match type")
    elif not target and given.port is None and given.derive_port is None:
        yield denied(field, "redirect must specify URI, authority, scheme, or port")
    else:
        yield from _redirect_values(field, given)


def _redirect_values(field: str, given: HTTPRedirect) -> Remarks:
    if given.redirect_code and not 300 <= given.redirect_code <= 399:
        text = f"{given.redirect_code} is not a valid redirect code, must be 3xx"
        yield denied(f"{field}.redirectCode", text)
    elif given.scheme and given.scheme not in {"http", "https"}:
        yield denied(f"{field}.scheme", 'invalid redirect scheme, must be "http" or "https"')
    else:
        yield from optional_port(f"{field}.port", given.port)


def direct_response(field: str, given: HTTPDirectResponse | None) -> Remarks:
    """Istio's validateHTTPDirectResponse."""
    if given is None:
        return
    if given.body:
        yield from _body(f"{field}.body", given.body)
    yield from status(f"{field}.status", given.status)


def _body(field: str, body: HTTPBody) -> Remarks:
    size = len((body.string or "").encode())
    if body.bytes is not None:
        try:
            size = len(base64.b64decode(body.bytes, validate=True))
        except binascii.Error:
            yield unfit(f"{field}.bytes", f"{field}.bytes in body must be of type byte: {quoted(body.bytes)}")
    text = "large direct_responses may impact control plane performance"
    if size > _LARGEST_BODY:
        yield denied(field, f"{text}, must be less than 1MB")
    elif size > _LARGE_BODY:
        yield warned(field, text)


def rewrite(field: str, given: HTTPRewrite | None) -> Remarks:
    """Istio's validateHTTPRewrite."""
    if given is None:
        return
    pattern = given.uri_regex_rewrite
    if given.uri and pattern:
        yield denied(field, "rewrite may only contain one of URI or UriRegexRewrite")
    elif not given.uri and not pattern and not given.authority:
        text = "rewrite must specify at least one of URI, UriRegexRewrite, or authority"
        yield denied(field, f"{text}. Only one of URI or UriRegexRewrite may be specified")
    elif pattern and not (pattern.match and pattern.rewrite):
        text = "UriRegexRewrite requires both Rewrite and Match fields to be specified"
        yield denied(f"{field}.uriRegexRewrite", text)
    elif pattern and pattern.match:
        yield from regex(f"{field}.uriRegexRewrite.match", pattern.match, "HTTPRewrite.UriRegexRewrite.Match")


def retries(field: str, given: HTTPRetry | None, version: Version) -> Remarks:
    """Istio's validateHTTPRetry; a number in retryOn must be a status that Go knows by name."""
    if given is None:
        return
    attempts = given.attempts or 0
    if attempts < 0:
        yield denied(f"{field}.attempts", "attempts cannot be negative")
    configured = given.per_try_timeout is not None or given.retry_on or given.retry_remote_localities is not None
    if attempts == 0 and configured:
        yield denied(field, "http retry policy configured when attempts are set to 0 (disabled)")
    yield from duration(f"{field}.perTryTimeout", given.per_try_timeout, version)
    for policy in given.retry_on.split(",") if given.retry_on else ():
        if policy not in _RETRY_ON | _STATUSES:
            yield denied(f"{field}.retryOn", f"{quoted(policy)} is not a valid retryOn policy")
    yield from duration(f"{field}.backoff", given.backoff, version)


def mirrors(field: str, rule: HTTPRoute) -> Remarks:
    """`mirror`, `mirrorPercent`, `mirrorPercentage` and `mirrors`."""
    if rule.mirror_percent is not None:
        place = f"{field}.mirrorPercent"
        if rule.mirror_percent > 100:
            yield denied(place, f"mirror_percent must have a max value of 100 (it has {rule.mirror_percent})")
        yield warned(place, 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead')
    yield from percentages.mirrored(f"{field}.mirrorPercentage", rule.mirror_percentage, "mirror_percentage")
    yield from destination(f"{field}.mirror", rule.mirror)
    for place, mirror in each(f"{field}.mirrors", rule.mirrors):
        yield from destination(f"{place}.destination", mirror.destination)
        yield from percentages.mirrored(f"{place}.percentage", mirror.percentage, "mirror percentage")
