"""More requests in the same moment than a connection pool lets through (specification, section 15; Envoy's circuit
breakers).

They are refused in the client's own proxy, never retried, and reach nobody. How many that are is not determined: the
limits are shared by the proxy's threads, each of which may open one connection in any case, and a request that waits
for its connection is pending. So this says that one may be refused, and the chance is that of a single thread.
"""

from __future__ import annotations

from fractions import Fraction

from conformance.router.clusters import Cluster
from conformance.router.passage import local
from conformance.router.prediction import Kind, Outcome

_BODY = "upstream connect error or disconnect/reset before headers. reset reason: overflow"
_MARK = (("x-envoy-overloaded", "true"),)
_NONE = Fraction(0)


def refused_share(found: Cluster, at_once: int) -> Fraction:
    """Of requests that are sent at once: those that find the pool full."""
    limit = _limit(found)
    if limit is None or at_once <= limit:
        return _NONE
    return Fraction(at_once - limit, at_once)


def overflow() -> Outcome:
    made = local(Kind.OVERFLOW, 503, _BODY, "the limits of the connection pool")
    return made._replace(response_set=_MARK)


def _limit(found: Cluster) -> int | None:
    """How many may be on their way: connections and those that wait for one. None: as many as there are."""
    pool = found.policy.connection_pool
    if pool is None or pool.tcp is None or pool.http is None:
        return None
    connections, pending = pool.tcp.max_connections, pool.http.http1_max_pending_requests
    if not connections or not pending:
        return None
    return connections + pending
