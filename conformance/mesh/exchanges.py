"""Measuring: each request of a scenario is sent once, and recorded once from both ends.

Cases follow each other, or begin together where their stage says so; then each is a plan of its own, and the client's
control port runs them side by side. Shares and turns are drawn after all others (draws.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from conformance.judgement.history import Exchange
from conformance.judgement.profile import Profile
from conformance.language.expectations import Expectation
from conformance.language.models import Case, Stage
from conformance.mesh.behaviours import behaving
from conformance.mesh.credentials import Credentials
from conformance.mesh.draws import draw
from conformance.mesh.sights import exchange_of, planned, seen_by_token
from conformance.mesh.workloads import Pod, Workloads, client_among

_COPY_SECONDS = 1.0
"""After the last answer, where copies are promised: nobody waits for a copy, so it may arrive after the answer. A fixed
wait, not a poll, so that a copy too many has the same time to show."""
_ANSWER_SECONDS = 10
"""For an answer that is not promised to take longer."""


@dataclass(frozen=True)
class _Sending:
    """A request of a furnished case, by its token."""

    case: Case
    token: str


@dataclass(frozen=True)
class Measuring:
    """Who sends and who is asked: the pods of the scenario's namespace and all that may see its requests."""

    workloads: Workloads
    credentials: Credentials
    profile: Profile
    namespace: str
    witnesses: Sequence[Pod]

    def measure(self, stage: Stage, run: str) -> list[Exchange]:
        """Sends every case's requests and collects what the witnesses saw of them.

        `run` is unique to this stage of this run; every token begins with it.
        """
        cases = [self.credentials.wallet.furnished(case) for case in stage.cases]
        numbered = [(f"{run}-{number:04d}", case) for number, case in enumerate(cases, start=1)]
        told = [(run, behaviour) for behaviour in stage.behaviours]
        told += [(token, behaviour) for token, case in numbered for behaviour in case.behaviours]
        with behaving(self.workloads, told, self.namespace, self.witnesses):
            single = [(token, case) for token, case in numbered if not case.expect.is_distribution]
            exchanges = self._each_sent(single, run, together=stage.together)
            for token, case in numbered:
                if case.expect.is_distribution:
                    exchanges += self._drawn(case, f"{token}d")
        return exchanges

    def _drawn(self, case: Case, prefix: str) -> list[Exchange]:
        client = client_among(self.witnesses, case.client, self.namespace)
        return draw(
            self.workloads,
            case,
            client,
            self.witnesses,
            prefix,
            certificates=self.credentials.certificates,
            effect=self.profile.effect,
        )

    def _each_sent(self, numbered: Sequence[tuple[str, Case]], run: str, *, together: bool) -> list[Exchange]:
        sendings = [[_Sending(case, token) for token in _tokens(begin, case.times)] for begin, case in numbered]
        batches = sendings if together else list(_joined(sendings))
        with ThreadPoolExecutor(max(1, len(batches))) as pool:
            found = pool.map(self._sent, batches) if together else map(self._sent, batches)
            answers = {answer["token"]: answer for batch in found for answer in batch}
        if any(_has_copies(said) for _, case in numbered for _, said in case.said):
            time.sleep(_COPY_SECONDS)
        seen = seen_by_token(self.workloads, self.witnesses, run) if answers else {}
        return [
            exchange_of(each.case, answers[each.token], seen.get(each.token, ()), self.credentials.certificates)
            for of_case in sendings
            for each in of_case
        ]

    def _sent(self, batch: Sequence[_Sending]) -> list[Mapping[str, Any]]:
        """The answers of requests that one client sends."""
        first = batch[0].case
        if first.after:
            time.sleep(first.after)
        patience = _ANSWER_SECONDS + max(_longest(said) for each in batch for _, said in each.case.said)
        requests = [planned(each.case, each.token, self.credentials.certificates) for each in batch]
        client = client_among(self.witnesses, first.client, self.namespace)
        return [*self.workloads.plan(client, requests, at_once=bool(first.at_once), patience=patience)]


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


def _longest(promised: Expectation) -> float:
    """The most seconds that an answer may take by any promise."""
    bands = [each.takes for each in (promised, *promised.counts) if each.takes]
    return max((most for _, most in bands), default=0)
