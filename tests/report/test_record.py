"""A run record reads back as it was written, is judged again to the same bytes, and is refused when it is not whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import BadInput, Incomplete
from conformance.judgement.expectation import CaseExpectation, Expected, ExpectedSight
from conformance.judgement.findings import Finding
from conformance.judgement.history import Answer, Exchange, Failure, Seen
from conformance.judgement.judge import judge
from conformance.judgement.verdict import Verdict, composed
from conformance.report.record import (
    Footer,
    Header,
    RecordWriter,
    ScenarioRecord,
    findings_to_json,
    read_record,
    replay,
)

HEADER = Header(
    run="run-1",
    started="2026-11-21T14:00:00+00:00",
    seed=7,
    versions={"istio": "1.30.3", "envoy": "1.39.1"},
    sources={"istio": "built from the module", "envoy": "wheel"},
)
ENDED = "2026-11-21T14:05:00Z"

CASES = (
    CaseExpectation("served", Expected(status=200, answered_by="a-v1", saw=ExpectedSight(path="/x", principal="none"))),
    CaseExpectation("refused", Expected(refused="reset")),
    CaseExpectation("lost", Expected(status=200)),
)
EXCHANGES = (
    Exchange(
        token="t-1",
        case="served",
        client="outside",
        method="GET",
        url="http://a/x",
        headers=(("k", "välue"),),
        started=1732196400.123456789,
        seconds=0.1 + 0.2,
        answer=Answer(200, (("x-answered-by", "a-v1"), ("set-cookie", "1"), ("set-cookie", "2")), "\u2028\x00é", "1.1"),
        failure=None,
        seen=(Seen("a-v1", "a-v1-x", "GET", "/y", "a", (("k", "v"),), None, 1732196400.2),),
    ),
    Exchange("t-2", "refused", "outside", "GET", "http://b/", (), 1.0, 2.0, None, Failure("reset", "errno 104"), ()),
)


def scenario(name: str = "area/one", cases: tuple[CaseExpectation, ...] = CASES) -> ScenarioRecord:
    findings = judge(name, cases, EXCHANGES[: len(cases)])
    return ScenarioRecord(
        id=name,
        verdict=composed(finding.verdict for finding in findings),
        seconds=1.5,
        phases={"apply": 0.5, "measure": 1.0},
        cases=cases,
        exchanges=EXCHANGES[: len(cases)],
        findings=findings,
    )


def record(tmp_path: Path, *scenarios: ScenarioRecord) -> Path:
    path = tmp_path / "run.ndjson"
    writer = RecordWriter(path, HEADER)
    for one in scenarios:
        writer.add(one)
    writer.finish(ENDED)
    return path


def rewritten(path: Path, change: Callable[[list[Any]], object]) -> Path:
    """The record with its lines changed as Python values."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def refusal(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_record(path)
    assert caught.value.path == str(path)
    assert caught.value.hint
    return caught.value


def test_a_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    one, two = scenario(), scenario("area/two", CASES[1:2])
    found = read_record(record(tmp_path, one, two))
    assert (found.header, found.scenarios) == (HEADER, (one, two))
    assert found.footer.ended == ENDED
    assert sum(found.footer.counts.values()) == 2


def test_the_same_run_has_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = record(tmp_path / "a", scenario()), record(tmp_path / "b", scenario())
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().isascii()


def test_a_replay_gives_the_findings_to_the_byte(tmp_path: Path) -> None:
    original = scenario()
    (stored,) = read_record(record(tmp_path, original)).scenarios
    assert {finding.verdict for finding in stored.findings} == {Verdict.PASS, Verdict.VIOLATES, Verdict.BLOCKED}
    assert findings_to_json(replay(stored)) == findings_to_json(original.findings)


def test_a_replay_keeps_the_findings_that_are_not_the_judges() -> None:
    refused = Finding(Verdict.BLOCKED, "area/one", "", "accepted", "the configuration", "a webhook's refusal", None)
    stored = scenario().model_copy(update={"findings": (refused, *scenario().findings)})
    assert replay(stored) == stored.findings


def test_every_line_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    writer = RecordWriter(path, HEADER)
    assert path.read_bytes().count(b"\n") == 1
    writer.add(scenario())
    assert path.read_bytes().count(b"\n") == 2
    writer.abandon()


