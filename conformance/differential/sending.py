"""Sends the requests of many configurations at once and collects both ends of each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cluster.api import Api
from conformance.differential.arenas import AUTHORITY, Certificates
from conformance.judgement.history import Exchange, Seen
from conformance.mesh.sights import ended, seen_by_token
from conformance.mesh.workloads import CONTROL_PORT, Pod, Workloads
from conformance.router.request import Request

_THREADS = 8
_ANSWER_SECONDS = 5
_PLAN_SECONDS = 120


@dataclass(frozen=True)
class Numbered:
    """A request with the token by which journals name it."""

    token: str
    request: Request


@dataclass(frozen=True)
class Sender:
    """The pods that send and those that see."""

    api: Api
    workloads: Workloads
    clients: Mapping[str, Pod]
    """By namespace/workload."""
    servers: tuple[Pod, ...]
    certificates: Certificates

    def send(self, numbered: Sequence[Numbered], prefix: str) -> dict[str, Exchange]:
        """Exchanges by token. Each client sends its requests in order, the clients do so side by side."""
        groups: dict[str, list[Numbered]] = defaultdict(list)
        for each in numbered:
            groups[each.request.client].append(each)
        with ThreadPoolExecutor(_THREADS) as pool:
            # Shown one by one, so that no group is left behind by an error in another.
            sent = [pool.submit(self._plan, client, group) for client, group in groups.items()]
            answers = {answer["token"]: answer for each in sent for answer in each.result()}
        seen = seen_by_token(self.workloads, self.servers, prefix)
        return {each.token: _exchange(each, answers[each.token], seen.get(each.token, ())) for each in numbered}

    def _certificate(self, request: Request) -> str | None:
        shown = request.handshake.certificate if request.handshake else None
        if shown is None:
            return None
        return self.certificates.trusted if shown.authority == AUTHORITY else self.certificates.stranger

    def _plan(self, client: str, group: Sequence[Numbered]) -> list[dict[str, Any]]:
        pod = self.clients[client]
        body = {
            "requests": [planned(each, self._certificate(each.request)) for each in group],
            "connection": "fresh",
            "timeout_seconds": _ANSWER_SECONDS,
        }
        content = self.api.pod_proxy(
            pod.namespace, pod.name, CONTROL_PORT, "plan", method="post", body=body, seconds=_PLAN_SECONDS
        )
        answers: list[dict[str, Any]] = json.loads(content)["answers"]
        return answers


def planned(numbered: Numbered, certificate: str | None) -> dict[str, Any]:
    """The request as the client pods' control port takes it; `certificate` with its key is what it shows."""
    request = numbered.request
    shown = request.handshake
    headers = [[name, value] for name, value in request.headers]
    if request.authority is not None:
        headers.append(["host", request.authority])
    return {
        "token": numbered.token,
        "method": request.method,
        "url": url(request),
        "headers": headers,
        "via": f"{request.dial[0]}:{request.dial[1]}" if request.dial else None,
        # The name in the handshake need not be the one in the Host.
        "tls": {"sni": shown.sni, "certificate": certificate} if shown else None,
    }


def url(request: Request) -> str:
    implied = {"http": 80, "https": 443}.get(request.scheme)
    port = "" if request.port == implied else f":{request.port}"
    return f"{request.scheme}://{request.host}{port}{request.path}"


def _exchange(numbered: Numbered, answer: Mapping[str, Any], seen: tuple[Seen, ...]) -> Exchange:
    request = numbered.request
    received, failed = ended(answer)
    return Exchange(
        token=numbered.token,
        case=numbered.token,
        client=request.client,
        method=request.method,
        url=url(request),
        headers=request.headers,
        started=answer["started"],
        seconds=answer["seconds"],
        answer=received,
        failure=failed,
        seen=seen,
    )
