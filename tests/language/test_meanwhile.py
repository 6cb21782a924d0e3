"""The word `meanwhile`: requests that flow while a phase comes about."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.judgement.expectation import CaseExpectation, Expected, FlowExpectation
from conformance.language.load import load_scenario
from tests.language.test_load import BOOKINFO

GOOD = """\
id: area/one
title: one is one
source: {document: 002, section: "5.4", claim: one is one}
app: bookinfo
phases:
- name: first
  meanwhile:
  - name: flow
    from: productpage
    connection: kept
    request: {get: http://reviews:9080/0}
    expect:
    - {status: 200, answered_by: reviews-v1}
    - {status: 200, answered_by: reviews-v2}
  cases:
  - name: case
    from: productpage
    request: {get: http://reviews:9080/0}
    expect: {status: 200}
"""


def written(tmp_path: Path, old: str = "", new: str = "") -> Path:
    assert not old or GOOD.count(old) == 1, f"{old!r} is not in the good scenario once"
    path = tmp_path / "one.yaml"
    path.write_text(GOOD.replace(old, new) if old else GOOD)
    return path


def test_a_flow_stands_beside_the_cases_of_its_phase(tmp_path: Path) -> None:
    (stage,) = load_scenario(written(tmp_path), {"bookinfo": BOOKINFO}).scenario.stages
    (flow,) = stage.meanwhile
    assert (flow.name, flow.client, flow.connection) == ("flow", "productpage", "kept")


def test_the_last_alternative_is_what_the_judge_takes_for_the_promise(tmp_path: Path) -> None:
    (stage,) = load_scenario(written(tmp_path)).scenario.stages
    old, new = Expected(status=200, answered_by="reviews-v1"), Expected(status=200, answered_by="reviews-v2")
    assert stage.meanwhile[0].expected() == CaseExpectation("flow", new, flow=FlowExpectation((old, new)))


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("name: flow", "name: case", 8, "two cases are named 'case'"),
        ("answered_by: reviews-v2", "answered_by: reviews-v9", 14, "bookinfo has no workload 'reviews-v9'"),
        ("from: productpage\n    connection", "from: nobody\n    connection", 9, "bookinfo has no client 'nobody'"),
        ("connection: kept", "connection: open", 10, "phases[0].meanwhile[0].connection is 'open'"),
        ("connection: kept", "interval: 5", 10, "phases[0].meanwhile[0] has no key 'interval'"),
        ("answered_by: reviews-v2", "answer: reviews-v2", 14, "expect[1] has no key 'answer'"),
    ],
)
def test_a_faulty_flow_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    with pytest.raises(BadInput) as bad:
        load_scenario(written(tmp_path, old, new), {"bookinfo": BOOKINFO})
    (first, *_) = bad.value.problems
    assert problem in first.problem
    assert first.line == line


def test_a_flow_has_an_alternative(tmp_path: Path) -> None:
    alternatives = (
        "\n    - {status: 200, answered_by: reviews-v1}\n    - {status: 200, answered_by: reviews-v2}\n  cases"
    )
    with pytest.raises(BadInput, match="list at least one"):
        load_scenario(written(tmp_path, alternatives, " []\n  cases"))


def test_meanwhile_is_a_word_of_phases(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD.replace("phases:\n- name: first\n", "").replace("\n  ", "\n"))
    with pytest.raises(BadInput, match="has no key 'meanwhile'"):
        load_scenario(path)
