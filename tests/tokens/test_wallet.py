"""A wallet makes keys and tokens for one run; what it signs, the public half verifies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jws
from joserfc.errors import BadSignatureError
from pydantic import TypeAdapter

from conformance.judgement.expectation import CaseExpectation
from conformance.language.load import load_scenario
from conformance.language.models import Case
from conformance.predictions.voice import Router
from conformance.tokens import signing
from conformance.tokens.wallet import Wallet

FILE = Path(__file__).parents[2] / "conformance" / "scenarios" / "jwt" / "signature.yaml"
LOADED = load_scenario(FILE)


@pytest.fixture(name="wallet")
def wallet_of_the_scenario() -> Wallet:
    return Wallet(LOADED.scenario)


def case(name: str) -> Case:
    return next(case for case in LOADED.scenario.cases if case.name == name)


def content(wallet: Wallet, name: str, key: str) -> dict[str, Any]:
    raw = wallet.furnished(case(name)).request.headers["authorization"].removeprefix("Bearer ")
    pair = jwk.KeySet.import_key_set(json.loads(wallet.key_set([key]))).keys[0]
    found: dict[str, Any] = json.loads(jws.deserialize_compact(raw, pair, algorithms=["ES256", "RS256"]).payload)
    return found


@pytest.mark.parametrize(
    ("name", "key"),
    [("a token of the key", "first"), ("a token of the other key, which is of another kind", "rsa")],
)
def test_the_public_half_verifies_the_token(wallet: Wallet, name: str, key: str) -> None:
    claims = content(wallet, name, key)

    assert (claims["iss"], claims["aud"]) == ("https://securetoken.google.com/bookinfo", "bookinfo")


def test_a_forged_token_is_not_verified(wallet: Wallet) -> None:
    with pytest.raises(BadSignatureError):
        content(wallet, "the signature of somebody without the key", "first")


def test_an_unsigned_token_has_no_signature_or_one_of_nobody(wallet: Wallet) -> None:
    plain = wallet.furnished(case("the algorithm none without a signature")).request.headers["authorization"]
    made_up = wallet.furnished(case("the algorithm none with a made-up signature")).request.headers["authorization"]

    assert plain.endswith(".")
    assert made_up.endswith(".AAAA")
    assert wallet.shown(case("the algorithm none without a signature")) == ()


def test_what_is_predicted_is_what_was_sent(wallet: Wallet) -> None:
    sent = [wallet.furnished(each).request.headers for each in LOADED.scenario.cases]
    predicted = Router(LOADED, wallet).cases()

    assert [dict(each.predicted.request.headers) for each in predicted if each.predicted] == sent


def test_no_two_runs_have_a_key_in_common(wallet: Wallet) -> None:
    assert wallet.key_set(["first"]) == wallet.key_set(["first"])
    assert wallet.key_set(["first"]) != Wallet(LOADED.scenario).key_set(["first"])


def test_public_halves_reach_the_rules_that_trust_them_and_no_private_one_does(wallet: Wallet) -> None:
    (stage,) = LOADED.scenario.stages
    (policy,) = (each for each in wallet.completed(stage).config if each["kind"] == "RequestAuthentication")
    keys = json.loads(policy["spec"]["jwtRules"][0]["jwks"])["keys"]

    assert [key["kid"] for key in keys] == ["first", "rsa"]
    assert all("d" not in key for key in keys)
    assert wallet.key_sets(stage)[policy["spec"]["jwtRules"][0]["jwks"]] == frozenset({"first", "rsa"})


def test_a_known_key_signs_the_same_words_with_the_same_bytes() -> None:
    first, again = (signing.signed({"iss": "me"}, signing.known_key("k", 4711)) for _ in range(2))

    assert first == again


def test_a_prediction_with_a_token_survives_the_record(wallet: Wallet) -> None:
    adapter = TypeAdapter(tuple[CaseExpectation, ...])
    predicted = Router(LOADED, wallet).cases()

    assert adapter.validate_json(adapter.dump_json(predicted), strict=True) == predicted
