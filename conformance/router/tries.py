"""Tries and time-outs of one request in one cluster (specification, section 17).

A retry never leaves the cluster that was drawn first, and mostly avoids endpoints that were tried already. Endpoints
that fail alike are counted, not told apart, so that many of them cost no more than few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from conformance.router.passage import local
from conformance.router.prediction import ONE, Kind, Outcome, both
from conformance.router.retries import Again, RetryPolicy

TIMEOUT_BODY = "upstream request timeout"

Place = tuple[Sequence[Outcome], Fraction]
"""Every way a try at one endpoint may end (chances add up to one), and the endpoint's share."""

_PATIENCE = 50
"""Retries that are followed one by one, if there are no more endpoints than that; further ones change nothing much."""


def tried(
    places: Sequence[Place],
    policy: RetryPolicy,
    timeout: Fraction | None,
    part: Fraction = ONE,
    *,
    is_hashed: bool = False,
) -> list[Outcome]:
    """The outcomes of all endpoints after retries and within the time-outs; their chances add up to `part`.

    `is_hashed`: the cluster chooses its endpoint by consistent hashing.
    """
    if timeout is None and policy.per_try is None and not _may_retry(places, policy):
        return [outcome.times(both(part, share)) for outcomes, share in places for outcome in outcomes]
    counted = min(policy.retries, max(_PATIENCE, len(places)))
    course = _Course(policy, timeout, tuple(_groups(places, policy)), is_hashed, counted)
    return [outcome for end, chance in course.ends(part).items() for outcome in course.outcomes(end, chance)]


def _may_retry(places: Sequence[Place], policy: RetryPolicy) -> bool:
    for outcomes, _ in places:
        for outcome in outcomes:
            if _is_retried(outcome, policy):
                return True
    return False


def _is_retried(outcome: Outcome, policy: RetryPolicy) -> bool:
    if not policy.retries:
        return False
    # Those with the name of a server are answers of the sidecar behind, not failures of ours.
    if not outcome.response_set:
        if outcome.kind is Kind.CONNECT_FAIL:
            return policy.sees_connect_failure()
        if outcome.kind is Kind.UPSTREAM_RESET:
            return policy.sees_reset()
    return outcome.status is not None and policy.sees_status(outcome.status)


class _Way(NamedTuple):
    """What the end of a try means for the next one, and for the time."""

    cost: Fraction
    """Seconds, at most perTryTimeout."""
    is_slow: bool
    """Cut off by perTryTimeout."""
    is_retried: bool
    outlasts: Fraction
    """Seconds that it takes if nobody cuts it off."""
    attempts: tuple[int, int]


def _way(outcome: Outcome, policy: RetryPolicy) -> _Way:
    seconds, cost, again = Fraction(str(outcome.at_least)), policy.per_try, policy.sees_reset()
    is_slow = cost is not None and seconds > cost
    if cost is None or not is_slow:
        cost, again = seconds, _is_retried(outcome, policy)
    return _Way(cost, is_slow, again, seconds, outcome.attempts)


@dataclass(frozen=True, slots=True)
class _Group:
    """Endpoints of one share that behave alike."""

    share: Fraction
    """Of each of them."""
    ways: dict[_Way, Fraction]
    """With the chance of each."""
    members: list[dict[_Way, list[Outcome]]]


def _groups(places: Sequence[Place], policy: RetryPolicy) -> Iterator[_Group]:
    groups: dict[object, _Group] = {}
    for outcomes, share in places:
        member: dict[_Way, list[Outcome]] = {}
        for outcome in outcomes:
            member.setdefault(_way(outcome, policy), []).append(outcome)
        ways = {way: sum((each.probability for each in alike), Fraction(0)) for way, alike in member.items()}
        groups.setdefault((share, frozenset(ways.items())), _Group(share, ways, [])).members.append(member)
    return iter(groups.values())


class _State(NamedTuple):
    """Between two tries: how many endpoints of each group are left, seconds, and how often workloads saw it."""

    left: tuple[int, ...]
    elapsed: Fraction
    attempts: tuple[int, int]


class _End(NamedTuple):
    """After the last try, at an endpoint of a group."""

    group: int
    way: _Way
    timed_out: bool
    elapsed: Fraction
    attempts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Course:
    policy: RetryPolicy
    timeout: Fraction | None
    groups: tuple[_Group, ...]
    is_hashed: bool
    counted: int
    """Retries that are followed one by one."""

    @property
    def uncounted(self) -> int:
        return self.policy.retries - self.counted

    def ends(self, part: Fraction) -> dict[_End, Fraction]:
        """How it may end, with its chances."""
        states = {_State(self._all(), Fraction(0), (0, 0)): part}
        ends: dict[_End, Fraction] = {}
        for left in range(self.counted, -1, -1):
            following: dict[_State, Fraction] = {}
            for state, chance in states.items():
                for number, way, share in self._draw(state):
                    end = self._end(state, number, way, is_last=not left)
                    if end:
                        ends[end] = ends.get(end, Fraction(0)) + chance * share
                    else:
                        after = self._after(state, number, way)
                        following[after] = following.get(after, Fraction(0)) + chance * share
            states = following
        return ends

    def _all(self) -> tuple[int, ...]:
        return tuple(len(group.members) for group in self.groups)

    def _draw(self, state: _State) -> Iterator[tuple[int, _Way, Fraction]]:
        """From which group the next endpoint may come, and what it may do."""
        weights = [count * group.share for count, group in zip(state.left, self.groups, strict=True)]
        total = sum(weights)
        for number, weight in enumerate(weights):
            for way, chance in self.groups[number].ways.items() if weight else ():
                yield number, way, chance * weight / total

    def _end(self, state: _State, number: int, way: _Way, *, is_last: bool) -> _End | None:
        """None if there is one more try."""
        (least, most), elapsed = _sum(state.attempts, way.attempts), state.elapsed + way.cost
        if self.timeout is not None and elapsed >= self.timeout < state.elapsed + way.outlasts:
            return _End(number, way, timed_out=True, elapsed=self.timeout, attempts=(least, most))
        if way.is_retried:
            if not is_last:
                return None
            most += self.uncounted * way.attempts[1]
        return _End(number, way, timed_out=way.is_slow, elapsed=elapsed, attempts=(least, most))

    def _after(self, state: _State, number: int, way: _Way) -> _State:
        again = self.policy.again
        if again is Again.HASHED and self.is_hashed:
            left = tuple(int(other == number) for other in range(len(self.groups)))
        elif again is Again.ANY:
            left = state.left
        else:
            left = tuple(count - (other == number) for other, count in enumerate(state.left))
        return _State(left if any(left) else self._all(), state.elapsed + way.cost, _sum(state.attempts, way.attempts))

    def outcomes(self, end: _End, chance: Fraction) -> Iterator[Outcome]:
        """Any endpoint of the group may have been the last."""
        group = self.groups[end.group]
        share = chance / group.ways[end.way] / len(group.members)
        for member in group.members:
            for outcome in member[end.way]:
                made = _timed_out(outcome) if end.timed_out else outcome
                probability = share * outcome.probability
                yield made._replace(probability=probability, at_least=float(end.elapsed), attempts=end.attempts)


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _timed_out(outcome: Outcome) -> Outcome:
    """The workload may have seen the request; the client gets 504."""
    made = local(Kind.TIMEOUT, 504, TIMEOUT_BODY, "the time-out of the rule or of a try is over")
    return made._replace(sight=outcome.sight)
