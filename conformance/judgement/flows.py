"""Requests that flow while the configuration changes: none fails, the old answer ends, and the new one comes.

One case, many exchanges; what is promised of each of them is judged by the checks that judge a single one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from conformance.judgement.agreement import describe
from conformance.judgement.checks import CHECKS, Opinion
from conformance.judgement.comparison import compare
from conformance.judgement.expectation import CaseExpectation, Expected, Predicted
from conformance.judgement.history import Exchange, Moment
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind

LEAST = 5
"""Requests before the change, and again after the gate; in between there is one at least."""

NUMBER, BEFORE, DURING, AFTER, ROUTER = "flows", "flow-before", "flow-during", "flow-after", "flow-router"
FLOW_CHECKS = (NUMBER, BEFORE, DURING, AFTER, ROUTER)
"""The names of the findings of a flow, in their order."""

_QUOTED = 3
"""Requests whose differences a sentence tells; the record has all of them."""

Found = tuple[str, Opinion, str | None]
"""The name of a check, what it says, and the token of the request that shows it."""


def flow_opinions(case: CaseExpectation, exchanges: Sequence[Exchange]) -> Iterator[Found]:
    """One opinion for each of FLOW_CHECKS; the last one only where the router has a voice."""
    assert case.flow is not None, "only flows are judged here"
    alternatives = case.flow.alternatives
    of = {moment: [each for each in exchanges if each.moment == moment] for moment in ("before", "during", "after")}
    yield NUMBER, _number(of["before"], of["during"], of["after"]), None
    yield _among(BEFORE, "before the change", alternatives[:1], of["before"])
    yield _among(DURING, "while the configuration changes", alternatives, of["during"])
    yield _among(AFTER, "once every proxy runs the new configuration", alternatives[-1:], of["after"])
    voices: tuple[tuple[Moment, Predicted | None], ...] = (("before", case.flow.before), ("after", case.predicted))
    spoken = [(of[moment], voice) for moment, voice in voices if voice is not None and not _is_undefined(voice)]
    if spoken:
        yield _as_predicted(spoken)


def _number(before: Sequence[Exchange], during: Sequence[Exchange], after: Sequence[Exchange]) -> Opinion:
    wanted = f"{LEAST} requests before the change, one while it is made and {LEAST} after it, at least"
    observed = f"{len(before)}, {len(during)} and {len(after)}"
    is_flow = len(before) >= LEAST and len(during) >= 1 and len(after) >= LEAST
    # Too few requests prove nothing, neither that the promise holds nor that it does not.
    return Opinion(Verdict.PASS if is_flow else Verdict.BLOCKED, wanted, observed)


def _among(check: str, when: str, alternatives: Sequence[Expected], exchanges: Sequence[Exchange]) -> Found:
    """Whether each request keeps one of the alternatives, all of it."""
    wanted = f"{when}, of each request: {' or '.join(map(_in_words, alternatives))}"
    broken = [(each, flaws) for each in exchanges if (flaws := _flaws(alternatives, each))]
    if not broken:
        return check, Opinion(Verdict.PASS, wanted, f"just that, {len(exchanges)} times"), None
    is_faulty = any(flaw.verdict is Verdict.HARNESS_ERROR for _, flaws in broken for flaw in flaws)
    told = "; ".join(f"{each.token}: {', '.join(_told(flaws))}" for each, flaws in broken[:_QUOTED])
    observed = f"{len(broken)} of {len(exchanges)} requests do not: {told}"
    return (
        check,
        Opinion(Verdict.HARNESS_ERROR if is_faulty else Verdict.VIOLATES, wanted, observed),
        broken[0][0].token,
    )


def _flaws(alternatives: Sequence[Expected], exchange: Exchange) -> list[Opinion]:
    """What keeps an exchange from the nearest of the alternatives; empty if it is one of them."""
    found = [list(_differences(each, exchange)) for each in alternatives]
    faulty = [flaws for flaws in found if any(flaw.verdict is Verdict.HARNESS_ERROR for flaw in flaws)]
    # A contradiction between the two ends proves nothing, whatever else the alternatives allow.
    return faulty[0] if faulty else min(found, key=len)


def _differences(expected: Expected, exchange: Exchange) -> Iterator[Opinion]:
    for check in CHECKS.values():
        opinion = check(expected, exchange)
        if opinion is not None and opinion.verdict is not Verdict.PASS:
            yield opinion


def _told(flaws: Iterable[Opinion]) -> Iterator[str]:
    return iter(dict.fromkeys(flaw.observed for flaw in flaws))


def _in_words(expected: Expected) -> str:
    """The two words that tell alternatives apart in most files, or that there is more to it."""
    words = [
        f"status {expected.status}" if expected.status is not None else "",
        f"a refusal of kind {expected.refused}" if expected.refused is not None else "",
        f"by {expected.answered_by}" if expected.answered_by is not None else "",
    ]
    return " ".join(word for word in words if word) or "what is written in the scenario"


def _is_undefined(predicted: Predicted) -> bool:
    return any(outcome.kind is Kind.UNDEFINED for outcome in predicted.outcomes)


def _as_predicted(spoken: Sequence[tuple[Sequence[Exchange], Predicted]]) -> Found:
    """The router speaks of the states before and after; in between the mesh may be in either, or on its way."""
    wanted = "what the router predicts before and after: " + ", then ".join(
        " or ".join(dict.fromkeys(describe(outcome) for outcome in voice.outcomes)) for _, voice in spoken
    )
    broken = [
        (each, differences)
        for exchanges, voice in spoken
        for each in exchanges
        if (differences := compare(voice.outcomes, voice.request, each).differences)
    ]
    if not broken:
        return ROUTER, Opinion(Verdict.PASS, wanted, "just that"), None
    told = "; ".join(f"{each.token}: {', '.join(map(str, differences))}" for each, differences in broken[:_QUOTED])
    opinion = Opinion(Verdict.VIOLATES, wanted, f"{len(broken)} requests are not as predicted: {told}")
    return ROUTER, opinion, broken[0][0].token
