"""What both ends say of a request: how a client is told to send it, how it ended, what the journals have of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from conformance.judgement.history import Answer, Exchange, Failure, Headers, Moment, Seen
from conformance.language.models import Sender
from conformance.mesh.applications import INGRESS, INTERNET
from conformance.mesh.certificates import Certificates
from conformance.mesh.workloads import Pod, Workloads


def planned(sender: Sender, token: str, certificates: Certificates) -> dict[str, Any]:
    """A request as a client's plan has it."""
    request = sender.request
    assert request.token is None, "a sender is furnished before its request is planned"
    return {
        "token": token,
        "method": request.method,
        "url": request.url,
        "headers": [*request.headers.items()],
        "body": request.body,
        "http": request.http,
        "via": _ingress(request.url) if sender.client == INTERNET else None,
        "tls": certificates.handshake(request.tls),
    }


def _ingress(url: str) -> str:
    parts = urlsplit(url)
    return f"{INGRESS}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def seen_by_token(workloads: Workloads, pods: Sequence[Pod], prefix: str) -> Mapping[str, tuple[Seen, ...]]:
    """Journal entries whose token begins with a prefix, by token, in the order of time."""
    journals = zip(pods, workloads.journals(pods, prefix), strict=True)
    entries = [(entry["token"], _entry(pod, entry)) for pod, journal in journals for entry in journal]
    by_token: dict[str, tuple[Seen, ...]] = {}
    for token, entry in sorted(entries, key=lambda each: each[1].at):
        by_token[token] = (*by_token.get(token, ()), entry)
    return by_token


def _entry(pod: Pod, entry: Mapping[str, Any]) -> Seen:
    return Seen(
        workload=pod.workload,
        pod=pod.name,
        method=entry["method"],
        path=entry["path"],
        host=entry["host"] or "",
        headers=_headers(entry["headers"]),
        principal=entry["principal"],
        at=entry["at"],
        # The journal writes each as KIND:NAME, such as DNS:client.example.com.
        peer=tuple(name.partition(":")[2] for name in entry["peer_names"]),
        http_version=entry["http_version"],
    )


def _headers(pairs: Sequence[Sequence[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)


def ended(answer: Mapping[str, Any]) -> tuple[Answer | None, Failure | None]:
    """How a client pod says that a request ended."""
    received, failed = answer.get("answer"), answer.get("failure")
    return (
        received
        and Answer(
            received["status"],
            _headers(received["headers"]),
            received["body"],
            received["http_version"],
            _headers(received.get("trailers", ())),
        ),
        failed and Failure(failed["kind"], failed["detail"], failed.get("alert")),
    )


def exchange_of(
    sender: Sender,
    answer: Mapping[str, Any],
    seen: tuple[Seen, ...],
    certificates: Certificates,
    moment: Moment | None = None,
) -> Exchange:
    """One request as both ends tell it; the answer is the client's, with the request's token."""
    request = sender.request
    received, failed = ended(answer)
    return Exchange(
        token=answer["token"],
        case=sender.name,
        client=sender.client,
        method=request.method,
        url=request.url,
        headers=tuple(request.headers.items()),
        started=answer["started"],
        seconds=answer["seconds"],
        answer=received,
        failure=failed,
        seen=seen,
        served=certificates.served(answer.get("served")),
        moment=moment,
    )
