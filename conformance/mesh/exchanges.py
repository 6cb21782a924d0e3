"""Measuring: each request of a scenario is sent once, and recorded once from both ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from conformance.judgement.history import Answer, Exchange, Failure, Headers, Seen
from conformance.language.models import Case
from conformance.mesh.applications import INGRESS, INTERNET
from conformance.mesh.workloads import Pod, Workloads

_READERS = 8


def measure(
    workloads: Workloads, cases: Sequence[Case], namespace: str, pods: Sequence[Pod], run: str
) -> list[Exchange]:
    """Sends every case's request in order and collects what the workloads in `pods` saw of them.

    `run` is unique to this scenario of this run; every token begins with it.
    """
    numbered = [(case, f"{run}-{number:04d}") for number, case in enumerate(cases, start=1)]
    answers: dict[str, dict[str, Any]] = {}
    for client, group in groupby(numbered, key=lambda each: each[0].client):
        pod = workloads.client(client, namespace)
        for answer in workloads.plan(pod, [planned(case, token) for case, token in group]):
            answers[answer["token"]] = answer
    seen = seen_by_token(workloads, pods, run)
    return [exchange_of(case, token, answers[token], seen.get(token, ())) for case, token in numbered]


def planned(case: Case, token: str) -> dict[str, Any]:
    request = case.request
    return {
        "token": token,
        "method": request.method,
        "url": request.url,
        "headers": [*request.headers.items()],
        "body": request.body,
        "via": _ingress(request.url) if case.client == INTERNET else None,
    }


def _ingress(url: str) -> str:
    parts = urlsplit(url)
    return f"{INGRESS}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def seen_by_token(workloads: Workloads, pods: Sequence[Pod], prefix: str) -> Mapping[str, tuple[Seen, ...]]:
    """Journal entries whose token begins with a prefix, by token, in the order of time."""
    with ThreadPoolExecutor(_READERS) as pool:
        journals = zip(pods, pool.map(lambda pod: workloads.journal(pod, prefix), pods), strict=True)
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
        host=entry["host"],
        headers=_headers(entry["headers"]),
        principal=entry["principal"],
        at=entry["at"],
    )


def _headers(pairs: Sequence[Sequence[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)


def ended(answer: Mapping[str, Any]) -> tuple[Answer | None, Failure | None]:
    """How a client pod says that a request ended."""
    received, failed = answer.get("answer"), answer.get("failure")
    return (
        received
        and Answer(received["status"], _headers(received["headers"]), received["body"], received["http_version"]),
        failed and Failure(failed["kind"], failed["detail"]),
    )


def exchange_of(case: Case, token: str, answer: Mapping[str, Any], seen: tuple[Seen, ...]) -> Exchange:
    received, failed = ended(answer)
    return Exchange(
        token=token,
        case=case.name,
        client=case.client,
        method=case.request.method,
        url=case.request.url,
        headers=tuple(case.request.headers.items()),
        started=answer["started"],
        seconds=answer["seconds"],
        answer=received,
        failure=failed,
        seen=seen,
    )
