"""Objects that must be refused: what the document and the router say of them, and what the API server said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.judgement.findings import Finding
from conformance.judgement.verdict import Verdict

REJECTED = "rejected"
"""The check of the promise that an object is refused."""
FORESEEN = "router-admission"
"""The check of the router's word on it."""

_OF_THE_SERVER = 500
"""From this status on an answer may speak of the server, not of the object."""


@dataclass(frozen=True)
class ExpectedRejection:
    """What two voices say of one object before it is tried."""

    name: str
    object: str
    """Kind namespace/name."""
    because: str
    """The document's: stands in the refusal."""
    foreseen: tuple[str, ...] | None = None
    """The router's: the reasons, none if the object is stored; None where it was not asked."""


@dataclass(frozen=True)
class Attempt:
    """One object, applied once without effect (a dry run)."""

    name: str
    object: str
    status: int
    """HTTP; 200 if the object would be stored."""
    message: str
    """The API server's, with the webhook's in it; empty if the object would be stored."""


def judge_rejections(
    scenario: str, expected: Sequence[ExpectedRejection], attempts: Sequence[Attempt]
) -> tuple[Finding, ...]:
    """One finding per object and voice. Pure: the same record, the same findings."""
    by_name: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_name[attempt.name].append(attempt)
    findings = [finding for each in expected for finding in _of_one(scenario, each, by_name.pop(each.name, []))]
    for name in by_name:
        wanted = "attempts with the scenario's own objects only"
        findings.append(
            _finding(Verdict.HARNESS_ERROR, scenario, name, REJECTED, expected=wanted, observed="another object")
        )
    return tuple(findings)


def _of_one(scenario: str, expected: ExpectedRejection, attempts: Sequence[Attempt]) -> Iterator[Finding]:
    wanted = f"a refusal of {expected.object} that says {expected.because!r}"
    if len(attempts) != 1 or attempts[0].object != expected.object:
        verdict = Verdict.HARNESS_ERROR if attempts else Verdict.BLOCKED
        tried = ", ".join(attempt.object for attempt in attempts)
        yield _finding(
            verdict, scenario, expected.name, REJECTED, expected=wanted, observed=f"tried: {tried or 'nothing'}"
        )
        return
    attempt = attempts[0]
    verdict = _of_promise(expected, attempt)
    yield _finding(verdict, scenario, expected.name, REJECTED, expected=wanted, observed=_said(attempt))
    if expected.foreseen is not None and verdict is not Verdict.HARNESS_ERROR:
        # Of the reasons, the words that the document has of them: what follows in Go's messages is Go's.
        for_that = any(expected.because in reason for reason in expected.foreseen)
        agrees = bool(expected.foreseen) == bool(attempt.message) and for_that == (expected.because in attempt.message)
        reasons = " and ".join(expected.foreseen)
        foreseen = f"what the router predicts, {f'a refusal: {reasons}' if reasons else 'that it is stored'}"
        verdict = Verdict.PASS if agrees else Verdict.VIOLATES
        yield _finding(verdict, scenario, expected.name, FORESEEN, expected=foreseen, observed=_said(attempt))


def _of_promise(expected: ExpectedRejection, attempt: Attempt) -> Verdict:
    if attempt.message and expected.because in attempt.message:
        return Verdict.PASS
    return Verdict.HARNESS_ERROR if attempt.status >= _OF_THE_SERVER else Verdict.VIOLATES


def _said(attempt: Attempt) -> str:
    return f"{attempt.status}: {attempt.message}" if attempt.message else "it would be stored"


def _finding(verdict: Verdict, scenario: str, name: str, check: str, *, expected: str, observed: str) -> Finding:
    return Finding(verdict, scenario, name, check, expected, observed, None)


def broken_rejections(expected: Sequence[ExpectedRejection]) -> tuple[str, ...]:
    """Document against router: the promises that its reasons do not keep."""
    return tuple(
        f"{each.name}: promised a refusal with {each.because!r}, predicted {'; '.join(each.foreseen) or 'none'}"
        for each in expected
        if each.foreseen is not None and not any(each.because in reason for reason in each.foreseen)
    )
