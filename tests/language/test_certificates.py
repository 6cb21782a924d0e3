"""The words of TLS: what a file may say of certificates, and that every name in it is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.language.load import Loaded, load_scenario
from conformance.predictions.certificates import certified, handshake_of
from conformance.router.request import Certificate, Handshake

GOOD = """\
id: area/one
title: one is one
source: {document: 004, section: TLS, claim: one is one}
app: bookinfo
certificates:
  api: {hosts: [api.example.com], authority: example}
  caller: {hosts: [caller.example.com], authority: callers}
secrets:
- name: api-tls
  namespace: istio-system
  data: {tls.crt: {certificate: api}, tls.key: {key: api}, ca.crt: {authority: callers}}
cases:
- name: first
  from: internet
  request:
    get: https://api.example.com/
    tls: {sni: other.example.com, certificate: caller, trusts: example, max_version: "1.2"}
  expect: {status: 200, served: api, saw: {peer: [caller.example.com]}}
- name: second
  from: internet
  request: {get: https://api.example.com/, tls: {sni: none}}
  expect: {refused: tls, alert: certificate_required, served: api}
"""


def loaded(tmp_path: Path, content: str) -> Loaded:
    path = tmp_path / "one.yaml"
    path.write_text(content)
    return load_scenario(path)


def test_a_handshake_says_what_the_client_shows_and_demands(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, GOOD).scenario
    first, second = (
        handshake_of(case.request.tls, "api.example.com", scenario.certificates) for case in scenario.cases
    )
    assert first == Handshake(
        sni="other.example.com",
        certificate=Certificate("callers", ("caller.example.com",)),
        trusts="example",
        names=("other.example.com",),
        max_version="1.2",
    )
    assert second == Handshake(sni=None)


def test_a_secret_is_known_by_its_keys_its_issuer_and_the_authority_in_it(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, GOOD).scenario
    (secret,) = certified(scenario.certificates, scenario.secrets, "default").secrets
    assert (secret.metadata.namespace, secret.keys) == (
        "istio-system",
        frozenset({"tls.crt", "tls.key", "ca.crt"}),
    )
    assert (secret.issuer, secret.authority, secret.names) == ("example", "callers", ("api.example.com",))


def test_the_secret_of_a_mounted_name_is_files(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, GOOD.replace("name: api-tls", "name: istio-ingressgateway-certs")).scenario
    found = certified(scenario.certificates, scenario.secrets, "default")
    folder = "/etc/istio/ingressgateway-certs"
    assert found.files == {f"{folder}/tls.crt", f"{folder}/tls.key", f"{folder}/ca.crt"}
    assert found.issuers == ((f"{folder}/tls.crt", "example"),)
    assert found.authorities == ((f"{folder}/ca.crt", "callers"),)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("{certificate: api}", "{certificate: ap}", 11, "the scenario has no certificate 'ap'"),
        ("{key: api}", "{key: ap}", 11, "the scenario has no certificate 'ap'"),
        ("{authority: callers}}", "{authority: nobody}}", 11, "the scenario has no authority 'nobody'"),
        ("{key: api}", "{key: api, certificate: api}", 11, "a key of a Secret holds one thing, this one 2"),
        ("{key: api}", "{keys: api}", 11, "has no key 'keys'"),
        ("authority: example}", "authority: example, since: 1}", 6, "has no key 'since'"),
        ("trusts: example", "trusts: api", 17, "the scenario has no authority 'api'"),
        ("certificate: caller,", "certificate: called,", 17, "the scenario has no certificate 'called'"),
        ("200, served: api", "200, served: other", 18, "the scenario has no certificate 'other'"),
        ('max_version: "1.2"', 'max_version: "1.4"', 17, "max_version is '1.4'"),
        ("tls: {sni: none}", "tls: {}", 21, "tls says nothing"),
        ("refused: tls, alert", "refused: reset, alert", 22, "an alert ends a handshake"),
        ("get: https://api.example.com/\n", "get: http://api.example.com/\n", 17, "tls is for an https URL"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as bad:
        loaded(tmp_path, GOOD.replace(old, new, 1))
    assert [(each.line, problem in each.problem) for each in bad.value.problems] == [(line, True)], str(bad.value)
