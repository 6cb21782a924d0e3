"""All that a scenario promises against all that was recorded of it. Pure: the same record, the same findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.judgement.admission import FORESEEN, REJECTED, Attempt, ExpectedRejection, judge_rejections
from conformance.judgement.departures import JUDGED_HERE, Known, with_departures
from conformance.judgement.expectation import CaseExpectation
from conformance.judgement.findings import Finding
from conformance.judgement.history import Exchange
from conformance.judgement.judge import JUDGED, judge
from conformance.judgement.standings import STANDING_CHECKS, FactExpectation, Standing, judge_standings

ALL_JUDGED = frozenset({*JUDGED, *JUDGED_HERE, *STANDING_CHECKS, REJECTED, FORESEEN})
"""The names of all checks whose findings findings_of() makes."""


@dataclass(frozen=True)
class Promises:
    """Of one scenario."""

    cases: Sequence[CaseExpectation]
    facts: Sequence[FactExpectation] = ()
    """Of objects of the cluster."""
    rejections: Sequence[ExpectedRejection] = ()
    """Of objects that must be refused."""
    known: Known = field(default_factory=Known)
    """What the register of expectations says of it."""

    def among(self, names: frozenset[str]) -> Promises:
        """Of some cases, facts and objects only, as after one phase of several."""
        return Promises(
            [each for each in self.cases if each.name in names],
            [each for each in self.facts if each.name in names],
            [each for each in self.rejections if each.name in names],
            self.known.among(names),
        )


@dataclass(frozen=True)
class Recorded:
    """What was recorded."""

    exchanges: Sequence[Exchange]
    standings: Sequence[Standing] = ()
    attempts: Sequence[Attempt] = ()


def findings_of(scenario: str, promised: Promises, recorded: Recorded) -> tuple[Finding, ...]:
    """In the order of the promises; what the register knows comes last."""
    findings = (
        *judge(scenario, promised.cases, recorded.exchanges),
        *judge_standings(scenario, promised.facts, recorded.standings),
        *judge_rejections(scenario, promised.rejections, recorded.attempts),
    )
    return with_departures(scenario, promised.known, recorded.exchanges, findings)
