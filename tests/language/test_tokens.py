"""Tokens, keys, the key server and refused objects in a scenario file."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.language.load import Loaded, load_scenario

HEAD = """\
id: area/one
title: one is one
source: {document: 003, section: JWTRule, claim: one is one}
app: bookinfo
keys:
  first: {trusted_by: [api]}
  second: {algorithm: RS256}
config:
- apiVersion: security.istio.io/v1
  kind: RequestAuthentication
  metadata: {name: api}
"""
CASES = """\
cases:
- name: one
  from: client
  request:
    get: http://reviews:9080/0
    TOKEN
  expect: {status: 200}
"""


def written(tmp_path: Path, token: str = "token: {key: first}", more: str = "", head: str = HEAD) -> Loaded:
    path = tmp_path / "one.yaml"
    path.write_text(head + more + CASES.replace("TOKEN", token))
    return load_scenario(path)


def test_a_token_names_its_key_and_has_a_place(tmp_path: Path) -> None:
    token = written(tmp_path, "token: {key: first, issuer: me, expires_in: -90}").scenario.cases[0].request.token

    assert token
    assert (token.header, token.prefix, token.is_expired, token.is_premature) == (
        "authorization",
        "Bearer ",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("token", "complaint"),
    [
        ("token: {key: third}", "there is no key 'third'"),
        ("token: {issuer: me}", "a token is signed by one key, or by none"),
        ("token: {key: first, algorithm: none}", "a token is signed by one key, or by none"),
        ("token: {key: first, claims: {exp: 1}}", "the claim exp has a word of its own"),
        ("token: {key: first, expires_in: -60}", "depends on how soon it is sent"),
        ("token: {key: first, valid_from_in: 80}", "depends on how soon it is sent"),
        ("token: {key: first, parameter: t, header: x}", "a token in a parameter has no header"),
        ("token: {key: first, isuer: me}", "has no key 'isuer'"),
        ("headers: {Authorization: x}\n    token: {key: first}", "is both the token's and in headers"),
    ],
)
def test_a_token_that_cannot_be_is_told_with_its_line(tmp_path: Path, token: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint) as refused:
        written(tmp_path, token)

    assert refused.value.line is not None
    assert refused.value.line >= HEAD.count("\n")


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (HEAD.replace("[api]", "[other]"), "there is no RequestAuthentication 'other'"),
        (HEAD.replace("trusted_by", "trustd_by"), "has no key 'trustd_by'"),
        (HEAD.replace("RS256", "HS256"), "keys.second.algorithm is 'HS256'"),
    ],
)
def test_a_key_that_cannot_be_is_told(tmp_path: Path, head: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        written(tmp_path, head=head)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("key_server: {https://a.example/keys: [third]}\n", "there is no key 'third'"),
        ("key_server: {https://a.example/keys: gone}\n", "key_server"),
        ("key_server: {keys: [first]}\n", "is not absolute"),
        ("rejected: [{name: one, object: {apiVersion: v1, kind: A, metadata: {name: a}}, because: x}]\n", "two cases"),
        ("rejected: [{name: r, object: {apiVersion: v1, kind: A}, because: x}]\n", "lacks metadata.name"),
        ("rejected: [{name: r, object: {apiVersion: v1, kind: A, metadata: {name: a}}}]\n", "because is missing"),
        (
            "rejected: [{name: r, object: {apiVersion: v1, kind: A, metadata: {name: a}}, because: x, instead: B}]\n",
            "no B is configured",
        ),
    ],
)
def test_a_key_server_or_a_refused_object_that_cannot_be_is_told(tmp_path: Path, more: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        written(tmp_path, more=more)


def test_a_uri_is_not_both_served_and_unavailable(tmp_path: Path) -> None:
    head = HEAD[: HEAD.index("config:")].replace("{trusted_by: [api]}", "{}")
    phase = "- name: %s\n  key_server: {https://a.example/keys: %s}\n" + "".join(
        f"  {line}\n" for line in CASES.replace("TOKEN", "token: {key: first}").splitlines()
    )
    path = tmp_path / "one.yaml"
    second = (phase % ("two", "unavailable")).replace("name: one", "name: other")
    path.write_text(head + "phases:\n" + phase % ("one", "[first]") + second)

    with pytest.raises(BadInput, match="is served in one phase and unavailable in another"):
        load_scenario(path)
