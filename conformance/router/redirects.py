"""Redirects: VirtualService http[].redirect and a Gateway's httpsRedirect (specification, sections 10.2, 13.1, 28)."""

from __future__ import annotations

from conformance.router.matching import Matcher
from conformance.router.message import Message
from conformance.router.objects.virtual_service import HTTPRedirect
from conformance.router.undefined import Undefined
from conformance.router.versions import Since, Version

MOVED_PERMANENTLY = 301

CODES = frozenset({301, 302, 303, 307, 308})
"""Those Envoy has a redirect for; the webhook lets every 3xx pass."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def https_redirect(message: Message) -> tuple[int, str]:
    """Gateway servers[].tls.httpsRedirect: status and Location; the Host stays as it was sent, with its port."""
    return MOVED_PERMANENTLY, f"https://{message.authority}{message.target}"


def redirect(
    redirect: HTTPRedirect, matcher: Matcher, message: Message, listener_port: int, version: Version, *, is_tls: bool
) -> tuple[int, str] | Undefined:
    """Status and Location.

    `listener_port` is the service's port at a sidecar and the server's at a gateway; `is_tls` tells whether that
    server ends TLS, which decides what istiod takes for the default port where the redirect has no scheme.
    """
    status = redirect.redirect_code or MOVED_PERMANENTLY
    if status not in CODES:
        return Undefined(f"redirectCode {status}: Envoy refuses the whole route table and keeps the one before")
    scheme = redirect.scheme or message.scheme
    port = _port(redirect, listener_port, redirect.scheme or ("https" if is_tls else "http"))
    host = redirect.authority or _kept_host(message, scheme, has_port=bool(port))
    path = _path(redirect, matcher, message, version)
    return status, f"{scheme}://{host}{port}{'' if path.startswith('/') else '/'}{path}"


def _port(redirect: HTTPRedirect, listener_port: int, scheme: str) -> str:
    """With its colon; empty where istiod leaves it out, which it does with the default of the scheme."""
    port = redirect.port or (listener_port if redirect.derive_port == "FROM_REQUEST_PORT" else 0)
    return f":{port}" if port and port != _DEFAULT_PORTS.get(scheme) else ""


def _kept_host(message: Message, scheme: str, *, has_port: bool) -> str:
    """The Host, without its port if there is another, or if it was the default of a scheme that changes."""
    authority = message.authority
    end = "]" if authority.startswith("[") else ""
    host, colon, port = authority.rpartition(f"{end}:")
    if not colon:
        return authority
    before = message.headers.get("x-forwarded-proto", (message.scheme,))[0]
    is_old_default = scheme != before and port == str(_DEFAULT_PORTS.get(before.lower()))
    return f"{host}{end}" if has_port or is_old_default else authority


def _path(redirect: HTTPRedirect, matcher: Matcher, message: Message, version: Version) -> str:
    query = "" if message.query is None else f"?{message.query}"
    if redirect.prefix_rewrite and version.has(Since.REDIRECT_PREFIX_REWRITE):
        return f"{redirect.prefix_rewrite}{matcher.rest(message.path)}{query}"
    if redirect.uri:
        return redirect.uri if "?" in redirect.uri else redirect.uri + query
    return message.path + query
