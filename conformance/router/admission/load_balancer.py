"""`loadBalancer` of a DestinationRule (validateLoadBalancer)."""

from __future__ import annotations

from math import isqrt

from conformance.router.admission.durations import duration, undecodable
from conformance.router.admission.locality import locality
from conformance.router.admission.remark import Remarks, denied, each, unfit, warned
from conformance.router.objects.destination_rule import (
    ConsistentHash,
    HTTPCookie,
    LoadBalancer,
    OutlierDetection,
    Warmup,
)
from conformance.router.versions import Version

_LARGEST_TABLE = 5_000_011


def load_balancer(
    field: str, balancer: LoadBalancer | None, outlier: OutlierDetection | None, version: Version
) -> Remarks:
    if balancer is None:
        return
    if balancer.consistent_hash:
        yield from _consistent_hash(f"{field}.consistentHash", balancer.consistent_hash)
    yield from locality(f"{field}.localityLbSetting", balancer.locality_lb_setting, outlier)
    if balancer.warmup:
        yield from _warmup(f"{field}.warmup", balancer.warmup, version)


def _consistent_hash(field: str, given: ConsistentHash) -> Remarks:
    """Without a key it is stored: the hash is then random."""
    if given.http_cookie:
        yield from _cookie(f"{field}.httpCookie", given.http_cookie)
    if given.minimum_ring_size:
        place = f"{field}.minimumRingSize"
        text = "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead"
        yield warned(place, text)
        if given.ring_hash or given.maglev:
            yield denied(place, "only one of MinimumRingSize or Maglev/Ringhash can be specified")
    if given.maglev:
        yield from _table_size(f"{field}.maglev.tableSize", given.maglev.table_size or 0)


def _cookie(field: str, cookie: HTTPCookie) -> Remarks:
    if not cookie.name:
        yield denied(f"{field}.name", "name required for HttpCookie")
    if cookie.ttl is not None:
        yield from undecodable(f"{field}.ttl", cookie.ttl)
    seen: set[str] = set()
    for place, attribute in each(f"{field}.attributes", cookie.attributes):
        name = attribute.get("name")
        if name is None:
            yield unfit(f"{place}.name", "Required value")
        elif not name:
            yield denied(f"{place}.name", "cookie attribute name cannot be empty")
        elif name in seen:
            yield denied(f"{place}.name", f"duplicate cookie attribute name: {name}")
        else:
            seen.add(name)


def _table_size(field: str, size: int) -> Remarks:
    if size == 0:
        yield denied(field, "tableSize must be set for maglev")
    if size >= _LARGEST_TABLE:
        # Istio tries whether it is a prime, too, which may take it minutes.
        yield denied(field, f"tableSize must be less than {_LARGEST_TABLE} for maglev")
    elif size >= 0 and not _is_prime(size):
        yield denied(field, "tableSize must be a prime number for maglev")


def _is_prime(number: int) -> bool:
    """As Envoy counts: 1 is among the primes."""
    if 0 < number < 4:
        return True
    return number % 2 == 1 and all(number % factor for factor in range(3, isqrt(number) + 1, 2))


def _warmup(field: str, warmup: Warmup, version: Version) -> Remarks:
    """The range of minimumPercent, and that there is a duration, the schema sees to."""
    yield from duration(f"{field}.duration", warmup.duration, version)
    if warmup.aggression == 0:
        yield denied(f"{field}.aggression", "aggression should be greater than 0")
