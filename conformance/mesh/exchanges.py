"""Measuring: each request of a scenario is sent once, and recorded once from both ends.

Cases follow each other, or begin together where their stage says so; then each is a plan of its own, and the client's
control port runs them side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from conformance.judgement.history import Answer, Exchange, Failure, Headers, Seen
from conformance.language.models import Case, Expectation, Stage
from conformance.mesh.applications import INGRESS, INTERNET
from conformance.mesh.behaviours import behaving
from conformance.mesh.workloads import Pod, Workloads

_READERS = 8


@dataclass(frozen=True)
class _Sending:
    """A request of a case, by its token."""

    case: Case
    token: str


def measure(workloads: Workloads, stage: Stage, namespace: str, pods: Sequence[Pod], run: str) -> list[Exchange]:
    """Sends every case's requests and collects what the workloads in `pods` saw of them.

    `run` is unique to this scenario of this run; every token begins with it.
    """
    sendings = [
        [_Sending(case, token) for token in _tokens(f"{run}-{number:04d}", case.times)]
        for number, case in enumerate(stage.cases, start=1)
    ]
    told = [(run, behaviour) for behaviour in stage.behaviours]
    told += [
        (f"{run}-{number:04d}", behaviour)
        for number, case in enumerate(stage.cases, start=1)
        for behaviour in case.behaviours
    ]
    batches = sendings if stage.together else list(_joined(sendings))
    with behaving(workloads, told, namespace, pods), ThreadPoolExecutor(max(1, len(batches))) as pool:
        clients = {case.client: workloads.client(case.client, namespace) for case in stage.cases}
        send = partial(_sent, workloads, clients)
        found = pool.map(send, batches) if stage.together else map(send, batches)
        answers = {answer["token"]: answer for batch in found for answer in batch}
        if any(_has_copies(case.expect) for case in stage.cases):
            time.sleep(_COPY_SECONDS)
        seen = seen_by_token(workloads, pods, run)
    return [
        _exchange(each.case, each.token, answers[each.token], seen.get(each.token, ()))
        for of_case in sendings
        for each in of_case
    ]


_COPY_SECONDS = 1.0
"""After the last answer, where copies are promised: nobody waits for a copy, so it may arrive after the answer. A fixed
wait, not a poll, so that a copy too many has the same time to show."""


def _has_copies(promised: Expectation) -> bool:
    return len(promised.arrivals or ()) > 1 or any(map(_has_copies, promised.counts))


def _tokens(begin: str, times: int) -> list[str]:
    return [begin] if times == 1 else [f"{begin}-{number:05d}" for number in range(1, times + 1)]


def _joined(sendings: Iterable[Sequence[_Sending]]) -> Iterator[Sequence[_Sending]]:
    """Consecutive cases of one client are one plan, which saves the way there; others are sent by themselves."""

    def kind(of_case: Sequence[_Sending]) -> object:
        case = of_case[0].case
        return of_case[0].token if case.at_once or case.after else case.client

    for _, group in groupby(sendings, key=kind):
        yield [each for of_case in group for each in of_case]


_ANSWER_SECONDS = 10
"""For an answer that is not promised to take longer."""


def _sent(workloads: Workloads, clients: Mapping[str, Pod], batch: Sequence[_Sending]) -> list[dict[str, Any]]:
    """The answers of requests that one client sends."""
    first = batch[0].case
    if first.after:
        time.sleep(first.after)
    patience = _ANSWER_SECONDS + max(_longest(each.case.expect) for each in batch)
    requests = [_planned(each.case, each.token) for each in batch]
    return workloads.plan(clients[first.client], requests, at_once=bool(first.at_once), patience=patience)


def _longest(promised: Expectation) -> float:
    """The most seconds that an answer may take by any promise."""
    bands = [each.takes for each in (promised, *promised.counts) if each.takes]
    return max((most for _, most in bands), default=0)


def _planned(case: Case, token: str) -> dict[str, Any]:
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


def _exchange(case: Case, token: str, answer: Mapping[str, Any], seen: tuple[Seen, ...]) -> Exchange:
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
