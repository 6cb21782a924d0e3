"""What a client is told to send: a plan's requests and how they go out, read from decoded JSON.

Flows, draws and loads are plans with more to them; the readers of their content are here too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from workload.handshakes import VERSIONS, Handshake

MAXIMUM_REQUESTS: Final = 10_000
# Each is a thread.
MAXIMUM_AT_ONCE: Final = 500
MAXIMUM_BODY_BYTES: Final = 1024 * 1024
MINIMUM_TIMEOUT_SECONDS: Final = 0.001
MAXIMUM_TIMEOUT_SECONDS: Final = 300.0

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HTTP_VERSION = re.compile(r"1\.1|2")
HEADER_VALUE = re.compile(r"[^\x00\r\n]*")
URL = re.compile(r"https?://[!\x22$-.0-\x3e@-~]+(?P<target>[!\x22$-~]*)")
ASKED_URL = re.compile(r"http://[!\x22$-.0-\x3e@-~]+[!\x22$-~]*")
PLANNED_URL = re.compile(r"(?:https?|tcp|grpc)://[!\x22$-.0-\x3e@-~]+(?P<target>[!\x22$-~]*)")
VIA = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):(?P<port>[0-9]{1,5})")


class PlanError(Exception):
    """The plan cannot be executed; the text says which part and what was expected."""


@dataclass(frozen=True)
class PlannedRequest:
    """One request of a plan."""

    token: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str | None
    via: str | None
    tls: Handshake | None = None
    """None: as the whole plan says."""
    http: str = "1.1"

    @property
    def scheme(self) -> str:
        """http, https, tcp or grpc."""
        return urlsplit(self.url).scheme


@dataclass(frozen=True)
class Plan:
    """Requests and how to send them. `certificate` holds the client's chain and key in one PEM text."""

    requests: tuple[PlannedRequest, ...]
    kept: bool
    at_once: bool
    """All at the same time, each on a connection of its own, instead of one after the other."""
    timeout_seconds: float
    ca: str | None
    certificate: str | None


def plan_from(content: object) -> Plan:
    """Read a plan from decoded JSON; raise PlanError for anything it does not expect."""
    fields = fields_from(
        content,
        "plan",
        needed={"requests"},
        allowed={"connection", "at_once", "timeout_seconds", "ca", "certificate"},
    )
    requests = fields["requests"]
    if not isinstance(requests, list) or len(requests) > MAXIMUM_REQUESTS:
        raise PlanError(f"requests: expected a list of at most {MAXIMUM_REQUESTS} requests")
    connection = fields.get("connection", "fresh")
    if connection not in {"fresh", "kept"}:
        raise PlanError(f"connection: expected fresh or kept, found {connection!r}")
    at_once = fields.get("at_once", False)
    if not isinstance(at_once, bool) or (at_once and (connection == "kept" or len(requests) > MAXIMUM_AT_ONCE)):
        raise PlanError(f"at_once: expected true for at most {MAXIMUM_AT_ONCE} requests on fresh connections, or false")
    timeout = fields.get("timeout_seconds", 10.0)
    return Plan(
        requests=tuple(_planned(request, f"requests[{index}]") for index, request in enumerate(requests)),
        kept=connection == "kept",
        at_once=at_once,
        timeout_seconds=number_from(timeout, "timeout_seconds", MINIMUM_TIMEOUT_SECONDS, MAXIMUM_TIMEOUT_SECONDS),
        ca=text_or_none(fields, "ca", "plan"),
        certificate=text_or_none(fields, "certificate", "plan"),
    )


