"""`connectionPool`, of DestinationRules and Sidecars (validateConnectionPool)."""

from __future__ import annotations

from conformance.router.admission.durations import duration, duration_or_zero
from conformance.router.admission.remark import Remarks, api_name, denied
from conformance.router.objects.destination_rule import ConnectionPool, HTTPSettings, TCPSettings
from conformance.router.versions import Version

_COUNTS = {
    "http1_max_pending_requests": "http1 max pending requests",
    "http2_max_requests": "http2 max requests",
    "max_requests_per_connection": "max requests per connection",
    "max_retries": "max retries",
    "max_concurrent_streams": "max concurrent streams",
}


def connection_pool(field: str, pool: ConnectionPool | None, version: Version) -> Remarks:
    if pool is None:
        return
    if pool.http is None and pool.tcp is None:
        yield denied(field, "connection pool must have at least one field")
    if pool.http:
        yield from _http(f"{field}.http", pool.http, version)
    if pool.tcp:
        yield from _tcp(f"{field}.tcp", pool.tcp, version)


def _http(field: str, settings: HTTPSettings, version: Version) -> Remarks:
    for attribute, called in _COUNTS.items():
        if (getattr(settings, attribute) or 0) < 0:
            yield denied(f"{field}.{api_name(attribute)}", f"{called} must be non-negative")
    yield from duration(f"{field}.idleTimeout", settings.idle_timeout, version)
    if settings.h2_upgrade_policy == "UPGRADE" and settings.use_client_protocol:
        yield denied(field, "use client protocol must not be true when H2UpgradePolicy is UPGRADE")


def _tcp(field: str, settings: TCPSettings, version: Version) -> Remarks:
    if (settings.max_connections or 0) < 0:
        yield denied(f"{field}.maxConnections", "max connections must be non-negative")
    yield from duration(f"{field}.connectTimeout", settings.connect_timeout, version)
    yield from duration(f"{field}.maxConnectionDuration", settings.max_connection_duration, version)
    yield from duration_or_zero(f"{field}.idleTimeout", settings.idle_timeout, version)
    if keepalive := settings.tcp_keepalive:
        yield from duration(f"{field}.tcpKeepalive.time", keepalive.time, version)
        yield from duration(f"{field}.tcpKeepalive.interval", keepalive.interval, version)
