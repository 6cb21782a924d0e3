"""From what a client sends to what a proxy looks at: Envoy's codec and path normalisation (specification, section 23).

Everything here was compared with Envoy 1.39.1, byte by byte where that matters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from conformance.router.message import Message
from conformance.router.paths import normalized
from conformance.router.request import Headers, Request

METHODS = frozenset(
    "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE MSEARCH NOTIFY "
    "OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK "
    "UNSUBSCRIBE".split()
)
"""Of HTTP/1.1; over HTTP/2 Envoy takes any."""

JOINED = frozenset(
    "accept accept-encoding access-control-request-headers access-control-request-method "
    "access-control-request-private-network authorization cache-control cdn-loop content-encoding content-type expect "
    "grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match if-range if-unmodified-since origin "
    "pragma referer user-agent via x-client-trace-id x-envoy-attempt-count x-envoy-decorator-operation "
    "x-envoy-downstream-service-cluster x-envoy-external-address x-envoy-original-host x-envoy-original-path "
    "x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id".split()
)
"""Envoy keeps these in one place each: a repeated one becomes one value with commas, before anything looks at it."""

_DROPPED = frozenset(
    "connection keep-alive proxy-connection transfer-encoding upgrade x-envoy-expected-rq-timeout-ms "
    "x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-internal x-envoy-ip-tags x-envoy-max-retries "
    "x-envoy-retry-grpc-on x-envoy-retry-on x-envoy-upstream-alt-stat-name "
    "x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-alt-response "
    "x-envoy-upstream-rq-timeout-ms".split()
)
"""Meant for one hop only, or orders to Envoy, which it takes from nobody outside."""

_ROUTED = METHODS - {"CONNECT"}
_FORWARDED_PROTO = "x-forwarded-proto"
_SCHEMES = frozenset({"http", "https"})
_HIGHEST_PORT = 65535

# A path that no normalisation changes, and its query: no dot or slash after a slash, nothing to decode or to encode.
_ORDINARY = re.compile(r"((?:/(?![./])[\w\-.~!$&'()*+,;=:@\[\]]*)+)(?:\?([!-\"$-~]*))?", re.ASCII)
_SENDABLE = re.compile(r"[!-~]+")
_SENDABLE_HTTP2 = re.compile(r"/[^\x00-\x20\x7f]*")
_TOKEN = re.compile(r"[\w!#$%&'*+\-.^`|~]+", re.ASCII)
_AUTHORITY = re.compile(r"[\w!$%&'()*+,\-.:;=@\[\]~]+", re.ASCII)
_ABSOLUTE = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@]*)(|[/?].*)", re.IGNORECASE)
_DIALLED = re.compile(r"(?:[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Refused:
    """The proxy's answer to a request that it does not route."""

    status: int | None
    """None: the connection is closed without an answer."""
    body: str
    why: str


@dataclass(frozen=True, slots=True)
class _Line:
    """What the request line and Host come to."""

    target: str
    authority: str
    scheme: str | None = None
    """Of a target in absolute form."""


def received(request: Request, *, scheme: str, normalization: str, is_edge: bool = False) -> Message | Refused:
    """The request as filters and routes of a proxy see it.

    `scheme` is that of the connection, `normalization` that of MeshConfig.pathNormalization. A gateway is at the edge:
    it says itself what X-Forwarded-Proto is. A sidecar believes its application in that, and so in the scheme.
    """
    authority = request.sent_authority()
    ordinary = _ORDINARY.fullmatch(request.path)
    if ordinary and request.http_version == "1.1" and request.method in _ROUTED and _is_valid_authority(authority):
        path, query = ordinary.groups()
        stated = None
    else:
        line = _http2_line(request, authority) if request.http_version == "2" else _http1_line(request, authority)
        if isinstance(line, Refused):
            return line
        authority, stated = line.authority, line.scheme
        raw, mark, rest = line.target.partition("#")[0].partition("?")
        path, query = normalized(raw, normalization), rest if mark else None
        if path is None:
            return _refused_path(raw)
    headers = _headers(request.headers)
    forwarded = None if is_edge else headers.get(_FORWARDED_PROTO)
    if forwarded is None:
        headers[_FORWARDED_PROTO] = (scheme,)
    elif request.http_version != "2" and forwarded[0].lower() in _SCHEMES:
        # Over HTTP/2 the client states the scheme itself.
        scheme = forwarded[0].lower()
    scheme = stated or scheme
    return Message(request.method, scheme, authority, path, query, headers)


