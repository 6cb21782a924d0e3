"""gRPC calls, which are HTTP/2 requests whose answer is told by trailers."""

from __future__ import annotations

from conformance.judgement.history import GRPC_STATUS, Answer, values_of
from conformance.router.prediction import Kind, Outcome
from conformance.router.request import Headers, Request

CALL_HEADERS: Headers = (("content-type", "application/grpc"), ("te", "trailers"))
"""What every client of gRPC sends."""

UNKNOWN = 2
_BY_HTTP_STATUS = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
"""Envoy answers a gRPC call in gRPC: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md"""


def is_call(request: Request) -> bool:
    types = values_of(request.headers, "content-type")
    return request.http_version == "2" and any(each.startswith("application/grpc") for each in types)


def predicted_status(outcome: Outcome) -> int | None:
    """The status in gRPC of what a proxy answers; None where a workload has the word, or the router does not say.

    An abort of gRPC's own is an HTTP 200, and the router keeps no other number of it.
    """
    if outcome.status in {None, 200} or outcome.kind in (Kind.UPSTREAM, Kind.PASSTHROUGH):
        return None
    return _BY_HTTP_STATUS.get(outcome.status or 0, UNKNOWN)


def status_of(answer: Answer) -> int | None:
    values = values_of(answer.trailers, GRPC_STATUS)
    return int(values[0]) if len(values) == 1 and values[0].isdecimal() else None
