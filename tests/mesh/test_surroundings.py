"""Around a scenario on the real mesh: what it leaves, what was left before it, configuration that is refused."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import BadInput
from conformance.judgement.verdict import Verdict
from conformance.language.load import Loaded, load_scenario
from conformance.mesh import leftovers
from conformance.mesh.labels import as_scenario_object
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


def other_subset(config: Config) -> None:
    of_kind(config, "VirtualService")["http"][0]["route"][0]["destination"]["subset"] = "v3"


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

    leftovers.expect(site.locks)
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
