"""Scenarios of one namespace are performed by one worker, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.lanes import Lanes, lane

pytest_plugins = ["pytester"]

SCENARIO = """\
id: area/{name}
title: one is one
source: {{document: "002", section: "5.3", claim: one}}
app: bookinfo
{namespace}
cases:
- name: one
  from: client
  request: {{get: http://reviews:9080/}}
  expect: {{status: 200}}
"""


@pytest.mark.parametrize(("line", "namespace"), [("namespace: prod", "prod"), ("", "default")])
def test_the_lane_of_a_scenario_is_its_namespace(tmp_path: Path, line: str, namespace: str) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(SCENARIO.format(name="one", namespace=line))
    assert lane(path) == namespace


def test_another_test_has_no_lane() -> None:
    assert lane(Path(__file__)) is None


def test_scenarios_of_one_namespace_are_one_scope(pytester: pytest.Pytester) -> None:
    for name, line in (("one", "namespace: prod"), ("two", ""), ("three", "namespace: prod")):
        (pytester.path / f"{name}.yaml").write_text(SCENARIO.format(name=name, namespace=line))
    lanes = Lanes(pytester.parseconfig("--tx=popen"))
    scopes = [lanes._split_scope(f"{name}.yaml::area/{name}") for name in ("one", "two", "three")]
    assert scopes == ["prod", "default", "prod"]
    assert lanes._split_scope("test_it.py::test_it") == "test_it.py::test_it"
