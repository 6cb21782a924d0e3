"""Traffic that flows while a stage's configuration comes about: begun before its change, ended after its cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from conformance.judgement.flows import LEAST
from conformance.judgement.history import Exchange, Moment
from conformance.language.models import Flow
from conformance.mesh.credentials import Credentials
from conformance.mesh.sights import exchange_of, planned, seen_by_token
from conformance.mesh.workloads import Pod, Workloads

PAUSE_SECONDS = 0.01
"""After each answer: steady, and slow enough to leave the machine to the change itself."""


@dataclass(frozen=True)
class _Begun:
    flow: Flow
    pod: Pod
    token: str


class Flows:
    """The flows of one stage. Leaving the context ends those that still flow, whatever happened."""

    def __init__(
        self, workloads: Workloads, flows: Sequence[Flow], namespace: str, run: str, credentials: Credentials
    ) -> None:
        self._workloads = workloads
        self._certificates = credentials.certificates
        self._namespace = namespace
        furnished = map(credentials.wallet.furnished, flows)
        self._planned = [(flow, f"{run}-f{number:02d}") for number, flow in enumerate(furnished, start=1)]
        self._run = run
        self._begun: list[_Begun] = []

    def __enter__(self) -> Self:
        for flow, token in self._planned:
            pod = self._workloads.client(flow.client, self._namespace)
            request = planned(flow, token, self._certificates)
            self._workloads.begin_flow(pod, token, request, flow.connection, PAUSE_SECONDS)
            self._begun.append(_Begun(flow, pod, token))
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for each in self._begun:
            self._workloads.end_flow(each.pod, each.token, 0)
        self._begun = []

    def change(self) -> None:
        """Returns when enough requests have ended; from now on the configuration may change."""
        self._pass_on("during", LEAST)

    def settle(self) -> None:
        """Every proxy runs the new configuration: what begins from now on must know it."""
        self._pass_on("after", 1)

    def _pass_on(self, moment: Moment, least: int) -> None:
        for each in self._begun:
            self._workloads.pass_on_flow(each.pod, each.token, moment, least)

    def end(self, witnesses: Sequence[Pod]) -> list[Exchange]:
        """All of their requests, from both ends."""
        if not self._begun:
            return []
        ended = [(each, self._workloads.end_flow(each.pod, each.token, LEAST)) for each in self._begun]
        self._begun = []
        seen = seen_by_token(self._workloads, witnesses, f"{self._run}-f")
        return [
            exchange_of(each.flow, answer, seen.get(answer["token"], ()), self._certificates, moment_of(answer))
            for each, answers in ended
            for answer in answers
        ]


def moment_of(answer: Mapping[str, Any]) -> Moment:
    """What the change can have done to a request: nothing before it began, everything once it was complete."""
    begun, ended = answer["moments"]
    if begun == "after":
        return "after"
    return "before" if ended == "before" else "during"
