"""What a person reads while a run goes on."""

from pathlib import Path

from conformance.judgement.departures import Departure, Known
from conformance.judgement.expectation import Expected
from conformance.judgement.findings import Finding
from conformance.judgement.verdict import Verdict
from conformance.report import terminal
from conformance.report.record import ScenarioRecord


def record(verdict: Verdict) -> ScenarioRecord:
    finding = Finding(verdict, "routing/order", "one", "status", "200", "404", "token-1")
    return ScenarioRecord(
        id="routing/order", verdict=verdict, seconds=0.61, phases={}, cases=(), exchanges=(), findings=(finding,)
    )


def test_a_line_has_position_id_checks_and_seconds() -> None:
    line = terminal.line("routing/order", record(Verdict.PASS), 3, 10)

    assert line == "[ 3/10] routing/order  1 checks  0.6 s"


def test_a_verdict_that_is_not_pass_is_spelled_out() -> None:
    line = terminal.line("routing/order", record(Verdict.BLOCKED), 3, 10)

    assert line.endswith("  BLOCKED")


def test_a_failure_quotes_every_finding_and_how_to_repeat_it() -> None:
    text = terminal.failure(record(Verdict.VIOLATES), "scenarios/routing/order.yaml:1")

    assert "expected 200; observed 404 (exchange token-1)" in text
    assert text.splitlines()[0] == "scenarios/routing/order.yaml:1"
    assert text.splitlines()[-1] == "repeat it: nox -s conformance -- --only routing/order"


def departing() -> ScenarioRecord:
    entry = Departure(
        document="001",
        claim="it is 403",
        istio="it is 404",
        reason="there is no route",
        link="https://istio.io/latest/",
        claims=(("one", Expected(status=403)),),
    )
    found = Finding(Verdict.DEPARTS, "gateway/one", "one", "document", "status 403", "status 404", "token-1")
    return ScenarioRecord(
        id="gateway/one",
        verdict=Verdict.DEPARTS,
        seconds=1,
        phases={},
        cases=(),
        exchanges=(),
        findings=(found,),
        known=Known(departures=(entry,)),
    )


def test_a_document_that_departs_is_told_with_reason_and_link() -> None:
    assert terminal.departures([departing(), record(Verdict.PASS)]) == [
        "document departs from Istio: gateway/one: document 001 says: it is 403",
        "  but it is 404",
        "  there is no route  https://istio.io/latest/",
    ]


def test_the_last_line_counts_zeros_of_what_matters_and_others_when_they_occur() -> None:
    assert terminal.last([departing(), record(Verdict.PASS)]) == (
        "conformance: 2 scenarios in 1.6 s: 1 pass, 1 known deviation, 0 violates, 0 undecided, 0 blocked"
    )
    assert terminal.last([record(Verdict.HARNESS_ERROR)]).endswith("0 blocked, 1 harness-error")


def test_a_failure_names_its_evidence_and_a_file_of_ones_own() -> None:
    found = record(Verdict.VIOLATES).model_copy(update={"evidence": "evidence/routing.order"})

    lines = terminal.failure(found, "/home/me/mine.yaml:1", Path("/runs/1")).splitlines()

    assert lines[-2:] == [
        "evidence: /runs/1/evidence/routing.order",
        "repeat it: nox -s conformance -- /home/me/mine.yaml",
    ]
