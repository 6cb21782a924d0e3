"""What the workload saw: one entry per request on a data port, kept in memory and bounded. Pure.

Entries hold the bytes as they arrived. Decoding them and reading the caller's identity waits until somebody asks for
the journal, because recording happens for every request and reading for few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A split with tight bounds samples some thousand requests; 100,000 entries of about 1 KiB stay near 100 MiB.
MAXIMUM_ENTRIES = 100_000

TOKEN_HEADER = b"x-conformance-token"
IDENTITY_HEADER = b"x-forwarded-client-cert"


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it arrived. `peer_names` are the subject alternative names of a TLS client's own certificate."""

    at: float
    token: str | None
    method: str
    target: bytes
    http_version: str
    headers: tuple[tuple[bytes, bytes], ...]
    peer_names: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The entry as the control port shows it; latin-1 maps every byte to one character and back."""
        return {
            "token": self.token,
            "method": self.method,
            "path": self.target.decode("latin-1"),
            "host": _first(self.headers, b"host"),
            "http_version": self.http_version,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers],
            "principal": principal_of(_all(self.headers, IDENTITY_HEADER)),
            "peer_names": list(self.peer_names),
            "at": self.at,
        }


class Journal:
    """The latest entries, oldest first."""

    def __init__(self, maximum: int = MAXIMUM_ENTRIES) -> None:
        self._entries: deque[Entry] = deque(maxlen=maximum)

    def record(self, entry: Entry) -> None:
        """Add an entry; the oldest one falls out of a full journal."""
        self._entries.append(entry)

    def with_prefix(self, prefix: str) -> Iterator[Entry]:
        """Entries whose token starts with the prefix; the empty prefix means all, also those without a token."""
        return (entry for entry in self._entries if _belongs(entry, prefix))

    def forget(self, prefix: str) -> int:
        """Remove what with_prefix would show; return how many those were."""
        kept = [entry for entry in self._entries if not _belongs(entry, prefix)]
        removed = len(self._entries) - len(kept)
        self._entries = deque(kept, maxlen=self._entries.maxlen)
        return removed


def principal_of(header: str) -> str | None:
    """The caller's SPIFFE URI in an x-forwarded-client-cert value, or None.

    Every proxy on the way appends an element, so the last one names the nearest caller. Values with a separator in
    them (a Subject has commas) are quoted:
    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
    """
    elements = split_outside_quotes(header, ",")
    for pair in split_outside_quotes(elements[-1], ";"):
        key, _, value = pair.strip().partition("=")
        if key.lower() == "uri":
            uri = _unquoted(value)
            if uri.startswith("spiffe://"):
                return uri
    return None


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at separators that stand outside double quotes; a backslash takes the next character's meaning away."""
    parts: list[str] = []
    start = 0
    quoted = escaped = False
    for position, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return value


def _belongs(entry: Entry, prefix: str) -> bool:
    return not prefix or (entry.token is not None and entry.token.startswith(prefix))


def _first(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)


def _all(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in headers if name == wanted)
