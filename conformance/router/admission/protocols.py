"""Protocols of ports (pkg/config/protocol); their names are compared without regard to case."""

from __future__ import annotations

from conformance.router.admission.remark import Remarks, denied

_HTTP = frozenset({"http", "http2", "http_proxy", "grpc", "grpc-web"})
_TLS = frozenset({"https", "tls"})
_TCP = _TLS | {"tcp", "mongo", "redis", "mysql"}
_KNOWN = _HTTP | _TCP | {"udp"}


def is_known(protocol: str | None) -> bool:
    return (protocol or "").lower() in _KNOWN


def is_http(protocol: str | None) -> bool:
    return (protocol or "").lower() in _HTTP


def is_tls(protocol: str | None) -> bool:
    return (protocol or "").lower() in _TLS


def is_tcp(protocol: str | None) -> bool:
    """Anything on TCP that is not HTTP; TLS is among it."""
    return (protocol or "").lower() in _TCP


def protocol(field: str, name: str | None) -> Remarks:
    """None at all means that Envoy is to find out (ValidateProtocol)."""
    if name and not is_known(name):
        yield denied(field, f"unsupported protocol: {name}")
