"""Where a request of each protocol goes, and what can be expected of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator

from conformance.language.words import contradiction

Protocol = Literal["http", "tcp", "grpc"]


def _split(url: str, schemes: Iterable[str], hint: str) -> SplitResult:
    if re.search(r"[^\x21-\x7e]", url):
        raise contradiction(f"the URL {url!r} has a space or a character beyond ASCII", hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise contradiction(f"the URL {url!r} cannot be read: {error}", hint) from error
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise contradiction(f"the URL {url!r} is not absolute", hint)
    if parts.fragment or parts.username is not None:
        raise contradiction(f"the URL {url!r} has a fragment or a user, which no request carries", hint)
    return parts


def _absolute(url: str) -> str:
    _split(url, {"http", "https"}, "write it as http://host/path or https://host:port/path")
    return url


def _of_stream(url: str) -> str:
    hint = "write it as tcp://host:port"
    parts = _split(url, {"tcp"}, hint)
    if parts.port is None or parts.path or parts.query:
        raise contradiction(f"the URL {url!r} is not a host and a port", hint)
    return url


def _of_call(url: str) -> str:
    hint = "write it as grpc://host:port/package.Service/Method"
    parts = _split(url, {"grpc"}, hint)
    if parts.port is None or parts.query or not re.fullmatch(r"/[\w.]+/\w+", parts.path):
        raise contradiction(f"the URL {url!r} does not name a port, a service and a method", hint)
    return url


Url = Annotated[str, AfterValidator(_absolute)]
StreamAddress = Annotated[str, AfterValidator(_of_stream)]
CallAddress = Annotated[str, AfterValidator(_of_call)]

_UNFIT: Mapping[Protocol, frozenset[str]] = {
    "http": frozenset({"grpc_status", "trailers"}),
    "tcp": frozenset({"status", "grpc_status", "trailers", "headers", "without_headers", "saw"}),
    "grpc": frozenset({"status"}),
}


def require_fit(protocol: Protocol, expected: Iterable[str], *at: str | int) -> None:
    """No promise of one protocol about an answer of another; `expected` are the words that are used."""
    unfit = sorted(_UNFIT[protocol] & set(expected))
    if unfit:
        answers = {"http": "an answer of HTTP", "tcp": "the answer on a TCP connection", "grpc": "an answer of gRPC"}
        problem = f"{answers[protocol]} has no {', '.join(unfit)}"
        hints: Mapping[Protocol, str] = {
            "http": "write status or headers, or make the request a gRPC call",
            "tcp": "write answered_by, body or refused",
            "grpc": "write grpc_status",
        }
        raise contradiction(problem, hints[protocol], *at)
