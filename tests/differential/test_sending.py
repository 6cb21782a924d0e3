"""What the client pods are told is what the request says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance.differential.arena import SERVICES, WORKLOADS, Arena
from conformance.differential.generate import config
from conformance.differential.sending import Numbered, planned, url
from conformance.router.request import Handshake, Request

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "manifests"))

ARENA = Arena(0)
ADDRESSES = {f"pod {ARENA.client(each)}": "10.0.0.1" for each in WORKLOADS} | {
    f"service {ARENA.namespace(each)}/{each.name}": "10.1.0.1" for each in SERVICES
}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Request(client="c", host="a", port=80, path="/x?q=1"), "http://a/x?q=1"),
        (Request(client="c", host="a", port=9080), "http://a:9080/"),
        (Request(client="c", host="a", port=443, scheme="https"), "https://a/"),
        (Request(client="c", host="a", port=80, scheme="https"), "https://a:80/"),
    ],
)
def test_the_url_leaves_the_implied_port_out(request_: Request, expected: str) -> None:
    assert url(request_) == expected


def test_the_plan_carries_everything() -> None:
    request = Request(
        client="c",
        host="web.example",
        port=80,
        method="POST",
        headers=(("a", "1"), ("a", "2")),
        authority="other",
        dial=("10.0.0.1", 9080),
    )
    assert planned(Numbered("t-1", request), certificate=None) == {
        "token": "t-1",
        "method": "POST",
        "url": "http://web.example/",
        "headers": [["a", "1"], ["a", "2"], ["host", "other"]],
        "via": "10.0.0.1:9080",
        "tls": None,
    }


def test_the_name_and_the_certificate_of_a_handshake_are_those_it_says() -> None:
    request = Request(
        client="c", host="web.example", port=443, scheme="https", handshake=Handshake(sni="other.example")
    )
    assert planned(Numbered("t-1", request), "PEM")["tls"] == {"sni": "other.example", "certificate": "PEM"}


def test_the_workload_accepts_every_request_of_the_generator() -> None:
    from workload.plans import plan_from  # noqa: PLC0415 - its path is set above

    for number in range(150):
        requests = config(11, number, ARENA).filled(ADDRESSES).requests
        plan_from({"requests": [planned(Numbered(f"t-{index}", each), None) for index, each in enumerate(requests)]})
