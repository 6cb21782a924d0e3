"""What is recorded of a request is what the client was told to send; what may still arrive is waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.judgement.history import Exchange
from conformance.judgement.profile import FULL
from conformance.language.load import load_scenario
from conformance.language.models import Scenario
from conformance.mesh.applications import INTERNET, OUTSIDE
from conformance.mesh.certificates import Certificates
from conformance.mesh.credentials import Credentials
from conformance.mesh.exchanges import Measuring
from conformance.mesh.workloads import Pod, Workloads
from conformance.tokens.wallet import Wallet

FILE = Path(__file__).parents[2] / "conformance" / "scenarios" / "jwt" / "signature.yaml"


class Told:
    """Workloads that send nothing and keep what they were told to send."""

    def __init__(self) -> None:
        self.requests: list[Mapping[str, Any]] = []

    def journals(self, pods: Sequence[Pod], _: str) -> list[list[dict[str, Any]]]:
        return [[] for _ in pods]

    def plan(self, _: Pod, requests: Sequence[Mapping[str, Any]], **__: object) -> list[dict[str, Any]]:
        self.requests += requests
        failure = {"kind": "reset", "detail": "nothing was sent"}
        return [{"token": each["token"], "started": 0.0, "seconds": 0.0, "failure": failure} for each in requests]


def measured(scenario: Scenario, told: Told) -> list[Exchange]:
    # It asks the API server only for the authority of the outside, which these scenarios do not name.
    certificates = Certificates(cast("Any", None), scenario.certificates)
    credentials = Credentials(certificates, Wallet(scenario))
    witnesses = [
        Pod(
            OUTSIDE if name in (OUTSIDE, INTERNET) else scenario.namespace, name, "10.0.0.1", name, name, has_proxy=True
        )
        for name in sorted({each.client for stage in scenario.stages for each in stage.senders})
    ]
    measuring = Measuring(cast("Workloads", told), credentials, FULL, scenario.namespace, witnesses)
    return [each for stage in scenario.stages for each in measuring.measure(stage, "run")]


def test_what_is_recorded_is_what_was_sent() -> None:
    told = Told()

    exchanges = measured(load_scenario(FILE).scenario, told)

    assert any("authorization" in dict(each.headers) for each in exchanges)
    assert [(each.method, each.url, list(each.headers)) for each in exchanges] == [
        (each["method"], each["url"], each["headers"]) for each in told.requests
    ]


COPIED = """\
id: area/one
title: one is one
source: {document: "002", section: "5.3", claim: one is copied}
app: bookinfo
cases:
- name: one
  from: client
  request: {get: http://reviews:9080/}
  expect: {arrivals: {reviews-v1: 1}}
  document: {arrivals: {reviews-v1: 1, reviews-v2: 1}}
"""


def test_a_copy_that_only_the_document_claims_has_time_to_arrive_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(COPIED)
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)

    measured(load_scenario(path).scenario, Told())

    assert waits
