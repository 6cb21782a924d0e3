"""What a client sends: a request of HTTP, or a connection of TLS or TCP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Headers = tuple[tuple[str, str], ...]
"""In the order on the wire; a name may be repeated and has any case."""

Scheme = Literal["http", "https", "tls", "tcp"]
HttpVersion = Literal["1.0", "1.1", "2"]

_IMPLIED_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Token:
    """A JWT as its maker knows it. `raw` is the text by which it is found again in the request."""

    raw: str
    key: str = ""
    """Names the key that signed it; no key set has the empty one."""
    issuer: str | None = None
    subject: str | None = None
    audiences: tuple[str, ...] = ()
    claims: Mapping[str, object] = field(default_factory=dict)
    """Beside iss, sub, aud, exp and nbf."""
    is_expired: bool = False
    is_premature: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a client shows in the handshake."""

    authority: str
    """Names the authority it chains to, as Secret.authority does."""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handshake:
    """The client's side of TLS."""

    sni: str | None = None
    certificate: Certificate | None = None
    trusts: str | None = None
    """The authority by which the client verifies the server; None: it takes any."""
    names: tuple[str, ...] = ()
    """One of which the server's certificate must have, if it is verified."""
    max_version: Literal["1.0", "1.1", "1.2", "1.3"] = "1.3"
    min_version: Literal["1.0", "1.1", "1.2", "1.3"] = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request (schemes http, https) or one connection (tls, tcp).

    `host` and `port` are what the client's URL names; it dials `dial` instead where that is given, and `authority`
    is sent as Host where that is given.
    """

    client: str
    """namespace/workload"""
    host: str
    port: int
    scheme: Scheme = "http"
    method: str = "GET"
    path: str = "/"
    """With its query, as sent."""
    headers: Headers = ()
    authority: str | None = None
    dial: tuple[str, int] | None = None
    http_version: HttpVersion = "1.1"
    handshake: Handshake | None = None
    """None: for https and tls, the host's name and no certificate."""
    tokens: tuple[Token, ...] = ()
    at_once: int = 1
    """How many like it the client sends in the same moment."""

    def sent_authority(self) -> str:
        """The Host header as a client writes it: without the port that the scheme implies."""
        if self.authority is not None:
            return self.authority
        return self.host if self.port == _IMPLIED_PORTS.get(self.scheme) else f"{self.host}:{self.port}"

    def sent_handshake(self) -> Handshake:
        return self.handshake or Handshake(sni=self.host)
