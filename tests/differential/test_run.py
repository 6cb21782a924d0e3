"""A run without a mesh: what is judged, what is looked at again, and what counts as unsteady."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from conformance.differential.arena import Arena
from conformance.differential.arenas import manifests
from conformance.differential.config import Config
from conformance.differential.perform import Performed, Refusal, Stage
from conformance.differential.run import DifferentialRun, judged
from conformance.differential.tally import ADMISSION, FAULT
from conformance.differential.voice import Surroundings
from conformance.judgement.history import Answer, Exchange
from conformance.language.kubernetes import Addresses, kubernetes
from conformance.router.mesh_config import MeshConfig
from conformance.router.request import Request
from conformance.router.versions import Version

ARENA = Arena(0)
AROUND = Surroundings(kubernetes(list(manifests(ARENA)), "default", Addresses()), MeshConfig(), Version())
REQUEST = Request(client="arena-0/client", host="a", port=80)
STAMP = {"creationTimestamp": "2026-11-21T10:00:00Z"}


def teapot(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "o0-vs", "namespace": "arena-0", **STAMP},
        "spec": spec,
    }


GOOD = teapot({"hosts": ["a"], "http": [{"directResponse": {"status": 418, "body": {"string": "short"}}}]})
BAD = teapot({"hosts": ["a"]})


def exchange(status: int) -> Exchange:
    answer = Answer(status, (("server", "envoy"), ("content-type", "text/plain")), "short", "HTTP/1.1")
    return Exchange("t", "t", "arena-0/client", "GET", "http://a/", (), 0.0, 0.1, answer, None, ())


def performed(status: int = 418, name: str = "1-1", **others: Any) -> Performed:
    config = Config(name, ARENA, (GOOD,), (REQUEST,))
    plain = Performed(config, (REQUEST,), (GOOD,), (), (), (exchange(status),))
    return replace(plain, **others)


def test_what_the_router_foretells_is_agreement() -> None:
    found = judged(performed(), AROUND)
    assert (found.agreed, found.disagreements) == (1, ())


def test_what_it_does_not_is_a_disagreement_with_its_reason() -> None:
    (found,) = judged(performed(200), AROUND).disagreements
    assert found.request == 0
    assert "418" in found.summary
    assert found.trace


def test_a_fault_of_the_router_is_a_disagreement_too() -> None:
    stranger = replace(REQUEST, client="arena-0/nobody")
    (found,) = judged(performed(requests=(stranger,)), AROUND).disagreements
    assert found.concept == FAULT
    assert "nobody" in str(found.differences[0])


def test_what_only_one_voice_refuses_is_a_disagreement_about_admission() -> None:
    empty: dict[str, Any] = {"requests": (), "exchanges": ()}
    taken = judged(performed(applied=(BAD,), **empty), AROUND)
    assert [each.concept for each in taken.disagreements] == [ADMISSION]
    refused = judged(performed(applied=(), refused=(Refusal(GOOD, "no"),), **empty), AROUND)
    assert [each.concept for each in refused.disagreements] == [ADMISSION]
    both = judged(performed(applied=(), refused=(Refusal(BAD, "no"),), **empty), AROUND)
    assert (both.disagreements, both.refused) == ((), 1)


class FakeStage:
    """A mesh whose answer depends on how often it was asked for a configuration."""

    def __init__(self, status: Callable[[str, int], int]) -> None:
        self.arenas = (Arena(0), Arena(1))
        self._status = status
        self.asked: dict[str, int] = {}

    def perform(self, configs: Sequence[Config]) -> list[Performed]:
        found = []
        for config in configs:
            self.asked[config.name] = self.asked.get(config.name, 0) + 1
            found.append(performed(self._status(config.name, self.asked[config.name]), config.name))
        return found


def run(status: Callable[[str, int], int]) -> tuple[DifferentialRun, FakeStage]:
    stage = FakeStage(status)
    made = DifferentialRun(cast("Stage", stage), AROUND, 1, lambda _: None)
    made.perform(range(5))
    return made, stage


def test_a_run_counts_everything() -> None:
    made, stage = run(lambda *_: 418)
    assert (made.tally.configs, made.tally.requests, made.tally.agreed) == (5, 5, 5)
    assert set(stage.asked.values()) == {1}


def test_what_disagrees_again_is_steady() -> None:
    made, stage = run(lambda name, _: 200 if name == "1-3" else 418)
    assert [each.config.name for each in made.tally.disagreements] == ["1-3"]
    assert made.tally.unsteady == []
    assert stage.asked["1-3"] == 2


def test_what_does_not_is_unsteady() -> None:
    made, stage = run(lambda name, attempt: 200 if name == "1-3" and attempt == 1 else 418)
    assert made.tally.disagreements == []
    assert [each.config.name for each in made.tally.unsteady] == ["1-3"]
    assert stage.asked["1-3"] == 4


def test_a_blocked_configuration_is_counted_and_not_judged() -> None:
    stage = FakeStage(lambda *_: 418)
    stage.perform = lambda configs: [  # type: ignore[method-assign]
        performed(name=each.name, blocked="refused", exchanges=()) for each in configs
    ]
    tally = DifferentialRun(cast("Stage", stage), AROUND, 1, lambda _: None).perform(range(2))
    assert (tally.configs, tally.requests) == (2, 0)
    assert [reason for _, reason in tally.blocked] == ["refused", "refused"]
