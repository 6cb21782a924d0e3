"""Flows: one request again and again while somebody changes the configuration, until its sender is told to end.

Whoever starts a flow says what moment it is (before the change, meanwhile, afterwards), and each request carries the
two moments at which it began and ended: once `pass_on` has returned, no further request begins in an earlier one.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from typing import Final

from workload.client import PlanExecution
from workload.plans import Plan, PlanError, fields_from, number_from, plan_from, whole_from

MAXIMUM_REQUESTS: Final = 5_000
MAXIMUM_PAUSE_SECONDS: Final = 1.0
MAXIMUM_FLOWS: Final = 16
# Of one moment's requests; more seldom than this is no flow.
WAIT_SECONDS: Final = 20.0
_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,64}")
_MOMENT: Final = re.compile(r"[a-z]{1,16}")


@dataclass(frozen=True)
class Beginning:
    """What to send, how long to rest after each answer, and what moment it is."""

    name: str
    plan: Plan
    pause_seconds: float
    moment: str


@dataclass(frozen=True)
class Passing:
    """Which moment comes next, once at least so many requests of the present one have ended."""

    moment: str
    least: int


def beginning_from(content: object, name: str) -> Beginning:
    """Read decoded JSON; raise PlanError for anything it does not expect."""
    if not _NAME.fullmatch(name):
        raise PlanError(f"expected a flow's name of letters, digits and hyphens, found {name[:80]!r}")
    fields = fields_from(content, "flow", needed=("plan", "pause_seconds", "moment"))
    plan = plan_from(fields["plan"])
    if len(plan.requests) != 1:
        raise PlanError("flow: expected a plan of one request, which is sent again and again")
    pause = number_from(fields["pause_seconds"], "pause_seconds", 0, MAXIMUM_PAUSE_SECONDS)
    return Beginning(name, plan, pause, _moment(fields["moment"]))


def passing_from(content: object) -> Passing:
    """Read decoded JSON; raise PlanError for anything it does not expect."""
    fields = fields_from(content, "flow", needed=("moment", "least"))
    return Passing(_moment(fields["moment"]), whole_from(fields["least"], "least", 0, MAXIMUM_REQUESTS))


def _moment(value: object) -> str:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise PlanError("moment: expected a word in lower case")
    return value


class Flow:
    """One flow on its way, in a thread of its own. Its requests follow one another; none is sent twice."""

    def __init__(self, beginning: Beginning) -> None:
        self._beginning = beginning
        self._execution = PlanExecution(beginning.plan)
        self._changed = threading.Condition()
        self._moment = beginning.moment
        self._ended_requests = 0  # of the present moment
        self._is_stopped = False
        self._has_ended = False
        self._answers: list[dict[str, object]] = []
        self._thread = threading.Thread(target=self._flow, name=f"flow {beginning.name}", daemon=True)
        self._thread.start()

    def pass_on(self, passing: Passing) -> int:
        """Name the next moment after enough requests of this one; how many it had in the end.

        Fewer than asked for if they did not come in time, or if the flow has sent all it may: the caller counts.
        """
        with self._changed:
            self._await(passing.least)
            had, self._moment, self._ended_requests = self._ended_requests, passing.moment, 0
            return had

    def end(self, least: int) -> list[dict[str, object]]:
        """Let the present moment have enough requests, then stop; every answer with its two moments, in order."""
        with self._changed:
            self._await(least)
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join(self._beginning.plan.timeout_seconds + 1)
        with self._changed:
            return list(self._answers)

    def _await(self, least: int) -> None:
        self._changed.wait_for(lambda: self._ended_requests >= least or self._has_ended, WAIT_SECONDS)

    def _flow(self) -> None:
        try:
            for number in range(1, MAXIMUM_REQUESTS + 1):
                with self._changed:
                    if self._is_stopped:
                        return
                    moment = self._moment
                self._send(number, moment)
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopped, self._beginning.pause_seconds)
        finally:
            self._execution.close()
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _send(self, number: int, moment: str) -> None:
        request = self._beginning.plan.requests[0]
        answer = self._execution.exchange(replace(request, token=f"{request.token}-{number:05d}"))
        with self._changed:
            self._answers.append(answer | {"moments": [moment, self._moment]})
            # A request that was begun in an earlier moment does not count for this one.
            self._ended_requests += moment == self._moment
            self._changed.notify_all()


class Flows:
    """The flows of this workload, by name. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flows: dict[str, Flow] = {}

    def begin(self, beginning: Beginning) -> str:
        """Its name. Raise PlanError for a name that is taken, or for one flow too many."""
        with self._lock:
            if beginning.name in self._flows:
                raise PlanError(f"there is a flow {beginning.name} already")
            if len(self._flows) >= MAXIMUM_FLOWS:
                raise PlanError(f"expected at most {MAXIMUM_FLOWS} flows at once")
            self._flows[beginning.name] = Flow(beginning)
            return beginning.name

    def pass_on(self, name: str, passing: Passing) -> int:
        """How many requests the moment had that is over now."""
        return self._flow(name).pass_on(passing)

    def end(self, name: str, least: int) -> list[dict[str, object]]:
        """All answers of a flow, which is forgotten."""
        answers = self._flow(name).end(least)
        with self._lock:
            self._flows.pop(name, None)
        return answers

    def _flow(self, name: str) -> Flow:
        with self._lock:
            if name not in self._flows:
                raise PlanError(f"there is no flow {name[:80]!r}")
            return self._flows[name]
