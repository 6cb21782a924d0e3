"""What a person reads while a run goes on."""

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