def _planned(content: object, where: str) -> PlannedRequest:
    fields = fields_from(
        content,
        where,
        needed={"token", "method", "url"},
        allowed={"headers", "body", "via", "tls", "http"},
    )
    request = PlannedRequest(
        token=_matching(fields["token"], TOKEN, f"{where}.token", "an HTTP token"),
        method=_matching(fields["method"], TOKEN, f"{where}.method", "an HTTP method"),
        url=_matching(
            fields["url"],
            PLANNED_URL,
            f"{where}.url",
            "an http, https, tcp or grpc URL in printable ASCII, no fragment",
        ),
        headers=headers_from(fields.get("headers", []), f"{where}.headers"),
        body=text_or_none(fields, "body", where),
        via=text_or_none(fields, "via", where),
        tls=None if fields.get("tls") is None else _handshake(fields["tls"], f"{where}.tls"),
        http=_matching(fields.get("http", "1.1"), HTTP_VERSION, f"{where}.http", "1.1 or 2"),
    )
    _require_port(request.url, f"{where}.url")
    if request.via is not None:
        _matching(request.via, VIA, f"{where}.via", "HOST:PORT")
        _require_port(f"http://{request.via}", f"{where}.via")
    if request.body is not None and len(request.body.encode()) > MAXIMUM_BODY_BYTES:
        raise PlanError(f"{where}.body: expected at most {MAXIMUM_BODY_BYTES} bytes")
    return request


def _handshake(content: object, where: str) -> Handshake:
    words = ("ca", "certificate", "sni", "max_version")
    fields = fields_from(content, where, needed=(), allowed=words)
    made = Handshake(**{word: text_or_none(fields, word, where) for word in words})
    if made.max_version not in {None, *VERSIONS}:
        raise PlanError(f"{where}.max_version: expected one of {', '.join(VERSIONS)}")
    return made


def http_url_from(content: object, where: str) -> str:
    """An http URL with a host."""
    url = _matching(content, ASKED_URL, where, "an http URL in printable ASCII, no fragment")
    _require_port(url, where)
    return url


def headers_from(content: object, where: str) -> tuple[tuple[str, str], ...]:
    """Pairs of strings that can stand in a request."""
    if not isinstance(content, list):
        raise PlanError(f"{where}: expected a list of [name, value]")
    headers = []
    for index, pair in enumerate(content):
        if not isinstance(pair, list) or len(pair) != 2:
            raise PlanError(f"{where}[{index}]: expected [name, value]")
        name = _matching(pair[0], TOKEN, f"{where}[{index}] name", "an HTTP token")
        headers.append((name, _matching(pair[1], HEADER_VALUE, f"{where}[{index}] value", "text in one line")))
    return tuple(headers)


def fields_from(
    content: object, where: str, *, needed: Collection[str], allowed: Collection[str] = ()
) -> Mapping[str, object]:
    """An object that has the needed fields, and at most those that are allowed besides."""
    if not isinstance(content, dict):
        raise PlanError(f"{where}: expected an object")
    known = {*needed, *allowed}
    if unknown := set(content) - known:
        raise PlanError(f"{where}: expected only {', '.join(sorted(known))}, found {', '.join(sorted(unknown))}")
    if missing := set(needed) - set(content):
        raise PlanError(f"{where}: expected also {', '.join(sorted(missing))}")
    return content


def number_from(value: object, where: str, least: float, most: float) -> float:
    """A number within these bounds; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise PlanError(f"{where}: expected {least:g} to {most:g}, found {str(value)[:200]!r}")
    return float(value)


def whole_from(value: object, where: str, least: int, most: int) -> int:
    """The same of a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise PlanError(f"{where}: expected {least} to {most}, found {str(value)[:200]!r}")
    return value


def target_of(url: str) -> str:
    """Path and query of an http or https URL as they are written, where urllib and httpx would change some."""
    match = URL.fullmatch(url)
    target = match["target"] if match else ""
    return target if target.startswith("/") else f"/{target}"


def _matching(value: object, pattern: re.Pattern[str], where: str, expected: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PlanError(f"{where}: expected {expected}, found {str(value)[:200]!r}")
    return value


def text_or_none(fields: Mapping[str, object], name: str, where: str) -> str | None:
    """A field that may be missing."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise PlanError(f"{where}.{name}: expected text or null")
    return value


def _require_port(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.hostname is not None and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise PlanError(f"{where}: expected a host and, if any, a port from 1 to 65535, found {url[:200]!r}")
