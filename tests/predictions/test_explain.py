"""`conformance explain`: a question and a folder in, an answer with its reasons out; one clear error otherwise."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from conformance.cli import main

RULES = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{headers: {end-user: {exact: jason}}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - route: [{destination: {host: reviews, subset: v9}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v2, labels: {version: v2}}]
"""
URL = "GET http://reviews:9080/reviews/0 from productpage"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def said(folder: Path, question: str, *options: str) -> int:
    return main(["explain", "-f", str(folder), question, *options])


def test_the_answer_names_workload_and_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(folder, f"{URL} with end-user=jason") == 0
    out = capsys.readouterr().out
    assert "upstream, 200, at default/reviews-v2" in out
    assert "rule: spec.http[0].match[0]  (VirtualService default/reviews" in out


def test_the_answer_says_why_the_rule_before_does_not_match(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(folder, URL) == 0
    out = capsys.readouterr().out
    assert "cluster missing, 503" in out
    assert "not VirtualService default/reviews spec.http[0].match[0]: headers[end-user]: exact jason" in out
    assert "subset v9 is not defined" in out


def test_a_program_gets_exact_chances(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(folder, URL, "--json") == 0
    outcomes = json.loads(capsys.readouterr().out)["prediction"]["outcomes"]
    assert [(each["kind"], each["probability"]) for each in outcomes] == [("cluster_missing", "1")]


def test_a_warning_of_admission_is_printed_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(RULES.replace("[reviews]", "[reviews]\n  gateways: [mesh, a.default]"))
    assert said(tmp_path, URL) == 0
    assert "rules.yaml" not in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "question", "named"),
    [
        (RULES, "reviews:9080/", "is no request"),
        (RULES, "GET ftp://reviews/", "is no URL with one of the schemes"),
        (RULES, "GET http://reviews:99999/", "Port out of range"),
        (RULES, f"{URL} with jason", "is no header with a value"),
        (RULES, "GET http://reviews:9080/ from nobody", "there is no workload default/nobody"),
        (RULES.replace("exact:", "exactly:"), URL, "a.yaml:7: "),
        (RULES.replace("v2, labels", "v2, label"), URL, "a.yaml:"),
        (RULES.replace("{exact: jason}", "{regex: '('}"), URL, "a.yaml:7: "),
        (RULES.replace("kind: DestinationRule", "kind: RouteRule"), URL, "a.yaml:"),
        (RULES + "  trafficPolicy: {}\n", URL, "a.yaml:"),
        ("a: [", URL, "a.yaml:"),
    ],
    ids=lambda value: None if "\n" in value else value,
)
def test_bad_input_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, question: str, named: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    begun = time.process_time()
    assert said(tmp_path, question) == 2
    assert time.process_time() - begun < 1
    assert named in capsys.readouterr().err


def test_an_unknown_version_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(folder, URL, "--istio", "newest") == 2
    assert "'newest' is no version of Istio" in capsys.readouterr().err
