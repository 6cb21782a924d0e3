"""The client's side of gRPC: one unary call by grpcio, as any application makes it; messages are text.

grpcio is imported with the first call: it costs more than all the rest, and few workloads make one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from workload.plain_streams import Sendable, Unreachable

if TYPE_CHECKING:
    import grpc

_STATUS: Final = "grpc-status"
_MESSAGE: Final = "grpc-message"


def called(request: Sendable, deadline: float) -> dict[str, object]:
    """An answer without status, as gRPC has its own: `trailers` have it. Raises OSError for a call without an answer.

    Status and text are trailers here, also where they are headers because nothing else came (what a proxy answers).
    """
    import grpc  # noqa: PLC0415  see the module's docstring

    parts = urlsplit(request.url)
    options = [
        ("grpc.default_authority", parts.netloc),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        # A connection of its own for every call.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.primary_user_agent", "conformance-workload"),
    ]
    metadata = [("x-conformance-token", request.token), *((name.lower(), value) for name, value in request.headers)]
    with grpc.insecure_channel(request.via or parts.netloc, options=options) as channel:
        call = channel.unary_unary(parts.path)
        try:
            message, state = call.with_call(
                (request.body or "").encode(), metadata=metadata, timeout=max(0.001, deadline - time.perf_counter())
            )
        except grpc.RpcError as error:
            return _failed(error)
        return _answer(message, state)


def _failed(error: Any) -> dict[str, object]:
    """A status that the server sent is an answer; one that grpcio made itself is a failure."""
    import grpc  # noqa: PLC0415

    if error.initial_metadata() or error.trailing_metadata():
        return _answer(b"", error)
    details = str(error.details())
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise TimeoutError(details)
    if "DNS resolution failed" in details or "Domain name not found" in details:
        raise socket.gaierror(details)
    if "Connection refused" in details or "connect" in details.lower().split(";")[0]:
        raise Unreachable(details)
    raise ConnectionResetError(f"{error.code().name}: {details}")


def _answer(message: bytes, state: Any) -> dict[str, object]:
    code: grpc.StatusCode = state.code()
    headers, trailing = _pairs(state.initial_metadata()), _pairs(state.trailing_metadata())
    if not headers:
        headers, trailing = trailing, []
    trailers = [[_STATUS, str(code.value[0])], *trailing]
    if state.details():
        trailers.insert(1, [_MESSAGE, str(state.details())])
    return {
        "status": None,
        "headers": headers,
        "body": message.decode("utf-8", "replace"),
        "body_cut": False,
        "http_version": "2",
        "trailers": trailers,
    }


def _pairs(metadata: Iterable[Any] | None) -> list[list[str]]:
    return [[str(name), value if isinstance(value, str) else value.hex()] for name, value in metadata or ()]
