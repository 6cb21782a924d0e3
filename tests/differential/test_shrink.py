"""The shrinker finds what matters and nothing else, within its rounds, whatever the oracle's reason is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from conformance.differential.arena import Arena
from conformance.differential.config import Config
from conformance.differential.generate import config
from conformance.differential.shrink import shrink, smaller, without
from conformance.router.request import Request


def contains(value: Any, wanted: Any) -> bool:
    if value == wanted:
        return True
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return any(contains(member, wanted) for member in members)


def manifest(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


REQUEST = Request(client="x/y", host="a", port=80, method="POST", path="/x?q=1", headers=(("a", "1"), ("b", "2")))
CONFIG = Config(
    "1-1",
    Arena(0),
    (
        manifest("one", {"hosts": ["a", "b"], "http": [{"match": [{"uri": {"prefix": "/"}}, {"port": 80}]}, {"x": 1}]}),
        manifest("two", {"labels": {"app": "a", "version": "v1"}, "guilty": {"really": True, "hardly": False}}),
        manifest("three", {}),
    ),
    (Request(client="x/y", host="b", port=80), REQUEST),
)


@pytest.mark.parametrize("width", [1, 3, 6, 100])
def test_it_converges_on_what_the_oracle_wants(width: int) -> None:
    def oracle(candidates: Sequence[Config]) -> list[bool]:
        return [
            contains(each.objects, {"really": True}) | contains(each.objects, {"really": True, "hardly": False})
            and any(("b", "2") in request.headers for request in each.requests)
            for each in candidates
        ]

    small = shrink(CONFIG, oracle, width=width, rounds=200)
    assert small.objects == (manifest("two", {"guilty": {"really": True}}),)
    assert small.requests == (Request(client="x/y", host="a", port=80, headers=(("b", "2"),)),)


def test_two_parts_that_only_matter_together_stay_together() -> None:
    def oracle(candidates: Sequence[Config]) -> list[bool]:
        return [contains(each.objects, {"port": 80}) and contains(each.objects, {"app": "a"}) for each in candidates]

    small = shrink(CONFIG, oracle, width=4, rounds=200)
    specs = [each["spec"] for each in small.objects]
    assert specs == [{"http": [{"match": [{"port": 80}]}]}, {"labels": {"app": "a"}}]


def test_nothing_is_taken_when_everything_matters() -> None:
    assert shrink(CONFIG, lambda candidates: [False] * len(candidates), width=5, rounds=500) == CONFIG


def test_it_asks_no_more_than_its_rounds_and_no_more_than_its_width() -> None:
    asked: list[int] = []

    def oracle(candidates: Sequence[Config]) -> list[bool]:
        asked.append(len(candidates))
        return [False] * len(candidates)

    shrink(CONFIG, oracle, width=4, rounds=3)
    assert len(asked) == 3
    assert max(asked) <= 4


def test_every_cut_is_a_cut() -> None:
    drawn = config(3, 5, Arena(0))
    sizes = [len(repr(each)) for each in smaller(drawn)]
    assert sizes
    assert max(sizes) < len(repr(drawn))


def test_a_list_that_is_empty_goes_as_well() -> None:
    assert without({"match": [{"uri": 1}], "route": []}, ("match", 0)) == {"route": []}
    assert without({"match": [{"uri": 1}]}, ("match", 0, "uri")) == {"match": [{}]}


def test_a_token_stays_as_long_as_it_is_sent() -> None:
    drawn = next(
        each
        for number in range(200)
        for each in (config(5, number, Arena(0)),)
        if any(request.tokens for request in each.requests)
    )
    request = next(request for request in drawn.requests if request.tokens)
    single = Config(drawn.name, drawn.arena, (), (request,))
    for each in smaller(single):
        raw = each.requests[0]
        sent = [*(value for _, value in raw.headers), raw.path]
        assert bool(raw.tokens) == any(request.tokens[0].raw in text for text in sent)
