"""Requests that a client sends in the same moment, against the limits of a connection pool."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from conformance.router.clusters import Cluster
from conformance.router.destination_rules import Policy
from conformance.router.objects.destination_rule import ConnectionPool, HTTPSettings, TCPSettings
from conformance.router.overflow import overflow, refused_share
from conformance.router.predict import predict
from conformance.router.prediction import Kind
from conformance.router.routes import ClusterKey
from tests.router.lab import request, shares, world


def pooled(connections: int | None, pending: int | None) -> Cluster:
    pool = ConnectionPool(TCPSettings(max_connections=connections), HTTPSettings(http1_max_pending_requests=pending))
    return Cluster(ClusterKey("a", 80), None, Policy(connection_pool=pool), None, ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("connections", "pending", "at_once", "share"),
    [
        (1, 1, 1, Fraction(0)),
        (1, 1, 2, Fraction(0)),
        (1, 1, 12, Fraction(10, 12)),
        (3, 1, 5, Fraction(1, 5)),
        # An absent limit, and 0, are as good as none.
        (1, None, 12, Fraction(0)),
        (None, 1, 12, Fraction(0)),
        (0, 1, 12, Fraction(0)),
    ],
)
def test_what_exceeds_connections_and_pending_ones_may_be_refused(
    connections: int | None, pending: int | None, at_once: int, share: Fraction
) -> None:
    assert refused_share(pooled(connections, pending), at_once) == share


def test_without_a_pool_nobody_is_refused() -> None:
    assert refused_share(Cluster(ClusterKey("a", 80), None, Policy(), None, ()), 500) == 0  # type: ignore[arg-type]


def test_a_refused_request_is_marked_and_reaches_nobody() -> None:
    refused = overflow()
    assert (refused.kind, refused.status, refused.sight, refused.attempts) == (Kind.OVERFLOW, 503, None, (0, 0))
    assert dict(refused.response_set)["x-envoy-overloaded"] == "true"


LIMITS = {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}
WIDER = {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 3}}
TO_SUBSET = {"hosts": ["ratings"], "http": [{"route": [{"destination": {"host": "ratings", "subset": "all"}}]}]}


@pytest.mark.parametrize(
    ("own", "refused"),
    [
        ({"outlierDetection": {"consecutive5xxErrors": 5}}, Fraction(6, 8)),
        ({"connectionPool": WIDER}, Fraction(4, 8)),
    ],
    ids=["the host's, where it has none", "its own"],
)
def test_the_limits_of_a_subset_are(own: dict[str, object], refused: Fraction) -> None:
    subset = {"name": "all", "trafficPolicy": own}
    rule = {"host": "ratings", "trafficPolicy": {"connectionPool": LIMITS}, "subsets": [subset]}
    mesh = world([{"DestinationRule d": rule}, {"VirtualService v": TO_SUBSET}])

    found = predict(mesh, replace(request("http://ratings/"), at_once=8))

    assert shares(found) == {"overflow 503": refused, "ratings": 1 - refused}
    told = "connection pool: more at once than its limits let through  (DestinationRule shop/d)"
    assert told in map(str, found.trace)
