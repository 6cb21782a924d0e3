"""Behaviours, times, at_once, counts, after and together in a scenario file: what stands, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.judgement.expectation import CaseExpectation, Counted, Expected
from conformance.language.applications import Application
from conformance.language.behaviours import Behaviour
from conformance.language.load import load_scenario

GOOD = """\
id: area/one
title: one is one
source: {document: 002, section: "5.4", claim: one is one}
app: bookinfo
behaviours:
- {workload: reviews-v1, seconds: 2}
together: true
cases:
- name: many
  from: client
  request: {get: http://reviews:9080/}
  times: 5
  at_once: true
  after: 1.5
  behaviours:
  - {workload: reviews-v2, replica: 0, status: 503, first: 2}
  - {workload: google, resets: true}
  expect:
    takes: [0, 9]
    counts:
    - {count: [1, 2], status: 200, answered_by: reviews-v1}
    - {count: [3, 5], refused: reset}
"""
BOOKINFO = Application(
    name="bookinfo",
    clients=frozenset({"client"}),
    workloads=frozenset({"reviews-v1", "reviews-v2"}),
    servers=frozenset({"google"}),
)


def loaded(tmp_path: Path, text: str) -> object:
    path = tmp_path / "one.yaml"
    path.write_text(text)
    return load_scenario(path, {"bookinfo": BOOKINFO}).scenario


def test_the_words_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD)
    [stage] = load_scenario(path, {"bookinfo": BOOKINFO}).scenario.stages
    [case] = stage.cases
    assert (stage.together, stage.behaviours) == (True, (Behaviour(workload="reviews-v1", seconds=2),))
    assert (case.times, case.at_once, case.after) == (5, True, 1.5)
    assert case.behaviours[0] == Behaviour(workload="reviews-v2", replica=0, status=503, first=2)
    alternatives = (
        Counted(1, 2, Expected(status=200, answered_by="reviews-v1")),
        Counted(3, 5, Expected(refused="reset")),
    )
    assert case.expected() == CaseExpectation("many", Expected(takes=(0, 9), counts=alternatives), times=5)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("{workload: reviews-v1, seconds: 2}", "{workload: reviews-v1}", 6, "does nothing special"),
        ("{workload: reviews-v1, seconds: 2}", "{workload: reviews-v9, seconds: 2}", 6, "no workload 'reviews-v9'"),
        ("{workload: reviews-v1, seconds: 2}", "{workload: reviews-v1, seconds: 0}", 6, "seconds"),
        ("{workload: reviews-v1, seconds: 2}", "{workload: reviews-v1, mood: bad}", 6, "has no key 'mood'"),
        ("{workload: google, resets: true}", "{workload: google, resets: true, status: 503}", 17, "no status either"),
        ("{workload: google, resets: true}", "{workload: googol, resets: true}", 17, "no workload 'googol'"),
        ("  times: 5\n", "", 12, "1 requests cannot be sent at once"),
        ("times: 5", "times: 501", 13, "501 requests cannot be sent at once"),
        ("times: 5", "times: 3", 20, "4 at least and 7 at most, but it is sent 3 times"),
        ("count: [1, 2]", "count: [2, 1]", 21, "the count [2, 1] is empty"),
        ("answered_by: reviews-v1}", "answered_by: reviews-v3}", 21, "no workload 'reviews-v3'"),
        ("{count: [3, 5], refused: reset}", "{count: [3, 5]}", 22, "the alternative expects nothing"),
        ("{count: [3, 5], refused: reset}", "{refused: reset}", 22, "count is missing"),
        ("together: true", "together: false", 7, "together"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, GOOD.replace(old, new))
    [found] = caught.value.problems
    assert problem in found.problem
    assert found.line == line