def read_again(message: Message, normalization: str) -> Message | Refused:
    """As the next proxy reads what one sends on: a rewritten path is normalised once more."""
    path = normalized(message.path, normalization)
    return _refused_path(message.path) if path is None else replace(message, path=path)


def _refused_path(path: str) -> Refused:
    return Refused(400, "", f"the path {path} has an encoded zero byte")


@lru_cache(maxsize=4096)
def _is_valid_authority(authority: str) -> bool:
    return _AUTHORITY.fullmatch(authority) is not None


def _http1_line(request: Request, authority: str) -> _Line | Refused:
    line = _parsed(request, authority)
    if isinstance(line, Refused):
        return line
    if request.http_version == "1.0":
        return Refused(426, "Upgrade Required", "HTTP/1.0 is not spoken here")
    if request.method == "CONNECT":
        return Refused(404, "", "no route takes CONNECT")
    if not _is_valid_authority(line.authority):
        why = f"{line.authority} is no valid Host" if line.authority else "Host is missing"
        return Refused(400, "Bad Request" if line.authority else "", why)
    if not line.target.startswith("/"):
        return Refused(404, "", f"the path {line.target} does not begin with a slash")
    return line


def _parsed(request: Request, authority: str) -> _Line | Refused:
    """What the parser makes of the first lines, whatever their version."""
    target = request.path
    problem = _problem(request.method, target)
    if problem:
        return Refused(400, "Bad Request", problem)
    if request.method == "CONNECT" or target.startswith(("/", "*")):
        return _Line(target, authority)
    absolute = _ABSOLUTE.fullmatch(target)
    if not absolute or not _is_dialled(absolute[2]):
        return Refused(400, "Bad Request", f"{target} is no URL")
    return _Line(absolute[3] or "/", absolute[2], absolute[1].lower())


def _problem(method: str, target: str) -> str | None:
    if method not in METHODS:
        return f"the method {method} is unknown"
    if not _SENDABLE.fullmatch(target):
        return "the request target is empty or has characters that HTTP/1.1 does not know there"
    if method == "CONNECT":
        return None if _is_dialled(target, wants_port=True) else f"{target} is no host with a port"
    return "only OPTIONS goes with *" if target[0] == "*" and method != "OPTIONS" else None


def _is_dialled(authority: str, *, wants_port: bool = False) -> bool:
    found = _DIALLED.fullmatch(authority)
    if not found:
        return False
    return not wants_port if found[1] is None else int(found[1]) <= _HIGHEST_PORT


def _http2_line(request: Request, authority: str) -> _Line | Refused:
    method, target = request.method, request.path
    if not _TOKEN.fullmatch(method) or not _is_valid_authority(authority):
        return Refused(None, "", "the method or :authority is missing or malformed")
    if method == "CONNECT":
        return Refused(404, "", "no route takes CONNECT")
    if method == "OPTIONS" and target == "*":
        return Refused(404, "", "the path * does not begin with a slash")
    if not _SENDABLE_HTTP2.fullmatch(target):
        return Refused(None, "", f"the path {target} is malformed")
    return _Line(target, authority)


def _headers(sent: Headers) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for sent_name, sent_value in sent:
        name, value = sent_name.lower(), sent_value.strip(" \t")
        earlier = headers.get(name)
        if earlier is None:
            headers[name] = (value,)
        elif name in JOINED:
            headers[name] = (joined(earlier[0], value),)
        else:
            headers[name] = (*earlier, value)
    return headers if _DROPPED.isdisjoint(headers) else _without_dropped(headers)


def joined(earlier: str, value: str) -> str:
    """As Envoy appends to a header: with a comma, if there is anything on both sides of it."""
    return f"{earlier},{value}" if earlier and value else earlier or value


def _without_dropped(headers: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    options = {option.strip().lower() for value in headers.get("connection", ()) for option in value.split(",")}
    dropped = _DROPPED | options
    # Whether a route takes the upgrade is not the codec's to say; but none is offered to HTTP/2.
    if "upgrade" in options and headers.get("upgrade", ("h2c",))[0].lower() != "h2c":
        dropped -= {"connection", "upgrade"}
    return {name: values for name, values in headers.items() if name not in dropped}
