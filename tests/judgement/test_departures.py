"""A known deviation is shown anew by every record; one that no longer holds violates."""

from __future__ import annotations

from dataclasses import replace

from conformance.judgement.departures import Departure, Deviation, Known, with_departures
from conformance.judgement.expectation import CaseExpectation, Counted, Expected
from conformance.judgement.findings import Finding
from conformance.judgement.history import Answer, Exchange, Seen
from conformance.judgement.judge import judge
from conformance.judgement.verdict import Verdict, composed

CLOSED = Exchange(
    token="t-1",
    case="root",
    client="internet",
    method="GET",
    url="http://a/",
    headers=(),
    started=1.0,
    seconds=0.1,
    answer=Answer(404, (), "", "1.1"),
    failure=None,
    seen=(),
)
SEEN = Seen("a-v1", "a-v1-x", "GET", "/", "a", (), None, 1.0)
EXPECTED = (CaseExpectation("root", Expected(status=404, answered_by="nobody")),)
ENTRY = Departure(
    document="001",
    claim="it is answered 403",
    istio="it is answered 404",
    reason="there is no route",
    link="https://istio.io/latest/",
    claims=(("root", Expected(status=403, answered_by="nobody")),),
)


def found(known: Known, exchange: Exchange = CLOSED) -> dict[str, Finding]:
    findings = with_departures("area/one", known, (exchange,), judge("area/one", EXPECTED, (exchange,)))
    return {finding.check: finding for finding in findings}


def departed(entry: Departure, exchange: Exchange = CLOSED) -> Finding:
    return found(Known(departures=(entry,)), exchange)["document"]


def test_a_claim_that_does_not_hold_departs_and_the_scenario_is_green() -> None:
    findings = found(Known(departures=(ENTRY,)))

    assert findings["document"].verdict is Verdict.DEPARTS
    assert findings["document"].expected == "status 403, as document 001 says"
    assert findings["document"].observed == "status 404"
    whole = composed(finding.verdict for finding in findings.values())
    assert whole is Verdict.DEPARTS
    assert whole.is_green


def test_a_claim_that_holds_makes_the_entry_stale() -> None:
    stale = departed(ENTRY, replace(CLOSED, answer=Answer(403, (), "", "1.1")))

    assert stale.verdict is Verdict.VIOLATES
    assert "the entry is stale" in stale.observed


def test_one_part_of_a_claim_that_does_not_hold_is_enough() -> None:
    half = replace(ENTRY, claims=(("root", Expected(status=404, answered_by="a-v1")),))

    assert departed(half).verdict is Verdict.DEPARTS


def test_what_holds_for_every_request_is_no_part_of_a_claim() -> None:
    twice = replace(CLOSED, answer=Answer(403, (("x-answered-by", "a-v1"),), "", "1.1"), seen=(SEEN, SEEN))
    claimed = replace(ENTRY, claims=(("root", Expected(status=403)),))

    assert departed(claimed, twice).verdict is Verdict.VIOLATES


def test_voices_that_contradict_each_other_prove_nothing_about_a_claim() -> None:
    confused = replace(CLOSED, answer=Answer(403, (("x-answered-by", "a-v1"),), "", "1.1"))

    assert departed(ENTRY, confused).verdict is Verdict.HARNESS_ERROR


def test_a_record_that_contradicts_itself_shows_no_departure_either() -> None:
    confused = replace(CLOSED, answer=Answer(404, (("x-answered-by", "a-v1"),), "", "1.1"))

    assert departed(ENTRY, confused).verdict is Verdict.HARNESS_ERROR


FORBIDDEN = replace(CLOSED, answer=Answer(403, (), "", "1.1"))
CLOSED_AND_FORBIDDEN = Expected(
    counts=(
        Counted(1, 1, Expected(status=404, answered_by="nobody")),
        Counted(2, 2, Expected(status=403, answered_by="nobody")),
    )
)


