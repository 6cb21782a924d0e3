"""The client's side of TLS: what a planned request shows and demands, and what can be said of how it went."""

from __future__ import annotations

import hashlib
import re
import ssl
import tempfile
from dataclasses import dataclass
from typing import Any, Final

# An address is never sent as a name, so it stands for a handshake without any.
NO_NAME: Final = "127.0.0.1"

_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
VERSIONS: Final = tuple(_VERSIONS)
# The name of getpeercert's argument differs between ssl's own objects, of which httpcore hands over the inner one.
_DER: Final = True
_OLD: Final = frozenset({"1.0", "1.1"})
# OpenSSL puts a version of its own before each alert: TLSV13_ALERT_CERTIFICATE_REQUIRED, SSLV3_ALERT_HANDSHAKE_FAILURE.
_ALERT: Final = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(\w+)")


@dataclass(frozen=True)
class Handshake:
    """`ca` and `certificate` are PEM texts, the latter a chain with its key; `sni` "" sends no name."""

    ca: str | None = None
    certificate: str | None = None
    sni: str | None = None
    max_version: str | None = None

    def server_name(self, host: str | None) -> str | None:
        """What is handed over as the server's name for a URL's host."""
        return NO_NAME if self.sni == "" else self.sni or host


def context_for(handshake: Handshake) -> ssl.SSLContext:
    """Verifies servers by the CA, or not at all; raises ssl.SSLError or ValueError for text that is not PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if handshake.max_version is not None:
        if handshake.max_version in _OLD:
            # Otherwise the client's own library refuses what the server is to refuse.
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.maximum_version = _VERSIONS[handshake.max_version]
    if handshake.ca is None or handshake.sni == "":
        context.check_hostname = False
    if handshake.ca is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=handshake.ca)
    if handshake.certificate is not None:
        # The ssl module reads a chain from a file only; this one exists for the moment of reading.
        with tempfile.NamedTemporaryFile("w") as chain:
            chain.write(handshake.certificate)
            chain.flush()
            context.load_cert_chain(chain.name)
    return context


class Witness:
    """Notes the server's certificate as soon as a handshake ends: the request may fail after it."""

    def __init__(self) -> None:
        self.served: str | None = None

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Httpcore's trace extension."""
        if event == "connection.start_tls.complete":
            self.note(info["return_value"])

    def note(self, stream: Any) -> None:
        """Take the fingerprint from one of httpcore's network streams; from one without TLS nothing."""
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        certificate = tls.getpeercert(_DER) if tls is not None else None
        if certificate:
            self.served = fingerprint(certificate)


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate's DER, in hex."""
    return hashlib.sha256(certificate).hexdigest()


def alert_of(causes: list[BaseException]) -> str | None:
    """The alert with which the server ended the handshake, as RFC 8446 spells it; None if there was none."""
    for cause in causes:
        match = _ALERT.fullmatch(cause.reason or "") if isinstance(cause, ssl.SSLError) else None
        if match:
            return match[1].lower()
    return None
