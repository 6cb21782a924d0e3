"""Tries and time-outs of one request in one cluster (specification, section 17).

A retry never leaves the cluster that was drawn first, and mostly avoids endpoints that were tried already. Endpoints
that fail alike are counted, not told apart, so that many of them cost no more than few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from conformance.router.passage import local
from conformance.router.prediction import ONE, Kind, Outcome
from conformance.router.retries import Again, RetryPolicy

TIMEOUT_BODY = "upstream request timeout"

Shares = Sequence[tuple[Outcome, Fraction]]

_PATIENCE = 50
"""Retries that are followed one by one, if there are no more endpoints than that; further ones change nothing much."""


def tried(
    found: Shares,
    policy: RetryPolicy,
    timeout: Fraction | None,
    part: Fraction = ONE,
    *,
    is_hashed: bool = False,
) -> Iterator[Outcome]:
    """The outcomes of all endpoints after retries and within the time-outs; their chances add up to `part`.

    `is_hashed`: the cluster chooses its endpoint by consistent hashing.
    """
    again = [_is_retried(outcome, policy) for outcome, _ in found]
    if not any(again) and timeout is None and policy.per_try is None:
        for outcome, share in found:
            yield outcome.times(share if part is ONE else part if share is ONE else part * share)
        return
    course = _Course(policy, timeout, tuple(_groups(found, again, policy)), is_hashed=is_hashed)
    for end, chance in course.ends(part, min(policy.retries, max(_PATIENCE, len(found)))).items():
        yield from course.outcomes(end, chance)


def _is_retried(outcome: Outcome, policy: RetryPolicy) -> bool:
    if not policy.retries:
        return False
    # Those with the name of a server are answers of the sidecar behind, not failures of ours.
    if outcome.kind is Kind.CONNECT_FAIL and not outcome.response_set:
        return policy.sees_connect_failure()
    if outcome.kind is Kind.UPSTREAM_RESET and not outcome.response_set:
        return policy.sees_reset()
    return outcome.status is not None and policy.sees_status(outcome.status)


@dataclass(frozen=True, slots=True)
class _Group:
    """Endpoints of the same share that make the same difference."""

    members: tuple[Outcome, ...]
    share: Fraction
    """Of each of them."""
    seconds: Fraction
    is_slow: bool
    """Slower than perTryTimeout."""
    is_retried: bool
    attempts: tuple[int, int]


def _groups(found: Shares, again: Iterable[bool], policy: RetryPolicy) -> Iterator[_Group]:
    alike: dict[tuple[object, ...], list[Outcome]] = {}
    for (outcome, share), retried in zip(found, again, strict=True):
        seconds = Fraction(str(outcome.at_least))
        is_slow = policy.per_try is not None and seconds > policy.per_try
        traits = (share, seconds, is_slow, policy.sees_reset() if is_slow else retried, outcome.attempts)
        alike.setdefault((outcome.kind, outcome.status, *traits), []).append(outcome)
    return (_Group(tuple(members), *traits[2:]) for traits, members in alike.items())  # type: ignore[arg-type]


class _State(NamedTuple):
    """Between two tries: how many endpoints of each group are left, seconds, and how often workloads saw it."""

    left: tuple[int, ...]
    elapsed: Fraction
    least: int
    most: int


class _End(NamedTuple):
    """After the last try, at an endpoint of a group."""

    group: int
    timed_out: bool
    elapsed: Fraction
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class _Course:
    policy: RetryPolicy
    timeout: Fraction | None
    groups: tuple[_Group, ...]
    is_hashed: bool

    def ends(self, part: Fraction, retries: int) -> dict[_End, Fraction]:
        """How it may end, with its chances."""
        states = {_State(self._all(), Fraction(0), 0, 0): part}
        ends: dict[_End, Fraction] = {}
        for left in range(retries, -1, -1):
            following: dict[_State, Fraction] = {}
            for state, chance in states.items():
                for number, share in self._draw(state):
                    end = self._end(state, number, is_last=not left)
                    if end:
                        ends[end] = ends.get(end, Fraction(0)) + chance * share
                    else:
                        after = self._after(state, number)
                        following[after] = following.get(after, Fraction(0)) + chance * share
            states = following
        return ends

    def _all(self) -> tuple[int, ...]:
        return tuple(len(group.members) for group in self.groups)

    def _draw(self, state: _State) -> Iterator[tuple[int, Fraction]]:
        """The groups from which the next endpoint may come."""
        weights = [count * group.share for count, group in zip(state.left, self.groups, strict=True)]
        total = sum(weights)
        return ((number, weight / total) for number, weight in enumerate(weights) if weight)

    def _end(self, state: _State, number: int, *, is_last: bool) -> _End | None:
        """None if there is one more try."""
        group = self.groups[number]
        cost = self._cost(group)
        least, most = state.least + group.attempts[0], state.most + group.attempts[1]
        if self.timeout is not None and state.elapsed + cost >= self.timeout < state.elapsed + group.seconds:
            return _End(number, timed_out=True, elapsed=self.timeout, least=least, most=most)
        if group.is_retried and not is_last:
            return None
        return _End(number, timed_out=group.is_slow, elapsed=state.elapsed + cost, least=least, most=most)

    def _cost(self, group: _Group) -> Fraction:
        return self.policy.per_try if group.is_slow and self.policy.per_try else group.seconds

    def _after(self, state: _State, number: int) -> _State:
        group, again = self.groups[number], self.policy.again
        if again is Again.HASHED and self.is_hashed:
            left = tuple(int(other == number) for other in range(len(self.groups)))
        elif again is Again.ANY:
            left = state.left
        else:
            left = tuple(count - (other == number) for other, count in enumerate(state.left))
        least, most = state.least + group.attempts[0], state.most + group.attempts[1]
        return _State(left if any(left) else self._all(), state.elapsed + self._cost(group), least, most)

    def outcomes(self, end: _End, chance: Fraction) -> Iterator[Outcome]:
        """Any endpoint of the group may have been the last."""
        members = self.groups[end.group].members
        share = chance / len(members)
        for outcome in members:
            made = _timed_out(outcome) if end.timed_out else outcome
            yield replace(made, probability=share, at_least=float(end.elapsed), attempts=(end.least, end.most))


def _timed_out(outcome: Outcome) -> Outcome:
    """The workload may have seen the request; the client gets 504."""
    made = local(Kind.TIMEOUT, 504, TIMEOUT_BODY, "the time-out of the rule or of a try is over")
    return replace(made, sight=outcome.sight)
