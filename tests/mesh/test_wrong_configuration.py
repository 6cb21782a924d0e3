"""Every scenario can fail: applied with a wrong configuration, the real mesh is convicted by the check that should."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import BadInput
from conformance.judgement.verdict import Verdict
from conformance.language.load import Loaded, load_scenario
from conformance.mesh.performance import as_scenario_object
from conformance.run import WorkerSite

SCENARIOS = Path(__file__).resolve().parents[2] / "conformance" / "scenarios"

Config = list[dict[str, Any]]
Change = Callable[[Config], None]


def loaded(name: str) -> Loaded:
    return load_scenario(SCENARIOS / f"{name}.yaml")


def changed(original: Loaded, change: Change) -> Loaded:
    config = copy.deepcopy([*original.scenario.config])
    change(config)
    return replace(original, scenario=original.scenario.model_copy(update={"config": tuple(config)}))


def of_kind(config: Config, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in config if each["kind"] == kind)["spec"]
    return found


def first_rule(config: Config) -> dict[str, Any]:
    rule: dict[str, Any] = of_kind(config, "VirtualService")["http"][0]
    return rule


def without_match(config: Config) -> None:
    del first_rule(config)["match"]


def other_subset(config: Config) -> None:
    first_rule(config)["route"][0]["destination"]["subset"] = "v3"


def subset_without_pods(config: Config) -> None:
    for subset in of_kind(config, "DestinationRule")["subsets"]:
        subset["labels"] = {"version": "none"}


def rules_swapped(config: Config) -> None:
    for each in config:
        if each["kind"] == "VirtualService":
            each["spec"]["http"].reverse()


def without_rewrite(config: Config) -> None:
    del first_rule(config)["rewrite"]


def other_gateway_host(config: Config) -> None:
    of_kind(config, "Gateway")["servers"][0]["hosts"] = ["other.example.com"]


def any_gateway_host(config: Config) -> None:
    of_kind(config, "Gateway")["servers"][0]["hosts"] = ["*"]


def selector_of_no_pod(config: Config) -> None:
    of_kind(config, "Gateway")["selector"] = {"istio": "nothing"}


def not_bound(config: Config) -> None:
    of_kind(config, "VirtualService").pop("gateways")


def bound(config: Config) -> None:
    of_kind(config, "VirtualService")["gateways"] = ["mesh", "bookinfo-gateway"]


def exact_instead_of_prefix(config: Config) -> None:
    for match in first_rule(config)["match"]:
        if "prefix" in match["uri"]:
            match["uri"] = {"exact": match["uri"]["prefix"]}


def known_destinations(config: Config) -> None:
    for rule in of_kind(config, "VirtualService")["http"]:
        rule["route"] = [{"destination": {"host": "reviews"}}]


def plaintext(config: Config) -> None:
    config.append(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": "plaintext"},
            "spec": {"host": "*.default.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
        }
    )


@pytest.mark.parametrize(
    ("name", "change", "check"),
    [
        ("routing/headers/end-user", without_match, "answered-by"),
        ("routing/headers/end-user", other_subset, "answered-by"),
        ("routing/headers/end-user", subset_without_pods, "status"),
        ("routing/order", rules_swapped, "answered-by"),
        ("routing/rewrite", without_rewrite, "saw-path"),
        ("routing/paths", exact_instead_of_prefix, "status"),
        ("gateway/host", other_gateway_host, "status"),
        ("gateway/host", any_gateway_host, "status"),
        ("gateway/wildcard-host", selector_of_no_pod, "status"),
        ("gateway/binding", not_bound, "status"),
        ("gateway/not-bound", bound, "status"),
        ("names/unknown-destination", known_destinations, "status"),
        ("mtls/automatic", plaintext, "saw-principal"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_a_wrong_configuration_is_convicted_by_its_check(
    site: WorkerSite, name: str, change: Change, check: str
) -> None:
    record = site.perform(changed(loaded(name), change))

    assert record.verdict is Verdict.VIOLATES
    convicted = {finding.check for finding in record.findings if finding.verdict is Verdict.VIOLATES}
    assert check in convicted


@pytest.mark.parametrize("name", ["routing/headers/end-user", "gateway/binding"])
def test_the_same_scenario_as_written_passes_afterwards(site: WorkerSite, name: str) -> None:
    assert site.perform(loaded(name)).verdict is Verdict.PASS


def test_a_scenario_leaves_no_object_behind(site: WorkerSite) -> None:
    scenario = loaded("gateway/binding")
    site.perform(scenario)

    left = {
        each["metadata"]["name"]
        for kind in ("VirtualService", "Gateway", "DestinationRule")
        for each in site.mesh.api.items("networking.istio.io/v1", kind, "default")
    }
    assert left == set()


def test_what_a_killed_run_left_behind_is_taken_away_first(site: WorkerSite) -> None:
    scenario = loaded("routing/headers/end-user")
    stale = changed(scenario, other_subset).scenario.config[0]
    site.mesh.api.apply(as_scenario_object({**stale, "metadata": {"name": "left-behind", "namespace": "default"}}))

    fresh = WorkerSite(site.cluster, site.locks)

    assert fresh.perform(scenario).verdict is Verdict.PASS
    assert site.mesh.api.items("networking.istio.io/v1", "VirtualService", "default") == []
    fresh.close()


def test_configuration_that_proxies_refuse_blocks_the_scenario(site: WorkerSite) -> None:
    """Envoy refuses a STATIC cluster whose load balancing is left to the cluster; istiod passes it on (NACK)."""

    def refused(config: Config) -> None:
        bad = {"name": "refused", "type": "STATIC", "connect_timeout": "1s", "lb_policy": "CLUSTER_PROVIDED"}
        config.append(
            {
                "apiVersion": "networking.istio.io/v1alpha3",
                "kind": "EnvoyFilter",
                "metadata": {"name": "refused"},
                "spec": {
                    "configPatches": [
                        {
                            "applyTo": "CLUSTER",
                            "match": {"context": "SIDECAR_OUTBOUND"},
                            "patch": {"operation": "ADD", "value": bad},
                        }
                    ]
                },
            }
        )

    record = site.perform(changed(loaded("routing/headers/end-user"), refused))

    assert record.verdict is Verdict.BLOCKED
    assert record.exchanges == ()
    assert "NACK" in record.findings[0].observed


def test_configuration_that_the_webhook_refuses_is_bad_input_with_file_and_line(site: WorkerSite) -> None:
    def invalid(config: Config) -> None:
        of_kind(config, "VirtualService")["http"] = [{"route": []}]

    original = loaded("routing/headers/end-user")

    with pytest.raises(BadInput, match="the cluster refuses VirtualService default/reviews") as refused:
        site.perform(changed(original, invalid))

    assert refused.value.path == original.source.path
    assert refused.value.line is not None
    assert site.mesh.api.items("networking.istio.io/v1", "DestinationRule", "default") == []
