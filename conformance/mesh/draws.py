"""Measuring many requests alike: round after round, until the tests of the case want no more.

Splits, faults and random balancing are decided by the caller's proxy for each request by itself, whatever connection it
comes on. So requests are sent over several kept connections at once; a case whose order matters says connection: kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from conformance.judgement import shares, turns
from conformance.judgement.expectation import CaseExpectation, Shares
from conformance.judgement.history import Exchange, Headers
from conformance.judgement.profile import FULL
from conformance.language.models import Case
from conformance.mesh.certificates import Certificates
from conformance.mesh.sights import exchange_of, planned, seen_by_token
from conformance.mesh.workloads import Pod, Workloads

_AT_ONCE = 400
"""Requests between two looks at the journals, where the test looks every hundred: what it does not need it ignores."""
_CONNECTIONS = 8
_LATE_SECONDS = 1.0
"""Where requests may be held for longer, so many are sent at the same time that the delays overlap."""
_LATE_AT_ONCE = 1000
_LATE_CONNECTIONS = 250

_OWN = frozenset({"date", "x-request-id", "x-conformance-token", "x-envoy-upstream-service-time", "traceparent"})
"""Headers that have another value in every request."""


def draw(
    workloads: Workloads,
    case: Case,
    pod: Pod,
    pods: Sequence[Pod],
    prefix: str,
    *,
    certificates: Certificates,
    effect: float = FULL.effect,
) -> list[Exchange]:
    """Has a pod send a furnished case's request as often as its shares or turns want; what both ends saw of it.

    The workloads in `pods` are asked. Every token begins with `prefix`; `effect` is the profile's, as it is when the
    record is judged.
    """
    expected = case.expected(effect)
    exchanges: list[Exchange] = []
    members: tuple[str, ...] = ()
    while count := _wanted(expected, members, len(exchanges)):
        # Each round has tokens of its own beginning, so that its part of the journals is read and nothing else.
        beginning = f"{prefix}-{len(exchanges):05d}-"
        connections = _connections(case, expected.shares)
        answers = workloads.draws(pod, planned(case, beginning, certificates), len(exchanges), count, connections)
        seen = seen_by_token(workloads, pods, beginning)
        found = [
            without_own_values(exchange_of(case, answer, seen.get(answer["token"], ()), certificates))
            for answer in answers
        ]
        exchanges += found
        if expected.shares:
            members = (*members, *shares.members(expected.shares, found))
    _forget(workloads, exchanges, pods, prefix)
    return exchanges


def _wanted(expected: CaseExpectation, members: Sequence[str], sent: int) -> int:
    """How many requests to send next."""
    if expected.turns:
        return max(turns.wanted(expected.turns) - sent, 0)
    assert expected.shares, "only shares and turns need many requests"
    least = shares.more(expected.shares, members)
    if not least:
        return 0
    at_once = _LATE_AT_ONCE if _is_late(expected.shares) else _AT_ONCE
    return max(least, at_once, shares.silence_left(expected.shares, members))


def _connections(case: Case, promised: Shares | None) -> int:
    if case.connection == "kept" or promised is None:
        return 1
    return _LATE_CONNECTIONS if _is_late(promised) else _CONNECTIONS


def _is_late(promised: Shares) -> bool:
    bands = [each.expected.takes for each in promised.alternatives]
    return any(band and band[0] >= _LATE_SECONDS for band in bands)


def without_own_values(exchange: Exchange) -> Exchange:
    """With an asterisk for what every request has of its own, so that thousands alike are written down once."""
    answer = exchange.answer and replace(exchange.answer, headers=_common(exchange.answer.headers))
    seen = tuple(replace(entry, headers=_common(entry.headers)) for entry in exchange.seen)
    return replace(exchange, answer=answer, seen=seen)


def _common(headers: Headers) -> Headers:
    return tuple((name, "*" if name.lower() in _OWN else value) for name, value in headers)


def _forget(workloads: Workloads, exchanges: Sequence[Exchange], pods: Sequence[Pod], prefix: str) -> None:
    names = {entry.pod for exchange in exchanges for entry in exchange.seen}
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda pod: workloads.forget(pod, prefix), [pod for pod in pods if pod.name in names]))
