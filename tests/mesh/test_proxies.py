"""What is read of what proxies say of themselves. The collector is played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from conformance.mesh.proxies import Proxies
from conformance.mesh.workloads import Pod, Question

REVIEWS = Pod("default", "reviews-1", "10.0.0.1", "reviews", "reviews-v1", has_proxy=True)
GATEWAY = Pod("istio-system", "gateway-1", "10.0.0.2", "istio-ingressgateway", "istio-ingressgateway", has_proxy=True)

CLUSTER = "outbound|9080||reviews.default.svc.cluster.local"


class FakeWorkloads:
    def __init__(self, *answers: str | None) -> None:
        self._answers = answers
        self.questions: list[Question] = []

    def answers(self, questions: Sequence[Question]) -> list[str | None]:
        self.questions += questions
        return [*self._answers]


def proxies(fake: FakeWorkloads) -> Proxies:
    return Proxies(cast("Any", fake))


def test_a_sidecar_is_asked_through_its_workload_and_a_gateway_at_a_port_and_host_of_its_own() -> None:
    fake = FakeWorkloads("{}", None)

    assert proxies(fake).config_dumps([REVIEWS, GATEWAY], "?mask=x") == ["{}", None]
    assert fake.questions == [
        Question("http://10.0.0.1:9900/proxy/config_dump?mask=x"),
        Question("http://10.0.0.2:15099/config_dump?mask=x", {"Host": "admin.sentinel.invalid"}),
    ]


@pytest.mark.parametrize(
    ("page", "waits"),
    [
        ("envoy_cluster_manager_warming_clusters{} 0\nenvoy_listener_manager_total_listeners_warming{} 0\n", False),
        ("envoy_cluster_manager_warming_clusters{} 0\nenvoy_listener_manager_total_listeners_warming{} 1\n", True),
        ("envoy_cluster_manager_warming_clusters 2\n", True),
        ("", True),
        (None, True),
    ],
)
def test_a_proxy_that_does_not_say_may_still_wait(page: str | None, *, waits: bool) -> None:
    assert proxies(FakeWorkloads(page)).warming([REVIEWS]) == (["reviews-1"] if waits else [])


def test_endpoints_are_counted_by_cluster_and_unknown_where_nothing_is_said() -> None:
    page = f'envoy_cluster_membership_healthy{{cluster_name="{CLUSTER}",local=""}} 3\nother{{cluster_name="a"}} 1\n'

    assert proxies(FakeWorkloads(page, None)).healthy_endpoints([REVIEWS, GATEWAY]) == [{CLUSTER: 3}, {}]


def test_clusters_that_are_not_in_use_yet_have_their_names() -> None:
    dump = f'{{"configs": [{{"cluster": {{"name": "{CLUSTER}"}}}}]}}'

    assert proxies(FakeWorkloads(dump, "{}", None)).warming_clusters([REVIEWS, REVIEWS, GATEWAY]) == [
        [CLUSTER],
        [],
        None,
    ]
