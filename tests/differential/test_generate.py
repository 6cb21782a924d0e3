"""The generator says the same thing twice, says it in every arena, and what it says has the form of Istio's objects."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from conformance.differential.arena import ROOT, SERVICES, WORKLOADS, Arena, moved
from conformance.differential.config import Config
from conformance.differential.generate import REQUESTS, config
from conformance.differential.grammar.plan import FOCI
from conformance.differential.tokens import token
from conformance.language.objects import typed

COUNT = 250
CONFIGS = [config(7, number, Arena(number % 3)) for number in range(COUNT)]


def test_the_same_seed_makes_the_same_configurations() -> None:
    assert [config(7, number, Arena(number % 3)) for number in range(COUNT)] == CONFIGS


def test_another_process_makes_the_same_configuration() -> None:
    program = (
        "from conformance.differential.generate import config; from conformance.differential.arena import Arena;"
        "print(config(7, 11, Arena(2)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(config(7, 11, Arena(2)))


def test_another_seed_or_number_makes_another_configuration() -> None:
    assert config(7, 0, Arena(0)) != config(8, 0, Arena(0))
    assert config(7, 0, Arena(0)).objects != config(7, 1, Arena(0)).objects


@pytest.mark.parametrize("number", range(0, COUNT, 7))
def test_the_arena_changes_names_and_nothing_else(number: int) -> None:
    assert config(7, number, Arena(2)) == config(7, number, Arena(0)).moved(Arena(2))


def test_arenas_with_two_digits_are_told_apart() -> None:
    assert moved("a.arena-1.example, arena-12-far", Arena(3)) == "a.arena-3.example, arena-3-far"


@pytest.mark.parametrize("made", CONFIGS[:120], ids=lambda made: made.name)
def test_every_object_has_its_kinds_form(made: Config) -> None:
    addresses = {f"pod {made.arena.client(each)}": "10.0.0.1" for each in WORKLOADS}
    addresses |= {f"service {made.arena.namespace(each)}/{each.name}": "10.1.0.1" for each in SERVICES}
    for manifest in made.filled(addresses).objects:
        typed(manifest, age=0, where="here")


def test_objects_stay_in_their_arena() -> None:
    for made in CONFIGS:
        for manifest in made.objects:
            assert manifest["metadata"]["namespace"] in (*made.arena.namespaces, ROOT)
            if manifest["metadata"]["namespace"] == ROOT:
                assert manifest["kind"] not in ("PeerAuthentication", "RequestAuthentication", "Sidecar")


def test_a_gateway_names_only_hosts_of_its_arena() -> None:
    for made in CONFIGS:
        for manifest in made.objects:
            if manifest["kind"] == "Gateway":
                hosts = [host for server in manifest["spec"]["servers"] for host in server["hosts"]]
                assert all(made.arena.near in host.rpartition("/")[2] for host in hosts)


def test_a_policy_in_the_root_namespace_concerns_one_arena_only() -> None:
    for made in CONFIGS:
        for manifest in made.objects:
            if manifest["kind"] == "AuthorizationPolicy" and manifest["metadata"]["namespace"] == ROOT:
                labels = manifest["spec"]["selector"]["matchLabels"]
                rules = manifest["spec"].get("rules", [])
                hosts = [
                    host for rule in rules for to in rule.get("to", []) for host in to["operation"].get("hosts", [])
                ]
                is_at_gateway = labels == {"istio": "ingressgateway"} and manifest["spec"]["action"] == "DENY"
                assert labels.get("arena") == made.arena.near or (is_at_gateway and hosts)


def test_every_sidecar_lets_the_gates_sentinel_through() -> None:
    for made in CONFIGS:
        for manifest in made.objects:
            if manifest["kind"] == "Sidecar":
                for listener in manifest["spec"].get("egress", []):
                    assert "conformance-system/*" in listener["hosts"]


def test_names_sort_in_the_order_of_creation() -> None:
    for made in CONFIGS:
        names = [manifest["metadata"]["name"] for manifest in made.objects]
        assert names == sorted(names)
        assert len(set(names)) == len(names)


def test_requests_come_from_workloads_that_exist() -> None:
    for made in CONFIGS:
        known = {made.arena.client(each) for each in WORKLOADS} | {"outside/outside", "outside/internet"}
        assert len(made.requests) == REQUESTS
        assert {request.client for request in made.requests} <= known


def test_every_kind_and_every_focus_turns_up() -> None:
    kinds = Counter(manifest["kind"] for made in CONFIGS for manifest in made.objects)
    wanted = {kind for _, counts in FOCI.values() for kind in counts if kind != "Delegate"}
    assert set(kinds) == wanted
    assert any(not manifest["spec"].get("hosts", True) for made in CONFIGS for manifest in made.objects) or any(
        manifest["kind"] == "VirtualService" and "hosts" not in manifest["spec"]
        for made in CONFIGS
        for manifest in made.objects
    )


def test_tokens_are_the_same_each_time_and_told_apart_by_their_words() -> None:
    assert token("first", "one") == token("first", "one")
    raws = {token("first", "one").raw, token("second", "one").raw, token("first", "one", is_expired=True).raw}
    assert len(raws) == 3


def test_arenas_share_no_name_in_the_root_namespace() -> None:
    def names(arena: Arena) -> set[str]:
        configs = [config(33, number, arena) for number in range(100)]
        found = (each["metadata"] for made in configs for each in made.objects)
        return {each["name"] for each in found if each["namespace"] == "istio-system"}

    assert names(Arena(0))
    assert names(Arena(0)).isdisjoint(names(Arena(1)))