def counted(*exchanges: Exchange) -> Finding:
    """What becomes of a claim about three requests of a case."""
    known = Known(departures=(replace(ENTRY, claims=(("root", CLOSED_AND_FORBIDDEN),)),))
    named = [replace(each, token=f"t-{number}") for number, each in enumerate(exchanges)]
    expected = CaseExpectation("root", Expected(answered_by="nobody"), times=3)
    findings = with_departures("area/one", known, named, judge("area/one", [expected], named))
    return next(finding for finding in findings if finding.check == "document")


def test_a_claim_about_how_many_that_does_not_hold_departs() -> None:
    departs = counted(CLOSED, CLOSED, FORBIDDEN)

    assert departs.verdict is Verdict.DEPARTS
    assert departs.expected == "of 3 1 times status 404 at nobody, 2 times status 403 at nobody, as document 001 says"
    assert departs.observed == "2 times status 404 at nobody, 1 times status 403 at nobody"


def test_a_claim_about_how_many_that_holds_makes_the_entry_stale() -> None:
    stale = counted(FORBIDDEN, CLOSED, FORBIDDEN)

    assert stale.verdict is Verdict.VIOLATES
    assert "the entry is stale" in stale.observed


def test_a_request_that_contradicts_itself_proves_nothing_about_how_many() -> None:
    confused = replace(FORBIDDEN, answer=Answer(403, (("x-answered-by", "a-v1"),), "", "1.1"))

    assert counted(confused, CLOSED, CLOSED).verdict is Verdict.HARNESS_ERROR


def test_a_case_that_was_not_recorded_shows_no_departure() -> None:
    findings = with_departures("area/one", Known(departures=(ENTRY,)), (), judge("area/one", EXPECTED, ()))

    assert [finding.verdict for finding in findings] == [Verdict.BLOCKED]


def test_a_check_can_prove_a_departure_that_no_request_shows() -> None:
    rejected = Finding(Verdict.PASS, "area/one", "", "rejected", "a refusal", "a refusal", None)
    known = Known(departures=(replace(ENTRY, claims=(), proof="rejected"),))

    (_, shown) = with_departures("area/one", known, (), (rejected,))

    assert shown.verdict is Verdict.DEPARTS
    assert "it is answered 404 (shown by the check rejected)" in shown.observed


def test_a_proof_that_is_not_given_convicts_the_entry() -> None:
    known = Known(departures=(replace(ENTRY, claims=(), proof="rejected"),))

    (nothing,) = with_departures("area/one", known, (), ())

    assert nothing.verdict is Verdict.VIOLATES
    assert "no finding" in nothing.observed


OLD = Deviation(
    versions="before 1.30", reason="was so", link="https://istio.io/latest/", cases=("root",), checks=("status",)
)
SERVED = replace(CLOSED, answer=Answer(200, (), "", "1.1"))


def test_a_deviation_of_the_version_that_runs_is_no_violation() -> None:
    findings = found(Known(deviations=(OLD,)), SERVED)

    assert findings["status"].verdict is Verdict.DEPARTS
    assert "register" not in findings


def test_only_the_checks_that_are_named_are_pardoned() -> None:
    findings = found(Known(deviations=(replace(OLD, checks=("answered-by",)),)), replace(SERVED, seen=(SEEN,)))

    assert findings["status"].verdict is Verdict.VIOLATES


def test_a_deviation_that_does_not_happen_is_stale() -> None:
    findings = found(Known(deviations=(OLD,)))

    assert findings["register"].verdict is Verdict.VIOLATES
    assert "the entry is stale (was so)" in findings["register"].observed


def test_of_a_phase_only_its_own_cases_are_known() -> None:
    known = Known(departures=(ENTRY, replace(ENTRY, claims=(), proof="rejected")), deviations=(OLD,))

    here, elsewhere = known.among(frozenset({"root"})), known.among(frozenset({"other"}))

    assert [each.claims for each in here.departures] == [ENTRY.claims]
    assert [each.claims for each in elsewhere.departures] == [()]
    assert [each.cases for each in elsewhere.deviations] == [()]
