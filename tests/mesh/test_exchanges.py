"""What is recorded of a request is what the client was told to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from conformance.judgement.profile import FULL
from conformance.language.load import load_scenario
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

    def client(self, name: str, namespace: str) -> Pod:
        return Pod(namespace, name, "10.0.0.1", name, name, has_proxy=True)

    def plan(self, _: Pod, requests: Sequence[Mapping[str, Any]], **__: object) -> list[dict[str, Any]]:
        self.requests += requests
        failure = {"kind": "reset", "detail": "nothing was sent"}
        return [{"token": each["token"], "started": 0.0, "seconds": 0.0, "failure": failure} for each in requests]


def test_what_is_recorded_is_what_was_sent() -> None:
    scenario = load_scenario(FILE).scenario
    told = Told()
    # It asks the API server only for the authority of the outside, which this scenario does not name.
    certificates = Certificates(cast("Any", None), scenario.certificates)
    credentials = Credentials(certificates, Wallet(scenario))
    measuring = Measuring(cast("Workloads", told), credentials, FULL, scenario.namespace, witnesses=())

    (exchanges,) = [measuring.measure(stage, "run") for stage in scenario.stages]

    assert any("authorization" in dict(each.headers) for each in exchanges)
    assert [(each.method, each.url, list(each.headers)) for each in exchanges] == [
        (each["method"], each["url"], each["headers"]) for each in told.requests
    ]
