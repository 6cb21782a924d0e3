"""Tries and time-outs of one request in one cluster (specification, section 17).

A retry avoids endpoints that were tried already, and never leaves the cluster that was drawn first. Endpoints that
fail alike are one group, so that many of them cost no more than few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from conformance.router.passage import local
from conformance.router.prediction import ONE, Kind, Outcome
from conformance.router.retries import RetryPolicy

TIMEOUT_BODY = "upstream request timeout"

Shares = Sequence[tuple[Outcome, Fraction]]


def tried(found: Shares, policy: RetryPolicy, timeout: Fraction | None, part: Fraction = ONE) -> Iterator[Outcome]:
    """The outcomes of all endpoints after retries and within the time-outs; their chances add up to `part`."""
    again = [_is_retried(outcome, policy) for outcome, _ in found]
    if not any(again) and timeout is None and policy.per_try is None:
        for outcome, share in found:
            yield outcome.times(share if part is ONE else part if share is ONE else part * share)
        return
    members = tuple(
        _Member(outcome, share, retried, _duration(outcome))
        for (outcome, share), retried in zip(found, again, strict=True)
    )
    yield from _next(_Course(policy, timeout, members), members, part, Fraction(0), 0, 0)


def _is_retried(outcome: Outcome, policy: RetryPolicy) -> bool:
    if not policy.retries:
        return False
    if outcome.kind is Kind.CONNECT_FAIL and outcome.upstream_time is False and not outcome.response_set:
        # Ours, not an answer of the server's sidecar.
        return policy.sees_connect_failure()
    if outcome.kind is Kind.UPSTREAM_RESET and not outcome.response_set:
        return policy.sees_reset()
    return outcome.status is not None and policy.sees_status(outcome.status)


def _duration(outcome: Outcome) -> Fraction:
    return Fraction(str(outcome.at_least))


@dataclass(frozen=True, slots=True)
class _Member:
    outcome: Outcome
    share: Fraction
    is_retried: bool
    seconds: Fraction


@dataclass(frozen=True, slots=True)
class _Course:
    policy: RetryPolicy
    timeout: Fraction | None
    all: tuple[_Member, ...]


def _next(
    course: _Course, left: tuple[_Member, ...], chance: Fraction, elapsed: Fraction, tries: int, seen: int
) -> Iterator[Outcome]:
    """One more try among the endpoints left; all of them again when none is left."""
    left = left or course.all
    total = sum((each.share for each in left), Fraction(0))
    for group, share in _groups(left):
        each = group[0]
        part = chance * share / total
        per_try = course.policy.per_try
        is_slow = per_try is not None and each.seconds > per_try
        cost = per_try if is_slow and per_try is not None else each.seconds
        reached = seen + each.outcome.attempts[1]
        if course.timeout is not None and elapsed + cost >= course.timeout and elapsed + each.seconds > course.timeout:
            yield _timed_out(each, part, course.timeout, reached)
            continue
        again = course.policy.sees_try_timeout() if is_slow else each.is_retried
        if again and tries < course.policy.retries:
            others = tuple(member for member in left if member is not each)
            yield from _next(course, others, part, elapsed + cost, tries + 1, reached)
        elif is_slow:
            yield _timed_out(each, part, elapsed + cost, reached)
        else:
            for member in group:
                spent = float(elapsed + member.seconds)
                reached = seen + member.outcome.attempts[1]
                yield replace(
                    member.outcome,
                    probability=chance * member.share / total,
                    at_least=spent,
                    attempts=(seen + member.outcome.attempts[0], reached),
                )


def _groups(left: Sequence[_Member]) -> Iterator[tuple[list[_Member], Fraction]]:
    """Members that lead to the same next step."""
    groups: dict[tuple[object, ...], list[_Member]] = {}
    for each in left:
        outcome = each.outcome
        alike = (outcome.kind, outcome.status, each.is_retried, each.seconds, outcome.attempts)
        groups.setdefault(alike, []).append(each)
    for group in groups.values():
        yield group, sum((each.share for each in group), Fraction(0))


def _timed_out(member: _Member, part: Fraction, after: Fraction, reached: int) -> Outcome:
    """The workload may have seen the request; the client gets 504."""
    made = local(Kind.TIMEOUT, 504, TIMEOUT_BODY, "the time-out of the rule or of a try is over")
    return replace(
        made, probability=part, sight=member.outcome.sight, at_least=float(after), attempts=(reached, reached)
    )
