"""The environment of the container in, one frozen Settings out. Imports nothing of the other modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class SettingsError(Exception):
    """The environment does not describe a workload; the text says which variable and what it expects."""


class Security(Enum):
    """What a data port demands of a connection."""

    PLAIN = "plain"
    TLS = "tls"
    MUTUAL = "mtls"


class Speech(Enum):
    """What a data port speaks."""

    HTTP1 = "http"
    HTTP2 = "http2"
    """And HTTP/1.1, and gRPC."""
    TCP = "tcp"


@dataclass(frozen=True)
class Port:
    """One data port."""

    number: int
    security: Security
    speech: Speech = Speech.HTTP1


@dataclass(frozen=True)
class Settings:
    """All a workload knows about itself."""

    workload: str
    pod: str
    service: str
    version: str
    host: str
    ports: tuple[Port, ...]
    control_port: int
    certificate: str
    key: str
    client_ca: str
    details_url: str
    reviews_url: str
    ratings_url: str
    admin_url: str
    serves_documents: bool


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raise SettingsError rather than guess."""
    workload = environment.get("WORKLOAD", "")
    if not workload:
        raise SettingsError("WORKLOAD: expected a name such as reviews-v2, found nothing")
    settings = Settings(
        workload=workload,
        pod=environment.get("POD_NAME", workload),
        service=environment.get("SERVICE", workload),
        version=environment.get("VERSION", "v1"),
        host=environment.get("HOST", "0.0.0.0"),  # noqa: S104  a pod serves its pod address, which it does not choose
        ports=tuple(_port(text.strip()) for text in environment.get("PORTS", "9080").split(",") if text.strip()),
        control_port=_number("CONTROL_PORT", environment.get("CONTROL_PORT", "9900")),
        certificate=environment.get("TLS_CERTIFICATE", ""),
        key=environment.get("TLS_KEY", ""),
        client_ca=environment.get("TLS_CLIENT_CA", ""),
        details_url=environment.get("DETAILS_URL", "http://details:9080"),
        reviews_url=environment.get("REVIEWS_URL", "http://reviews:9080"),
        ratings_url=environment.get("RATINGS_URL", "http://ratings:9080"),
        admin_url=environment.get("PROXY_ADMIN_URL", "http://127.0.0.1:15000"),
        serves_documents=_choice("SERVES", environment.get("SERVES", "itself"), "itself", "documents") == "documents",
    )
    _require_files(settings)
    return settings


def _port(text: str) -> Port:
    number, _, word = text.partition("+")
    if word not in {"", "tls", "mtls", "tcp", "http2"}:
        raise SettingsError(f"PORTS: expected NUMBER, with +tls, +mtls, +tcp or +http2 if any, found {text!r}")
    if word in {"tcp", "http2"}:
        return Port(_number("PORTS", number), Security.PLAIN, Speech(word))
    return Port(_number("PORTS", number), Security(word or "plain"))


def _number(variable: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingsError(f"{variable}: expected a port number, found {text!r}")
    return int(text)


def _choice(variable: str, text: str, *known: str) -> str:
    if text not in known:
        raise SettingsError(f"{variable}: expected {' or '.join(known)}, found {text!r}")
    return text


def _require_files(settings: Settings) -> None:
    securities = {port.security for port in settings.ports}
    if securities & {Security.TLS, Security.MUTUAL} and not (settings.certificate and settings.key):
        raise SettingsError("TLS_CERTIFICATE and TLS_KEY: expected the paths of both, because PORTS has a TLS port")
    if Security.MUTUAL in securities and not settings.client_ca:
        raise SettingsError("TLS_CLIENT_CA: expected the path of a CA, because PORTS has a +mtls port")
