"""What is written about a disagreement is a scenario file: the language reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.differential import reproduction
from conformance.differential.arena import INGRESS, INTERNET, Arena
from conformance.differential.config import Config, service_address
from conformance.differential.tally import Disagreement
from conformance.judgement.comparison import Difference
from conformance.judgement.history import Answer, Exchange, Failure, Seen
from conformance.language.load import load_scenario
from conformance.router.objects.metadata import Reference
from conformance.router.request import Request
from conformance.router.trace import Step

ARENA = Arena(1)
MANIFEST = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "o0-vs", "namespace": ARENA.near},
    "spec": {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]},
}
SEEN = Seen("a-v1", "a-v1-0", "GET", "/x", "a", (("x-a", "1"),), None, 1.0)
ANSWER = Answer(200, (("x-answered-by", "a-v1"),), "{}", "HTTP/1.1")
EXCHANGE = Exchange("t", "t", "arena-1/client", "GET", "http://a/x", (), 0.0, 0.1, ANSWER, None, (SEEN,))
TRACE = (Step("rule", "spec.http[0]", Reference("VirtualService", ARENA.near, "o0-vs"), rejected=("spec.http[1]",)),)

REQUESTS = {
    "to a service": Request(client="arena-1/client", host="a", port=80, path="/x", headers=(("x-a", "1"),)),
    "to a host that no DNS knows": Request(
        client="arena-1/client",
        host="web.arena-1.example",
        port=8443,
        dial=(service_address("arena-1/a"), 80),
        authority="other.example",
    ),
    "through the gateway": Request(
        client=INTERNET, host="web.arena-1.example", port=443, scheme="https", dial=(INGRESS, 443), method="DELETE"
    ),
    "to an address": Request(client="arena-1-far/far-v1", host=service_address("arena-1/a"), port=80),
}
EXCHANGES = {
    "answered": EXCHANGE,
    "answered by a proxy": replace(EXCHANGE, answer=Answer(404, (), "", "HTTP/1.1"), seen=()),
    "reset": replace(EXCHANGE, answer=None, failure=Failure("reset", "closed"), seen=()),
    "timed out": replace(EXCHANGE, answer=None, failure=Failure("timeout", "late"), seen=()),
}


def disagreement(request: Request, exchange: Exchange | None) -> Disagreement:
    flaw = Difference("path", "/new", "/x")
    config = Config("1-5", ARENA, (MANIFEST,), (request,))
    return Disagreement(config, 0, "virtual host", "path", (flaw,), TRACE, exchange)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("request_", REQUESTS)
def test_the_language_reads_it(tmp_path: Path, request_: str, exchange: str) -> None:
    path = reproduction.write(tmp_path, 3, disagreement(REQUESTS[request_], EXCHANGES[exchange]))
    assert path.name == "03-virtual-host.yaml"
    scenario = load_scenario(path).scenario
    assert scenario.config == (MANIFEST,)
    assert len(scenario.cases) == 1


def test_it_expects_what_the_mesh_did_and_tells_what_both_voices_said(tmp_path: Path) -> None:
    path = reproduction.write(tmp_path, 1, disagreement(REQUESTS["to a service"], EXCHANGE))
    expected = load_scenario(path).scenario.cases[0].expected().expected
    assert (expected.status, expected.answered_by) == (200, "a-v1")
    text = path.read_text()
    for words in (
        "# - path: predicted /new, observed /x",
        "#   rule: spec.http[0]  (VirtualService arena-1/o0-vs)",
        "#     not spec.http[1]",
        "#   a-v1 saw GET /x, host a, from none",
        "configuration 1-5",
    ):
        assert words in text


def test_an_object_that_one_voice_refuses_needs_no_exchange(tmp_path: Path) -> None:
    refused = replace(disagreement(REQUESTS["to a service"], None), request=None, trace=(), concept="admission")
    assert load_scenario(reproduction.write(tmp_path, 1, refused)).scenario.id == "differential/admission-1"
