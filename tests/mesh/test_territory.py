"""Scenarios that could disturb each other have something in common; those that cannot have not."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from conformance.language.models import Scenario
from conformance.mesh.territory import Territory, held, territory


def scenario(*config: dict[str, Any], client: str = "client", url: str = "http://reviews:9080/") -> Territory:
    document = {
        "id": "area/one",
        "title": "one",
        "source": {"document": "001", "section": "1", "claim": "one"},
        "app": "bookinfo",
        "config": list(config),
        "cases": [{"name": "one", "from": client, "request": {"get": url}, "expect": {"status": 200}}],
    }
    return territory(Scenario.model_validate(document))


def manifest(kind: str, spec: dict[str, Any] | None = None, namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": "one", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec or {}}


def rule(*hosts: str, **others: Any) -> dict[str, Any]:
    return manifest("VirtualService", {"hosts": [*hosts], **others})


def test_a_scenario_in_the_mesh_holds_its_namespace_only() -> None:
    assert scenario(rule("reviews")) == Territory(frozenset({"default"}))


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (manifest("Gateway"), "ingress"),
        (rule("*", gateways=["bookinfo-gateway"]), "ingress"),
        (manifest("DestinationRule", {"host": "reviews"}, "test"), "test"),
        (rule("ratings.other.svc.cluster.local"), "other"),
        (rule("*.other.svc.cluster.local"), "other"),
        (rule("ratings.other"), "other"),
        (manifest("ServiceEntry", {"hosts": ["www.google.com"]}), "domain google.com"),
        (manifest("ServiceEntry", {"hosts": ["*.wikipedia.org"]}), "domain wikipedia.org"),
        (manifest("RequestAuthentication", {"selector": {"matchLabels": {"istio": "x"}}}, "istio-system"), "ingress"),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "brought"}}, "brought"),
    ],
)
def test_what_an_object_acts_on_is_held(item: dict[str, Any], place: str) -> None:
    held = scenario(item)

    assert {"default", place} <= held.places
    assert not held.is_whole_mesh


@pytest.mark.parametrize(("gateways", "disturbs"), [(["mesh"], False), ([], False), (["mesh", "ingress"], True)])
def test_a_rule_of_sidecars_in_the_root_namespace_leaves_the_gateways_to_others(
    gateways: list[str], *, disturbs: bool
) -> None:
    spec = {"hosts": ["productpage.prod.svc.cluster.local"], **({"gateways": gateways} if gateways else {})}
    held = scenario(manifest("VirtualService", spec, "istio-system")).places

    assert ({"ingress", "istio-system"} <= held) is disturbs
    assert "prod" in held


@pytest.mark.parametrize(
    ("client", "url", "place"),
    [
        ("internet", "http://bookinfo.example.com/", "ingress"),
        ("client", "http://reviews.test.svc.cluster.local:9080/", "test"),
        ("outside", "http://istio-ingressgateway.istio-system.svc.cluster.local/", "ingress"),
        ("client", "https://www.google.com/", "domain google.com"),
    ],
)
def test_where_a_request_goes_is_held(client: str, url: str, place: str) -> None:
    assert place in scenario(client=client, url=url).places


@pytest.mark.parametrize(
    "item",
    [
        manifest("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, "istio-system"),
        manifest("Sidecar", {"egress": [{"hosts": ["./*"]}]}, "istio-system"),
        manifest("DestinationRule", {"host": "*.local"}, "istio-system"),
        manifest("EnvoyFilter", {}, "istio-system"),
        manifest("AuthorizationPolicy", {}, "istio-system"),
        manifest("RequestAuthentication", {}, "istio-system"),
        rule("*.local"),
        rule("*.svc.cluster.local", exportTo=["*"]),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}},
    ],
)
def test_what_acts_on_every_proxy_excludes_all_others(item: dict[str, Any]) -> None:
    assert scenario(item).is_whole_mesh


@pytest.mark.parametrize(
    "item",
    [
        manifest("PeerAuthentication", {"mtls": {"mode": "STRICT"}}),
        manifest("AuthorizationPolicy", {"selector": {"matchLabels": {"istio": "x"}}}, "istio-system"),
        rule("*.local", exportTo=["."]),
        rule("*", gateways=["one"]),
        manifest("Gateway", {}, "istio-system"),
    ],
)
def test_what_acts_on_some_proxies_does_not(item: dict[str, Any]) -> None:
    assert not scenario(item).is_whole_mesh


HERE, THERE = Territory(frozenset({"here", "domain google.com"})), Territory(frozenset({"there"}))
ALONE = Territory(frozenset({"here"}), is_whole_mesh=True)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [(HERE, THERE, True), (HERE, HERE, False), (ALONE, THERE, False), (THERE, ALONE, False), (ALONE, ALONE, False)],
)
def test_only_apart_from_each_other_can_two_be_held(
    tmp_path: Path, one: Territory, other: Territory, *, together: bool
) -> None:
    entered = threading.Event()

    def second() -> None:
        with held(other, tmp_path):
            entered.set()

    thread = threading.Thread(target=second)
    with held(one, tmp_path):
        thread.start()
        assert entered.wait(0.5) is together
    assert entered.wait(5)
    thread.join()
