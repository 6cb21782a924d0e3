"""`document:` says what a case would come to if the document were right; what its requests cannot decide is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.language.load import load_scenario

SCENARIO = """\
id: area/one
title: one is one
source: {{document: "002", section: "5.3", claim: one is one}}
app: bookinfo
cases:
- name: one
  from: client
  request: {request}
  times: 3
  expect: {expect}
  document: {document}
"""
GET = "{get: http://a.example/}"
COUNTS = "{counts: [{count: [1, 1], status: 200}, {count: [2, 2], status: 503}]}"
SHARES = "{shares: [{share: 50, status: 200}, {share: 50, status: 503}]}"


def read(folder: Path, document: str, expect: str = "{status: 200}", request: str = GET) -> None:
    path = folder / "a.yaml"
    text = SCENARIO.format(request=request, expect=expect, document=document)
    path.write_text(text.replace("  times: 3\n", "") if expect == SHARES else text)
    load_scenario(path)


def test_a_claim_about_each_request_or_about_how_many_stands(tmp_path: Path) -> None:
    read(tmp_path, "{status: 503}")
    read(tmp_path, COUNTS)
    read(tmp_path, "{status: 503}", expect=SHARES)


@pytest.mark.parametrize(
    ("document", "expect", "request_", "problem"),
    [
        (SHARES, "{status: 200}", GET, "tells nothing of a claim about shares or turns"),
        ("{turns: {v1: 2}}", "{status: 200}", GET, "tells nothing of a claim about shares or turns"),
        (COUNTS, SHARES, GET, "the document counts requests, and shares and turns send as many as they need"),
        (COUNTS.replace("[2, 2]", "[3, 3]"), "{status: 200}", GET, "the counts add up to 4 at least"),
        ("{status: 503}", "{body: x}", "{tcp: 'tcp://a.example:9000', body: x}", "has no status"),
        ("{served: other}", "{status: 200}", "{get: 'https://a.example/'}", "has no certificate 'other'"),
        ("{status: 200}", "{status: 200}", GET, "the document claims just what is expected"),
    ],
)
def test_a_claim_that_its_requests_cannot_decide_is_refused(
    tmp_path: Path, document: str, expect: str, request_: str, problem: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, document, expect, request_)

    (said,) = refused.value.problems
    assert problem in said.problem
    assert said.line is not None
    assert said.line >= 5
    assert said.hint
