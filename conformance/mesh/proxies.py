"""What proxies say of themselves: what they run, what they still wait for, and which endpoints they would use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from conformance.mesh.workloads import CONTROL_PORT, Pod, Question, Workloads

GATEWAYS = ("istio-ingressgateway", "istio-egressgateway")

# Envoy's own statistics, on a port that the sidecar does not capture.
_STATS_PORT = 15090
# A gateway's admin interface answers on its loopback only; manifests/sentinel.yaml gives it this port and host.
_ADMIN_PORT, _ADMIN_HOST = 15099, "admin.sentinel.invalid"

# manifests/istio/values.yaml includes this statistic.
_MEMBERSHIP = "membership_healthy"
_HEALTHY = re.compile(r'^envoy_cluster_membership_healthy\{cluster_name="([^"]+)"[^}]*\} (\d+)$', re.MULTILINE)
_WARMING = re.compile(
    r"^envoy_(?:listener_manager_total_listeners_warming|cluster_manager_warming_clusters)\S* (\d+)$", re.MULTILINE
)


class Proxies:
    """Asked through the collector, many at a time; the answers are in the order of the pods."""

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads

    def config_dumps(self, pods: Sequence[Pod], query: str = "") -> list[str | None]:
        """Envoy's config_dump, or the part of it that a query asks for; None of one that does not say."""
        return self._workloads.answers([_config_dump(pod, query) for pod in pods])

    def warming_clusters(self, pods: Sequence[Pod]) -> list[list[str] | None]:
        """The clusters that each proxy was told of and does not use yet; None of one that does not say."""
        dumps = self.config_dumps(pods, "?resource=dynamic_warming_clusters&mask=cluster.name")
        return [None if dump is None else _names(dump) for dump in dumps]

    def warming(self, pods: Sequence[Pod]) -> list[str]:
        """The proxies in which any listener or cluster waits for what it needs before it is used."""
        counts = [_WARMING.findall(page) for page in self._statistics(pods, "warming")]
        return [pod.name for pod, found in zip(pods, counts, strict=True) if not found or any(map(int, found))]

    def healthy_endpoints(self, pods: Sequence[Pod]) -> list[Mapping[str, int]]:
        """How many endpoints each proxy would use, by cluster; empty of one that does not say."""
        pages = self._statistics(pods, _MEMBERSHIP)
        return [{cluster: int(count) for cluster, count in _HEALTHY.findall(page)} for page in pages]

    def _statistics(self, pods: Sequence[Pod], name: str) -> list[str]:
        page = f"stats/prometheus?filter={name}"
        return [text or "" for text in self._workloads.answers([Question(pod.url(_STATS_PORT, page)) for pod in pods])]


def _config_dump(pod: Pod, query: str) -> Question:
    if pod.app in GATEWAYS:
        return Question(pod.url(_ADMIN_PORT, f"config_dump{query}"), {"Host": _ADMIN_HOST})
    return Question(pod.url(CONTROL_PORT, f"proxy/config_dump{query}"))


def _names(clusters: str) -> list[str]:
    return [each["cluster"]["name"] for each in json.loads(clusters).get("configs", ())]
