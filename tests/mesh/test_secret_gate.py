"""What the gate reads of a proxy's certificates. Without a mesh."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.mesh.secret_gate import name_certificates, unread

FOLDER = "/etc/certs"
NAME = f"file-cert:{FOLDER}/cert.pem~{FOLDER}/key.pem"
DATA = {"cert.pem": "bmV3", "root.pem": "cm9vdA=="}


def dump(state: str, name: str, content: str | None) -> str:
    kind = "tls_certificate" if name.startswith("file-cert") else "validation_context"
    within = "certificate_chain" if kind == "tls_certificate" else "trusted_ca"
    secret = {} if content is None else {kind: {within: {"inline_bytes": content}}}
    return json.dumps({"configs": [{"@type": "bootstrap"}, {state: [{"name": name, "secret": secret}]}]})


@pytest.mark.parametrize(
    ("state", "name", "content", "missing"),
    [
        ("dynamic_active_secrets", NAME, "bmV3", []),
        ("dynamic_active_secrets", NAME, "b2xk", [f"{FOLDER}/cert.pem"]),
        ("dynamic_warming_secrets", NAME, None, [f"{FOLDER}/cert.pem"]),
        ("dynamic_active_secrets", f"file-root:{FOLDER}/root.pem", "cm9vdA==", []),
        ("dynamic_active_secrets", f"file-root:{FOLDER}/root.pem", "b2xk", [f"{FOLDER}/root.pem"]),
        ("dynamic_active_secrets", "file-cert:/etc/other/cert.pem~/etc/other/key.pem", "b2xk", []),
        ("dynamic_active_secrets", "kubernetes://api-tls-secret", "b2xk", []),
    ],
)
def test_a_file_is_unread_until_the_proxy_shows_its_newest_content(
    state: str, name: str, content: str | None, missing: list[str]
) -> None:
    assert unread(dump(state, name, content), FOLDER, DATA) == missing


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"servers": [{"tls": {"mode": "SIMPLE", "credentialName": "a"}}]}, True),
        ({"trafficPolicy": {"tls": {"mode": "MUTUAL", "clientCertificate": "/a"}}}, True),
        ({"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}, False),
        ({"servers": [{"tls": {"httpsRedirect": True}}]}, False),
    ],
)
def test_proxies_fetch_certificates_for_what_names_them(spec: dict[str, Any], named: bool) -> None:  # noqa: FBT001
    assert name_certificates([{"kind": "Gateway", "spec": spec}]) is named
