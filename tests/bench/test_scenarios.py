"""The table of a run's slowest scenarios."""

from conformance.bench.scenarios import SLOWEST, table
from conformance.judgement.findings import Finding
from conformance.judgement.verdict import Verdict
from conformance.report.record import ScenarioRecord


def record(name: str, **phases: float) -> ScenarioRecord:
    finding = Finding(Verdict.PASS, name, "case", "status", "200", "200", None)
    return ScenarioRecord(
        id=name,
        verdict=Verdict.PASS,
        seconds=sum(phases.values()),
        phases=phases,
        cases=(),
        exchanges=(),
        findings=(finding,),
    )


def test_the_slowest_come_first_with_the_phases_that_made_them_slow() -> None:
    records = [record(f"area/{number}", gate=number, measure=0.5, apply=0.1) for number in range(12)]

    first, heading, *rows = table(records).splitlines()

    assert first == "12 scenarios, 73.2 s: gate 66.0 s, measure 6.0 s, apply 1.2 s"
    assert heading == "the 10 slowest"
    assert len(rows) == SLOWEST
    assert rows[0] == "   11.6 s  area/11  (gate 11.0 s, measure 0.5 s)"