def test_a_record_is_never_written_over(tmp_path: Path) -> None:
    path = record(tmp_path)
    with pytest.raises(FileExistsError):
        RecordWriter(path, HEADER)


def test_a_scenario_is_written_once(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "run.ndjson", HEADER)
    writer.add(scenario())
    with pytest.raises(ValueError, match="area/one"):
        writer.add(scenario())
    writer.abandon()


def test_a_verdict_that_the_findings_contradict_is_not_written() -> None:
    with pytest.raises(ValueError, match="the findings say violates"):
        ScenarioRecord(**{**dict(scenario()), "verdict": Verdict.PASS})


def test_a_scenario_without_findings_is_blocked() -> None:
    assert ScenarioRecord(**{**dict(scenario()), "findings": (), "verdict": Verdict.BLOCKED}).id == "area/one"


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Footer(counts={}, ended="2026-11-21T14:05:00")


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_record_without_its_footer_is_incomplete(tmp_path: Path, kept: int) -> None:
    path = record(tmp_path, scenario())
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    with pytest.raises(Incomplete, match="no footer"):
        read_record(path)


def test_a_record_is_incomplete_wherever_it_is_torn(tmp_path: Path) -> None:
    path = record(tmp_path, scenario())
    whole = path.read_bytes()
    for length in [*range(0, len(whole) - 1, 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(Incomplete):
            read_record(path)


CHANGES: dict[str, tuple[Callable[[list[Any]], object], int, str]] = {
    "a scenario twice": (lambda lines: lines.insert(2, lines[1]), 3, "area/one is here a second time, after line 2"),
    "a scenario missing": (lambda lines: lines.pop(1), 2, "counts"),
    "a wrong count": (lambda lines: lines[2]["counts"].update({"pass": 1}), 3, "counts"),
    "a missing count": (lambda lines: lines[2]["counts"].pop("pass"), 3, "counts"),
    "a count of an unknown word": (lambda lines: lines[2]["counts"].update(passed=0), 3, "footer.counts"),
    "a line after the footer": (lambda lines: lines.append(lines[1]), 4, "after the footer"),
    "a second footer": (lambda lines: lines.append(lines[2]), 3, "a second footer"),
    "a second header": (lambda lines: lines.insert(1, lines[0]), 2, "a second header"),
    "no header": (lambda lines: lines.pop(0), 1, "not a header"),
    "another format": (lambda lines: lines[0].update(format=2), 1, "header.format"),
    "an unknown key": (lambda lines: lines[0].update(sed=2), 1, "header.sed"),
    "a missing key": (lambda lines: lines[0].pop("seed"), 1, "header.seed"),
    "an unknown line": (lambda lines: lines[1].update(record="other"), 2, "record"),
    "a wrong verdict": (lambda lines: lines[1].update(verdict="pass"), 2, "the findings say violates"),
    "a text for a number": (lambda lines: lines[1].update(seconds="1"), 2, "scenario.seconds"),
    "not a number": (lambda lines: lines[1].update(seconds=float("nan")), 2, "scenario.seconds"),
    "an unknown key deep inside": (
        lambda lines: lines[1]["exchanges"][0].update(extra=1),
        2,
        "scenario.exchanges.0.extra",
    ),
    "an unknown failure": (
        lambda lines: lines[1]["exchanges"][1]["failure"].update(kind="odd"),
        2,
        "scenario.exchanges.1.failure.kind",
    ),
    "an unknown verdict": (
        lambda lines: lines[1]["findings"][0].update(verdict="passed"),
        2,
        "scenario.findings.0.verdict",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_record_that_was_changed_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    change, line, problem = CHANGES[name]
    bad = refusal(rewritten(record(tmp_path, scenario()), change))
    assert bad.line == line
    assert problem in bad.problem
    assert not isinstance(bad, Incomplete)


def test_a_promise_removed_from_a_record_shows_in_its_replay(tmp_path: Path) -> None:
    path = rewritten(record(tmp_path, scenario()), lambda lines: lines[1]["cases"][0]["expected"].pop("status"))
    (stored,) = read_record(path).scenarios
    assert replay(stored) != stored.findings


def test_a_line_that_is_not_json_is_refused_with_its_number(tmp_path: Path) -> None:
    path = record(tmp_path, scenario())
    for text in (b"{", b"", b"\xff"):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + text + b"\n" + b"".join(lines[1:]))
        assert refusal(path).line == 2


def test_a_record_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "absent.ndjson").problem
