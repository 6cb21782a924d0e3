"""Shares and turns in scenario files: what is read, and what is refused with a line and a hint."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.judgement.expectation import Alternative, Expected, Shares, Turns
from conformance.language.applications import Application
from conformance.language.load import load_scenario
from conformance.language.models import Case

APPLICATIONS = {"bookinfo": Application("bookinfo", frozenset({"client"}), frozenset({"v1", "v2"}))}

SCENARIO = """\
id: split/a
title: a
source: {{document: "002", section: "5.3", claim: a}}
app: bookinfo
cases:
- name: many
  from: client
  request: {{get: {url}}}
  {case}
  expect: {expect}
"""
HALVES = "{share: 50, answered_by: v1}, {share: 50, answered_by: v2}"


def read(folder: Path, expect: str, case: str = "connection: kept", url: str = "http://reviews:9080/") -> Case:
    path = folder / "a.yaml"
    path.write_text(SCENARIO.format(expect=expect, case=case, url=url))
    return load_scenario(path, APPLICATIONS).scenario.cases[0]


def test_shares_are_read(tmp_path: Path) -> None:
    text = "{effect: 10, shares: [{share: 0.5, status: 400}, {share: 99.5, answered_by: v1}]}"
    found = read(tmp_path, text).expected()
    alternatives = (
        Alternative(Fraction(1, 2), Expected(status=400)),
        Alternative(Fraction(199, 2), Expected(answered_by="v1")),
    )
    assert found.shares == Shares(alternatives, 10)
    assert found.expected == Expected()
    assert read(tmp_path, text).expected(20).shares == Shares(alternatives, 20)


def test_thirds_are_exact(tmp_path: Path) -> None:
    third = "{share: 100/3, answered_by: v1}"
    found = read(tmp_path, f"{{draws: independent, shares: [{third}, {third}, {third}]}}").expected().shares
    assert found
    assert found.independent
    assert sum(each.share for each in found.alternatives) == 100


def test_turns_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, "{status: 200, turns: {v1: 2, v2: 1}}").expected()
    assert (found.turns, found.expected) == (Turns((("v1", 2), ("v2", 1))), Expected(status=200))


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{shares: [{share: 50, answered_by: v1}]}", "add up to 50 %"),
        ("{shares: [{share: 100}]}", "nothing that tells it"),
        ("{shares: [{share: 101, answered_by: v1}]}", "no share"),
        ("{shares: [{share: 1/0, answered_by: v1}]}", "no share"),
        ("{shares: [{share: -1, answered_by: v1}]}", "no share"),
        ("{shares: [{share: true, answered_by: v1}]}", "no share"),
        ("{shares: [{answered_by: v1}]}", "share is missing"),
        ("{shares: []}", "at least one"),
        ("{shares: [{share: 100, answered_by: v3}]}", "no workload 'v3'"),
        ("{shares: [{share: 100, answered: v1}]}", "did you mean answered_by"),
        (f"{{status: 200, shares: [{HALVES}]}}", "status beside shares"),
        ("{shares: [{share: 100, turns: {v1: 2}}]}", "about many requests"),
        ("{status: 200, effect: 5}", "there are none"),
        (f"{{effect: 0, shares: [{HALVES}]}}", "effect"),
        ("{shares: [{share: 60, status: 200}, {share: 40, status: 400}], draws: independent}", "equal shares"),
        ("{turns: {v1: 1}}", "one pod takes no turns"),
        ("{turns: {v3: 2}}", "no workload 'v3'"),
        ("{status: 200}", "one request has no connection"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, expect: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, expect)
    assert said in str(refused.value)
    assert "a.yaml:" in str(refused.value)


@pytest.mark.parametrize(
    ("expect", "case", "url", "said"),
    [
        ("{turns: {v1: 2}}", "", "http://reviews:9080/", "connection: kept"),
        (f"{{draws: independent, shares: [{HALVES}]}}", "", "http://reviews:9080/", "connection: kept"),
        ("{turns: {v1: 2}}", "connection: kept", "https://reviews:9080/", "over http only"),
    ],
)
def test_a_case_that_cannot_measure_it_is_refused(tmp_path: Path, expect: str, case: str, url: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, expect, case, url)
    assert said in str(refused.value)
