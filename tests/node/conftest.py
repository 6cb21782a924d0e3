"""One real Kubernetes, without Istio, for all tests of the node that need one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.api import Api, Reference
from cluster.embedded import world as worlds
from cluster.embedded.cluster import programs

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from tests.node.lab import NAMESPACE, Lab, declared  # noqa: E402  it needs the path above

# Shorter than a kubelet's, so that tests see in seconds what takes minutes there.
_PACES = {"volume_refresh": 0.5, "first_back_off": 0.3, "longest_back_off": 1.0}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A world in which everything that the collected modules declared has been created."""
    obtained = programs({}, lambda _: None)
    plan = worlds.Plan(
        programs={name: each.path for name, each in obtained.items()},
        kubernetes_version=obtained["kube-apiserver"].version,
        log=tmp_path_factory.mktemp("world") / "world.log",
        node=_PACES,
    )
    running = worlds.start(plan, {}, lambda _: None)
    try:
        api = Api(running.kubeconfig)
        lab = Lab(running, api, obtained["kubectl"].path)
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        account = Reference("v1", "ServiceAccount", NAMESPACE, "default")
        lab.until("there is a service account", lambda: api.get(account))
        pods = [each for each in declared if each["kind"] == "Pod"]
        # What pods refer to first, so that none of them has to wait for it.
        api.apply_all([each for each in declared if each["kind"] != "Pod"])
        api.apply_all(pods, threads=8)
        yield lab
        api.close()
    finally:
        running.end()
