"""Clients of a gateway that look at its certificate, which the words of the tables do not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from conformance.router.predict import predict
from conformance.router.prediction import Kind
from conformance.router.request import Handshake
from tests.router.lab import request, world

GIVEN: list[Mapping[str, Any]] = [
    {"Secret istio-system/good": {"stringData": {"tls.crt": "c", "tls.key": "k"}}},
    {
        "Gateway safe": {
            "servers": [
                {
                    "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                    "hosts": ["*"],
                    "tls": {"mode": "SIMPLE", "credentialName": "good"},
                }
            ]
        }
    },
    {"VirtualService v": {"hosts": ["*"], "gateways": ["safe"], "http": [{"directResponse": {"status": 291}}]}},
]
PLACE = ("istio-system", "good")


@pytest.mark.parametrize(
    ("certified", "trusts", "names", "refused"),
    [
        pytest.param((), None, ("a.example",), "", id="who trusts anybody looks at no name"),
        pytest.param((), "ours", ("a.example",), "", id="a certificate whose names nobody tells"),
        pytest.param(("b.example",), "ours", (), "", id="who wants no name"),
        pytest.param(("b.example", "*.example"), "ours", ("a.example",), "", id="a wildcard covers the name"),
        pytest.param(
            (),
            "theirs",
            (),
            "the server's certificate is of another authority",
            id="a certificate of another authority",
        ),
        pytest.param(
            ("b.example", "c.example"),
            "ours",
            ("a.example",),
            "the server's certificate is for b.example, c.example",
            id="a certificate for other names",
        ),
    ],
)
def test_a_client_goes_on_with_a_certificate_that_it_trusts_for_its_name(
    certified: tuple[str, ...], trusts: str | None, names: tuple[str, ...], refused: str
) -> None:
    made = world(GIVEN)
    secret = replace(made.secrets[PLACE], issuer="ours", names=certified)
    mesh = replace(made, secrets={PLACE: secret}, derived={})
    shown = Handshake("a.example", trusts=trusts, names=names)

    (outcome,) = predict(mesh, replace(request("https://a.example/ from internet"), handshake=shown)).outcomes

    assert (outcome.kind, outcome.reason) == ((Kind.TLS_REFUSED, refused) if refused else (Kind.DIRECT, ""))
