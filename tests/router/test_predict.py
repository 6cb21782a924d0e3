"""Who may ask: the clients of a world (specification, section 26)."""

from __future__ import annotations

import pytest

from conformance.router.predict import UnknownClient, predict
from conformance.router.world import build
from tests.router.lab import request, shares, world


def test_a_client_is_named_by_its_workload_or_its_app() -> None:
    mesh = world()

    by_workload, by_app = (predict(mesh, request(f"http://ratings/ from {name}")) for name in ("reviews-v1", "reviews"))

    assert by_workload == by_app


def test_who_asks_for_nobody_is_told_who_is_there() -> None:
    with pytest.raises(UnknownClient, match=r"there is no workload shop/nobody; known are .*shop/client"):
        predict(world(), request("http://ratings/ from nobody"))


def test_a_world_without_workloads_has_no_clients() -> None:
    with pytest.raises(UnknownClient, match="the world has no workloads"):
        predict(build(()), request("http://ratings/"))


def test_what_one_question_found_out_about_a_world_is_no_answer_to_another() -> None:
    private = {"exportTo": ["."], "hosts": ["ratings"], "http": [{"directResponse": {"status": 291}}]}
    own = {"exportTo": ["."], "hosts": ["site.example"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]}
    given = [{"VirtualService v": private}, {"ServiceEntry e": {**own, "resolution": "STATIC"}}]
    questions = {
        "http://ratings.shop/": {"direct 291"},
        "http://ratings.shop/ from teller": {"ratings"},
        "http://accounts/ from teller": {"accounts"},
        "http://reviews.shop:9081/ from teller": {"reviews-v1", "reviews-v2"},
        "http://site.example/": {"no_endpoints 503"},
        "http://site.example/ from teller": {"passthrough site"},
    }
    mesh = world(given)

    assert {each: set(shares(predict(mesh, request(each)))) for each in questions} == questions
