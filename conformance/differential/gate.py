"""The gate of the differential check: the same three steps as for scenarios, but a refused push is noticed at once.

Random configurations make proxies refuse (NACK) a push now and then. Such a push never becomes effective, and waiting
for it up to the gate's limit would cost thirty seconds each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cluster.api import Api, Object
from conformance.mesh.gate import Gate, NotConverged
from conformance.mesh.istiod import Istiod
from conformance.mesh.workloads import Pod, Workloads

_PATIENCE_SECONDS = 0.7
"""A push that is not refused is nearly always effective earlier."""

_LIMIT_SECONDS = 10
"""A proxy that needs longer waits for something that does not come, such as endpoints of a cluster it warms."""


class Refused(NotConverged):
    """A proxy refused what istiod sent."""


class ImpatientGate(Gate):
    """Looks for refusals while it waits."""

    def __init__(self, api: Api, workloads: Workloads, istiod: Istiod) -> None:
        super().__init__(api, workloads, istiod)
        self._informed = istiod
        self._rejections = istiod.rejections()

    def pass_applied(self, applied: Sequence[Object], pods: Sequence[Pod], rejections: float) -> None:
        self._rejections = rejections
        super().pass_applied(applied, pods, rejections)

    def _ready_endpoints(self, namespace: str) -> dict[str, int]:
        """Without headless services: sidecars send to the dialled address there, and know no endpoints."""
        services = self._api.items("v1", "Service", namespace)
        headless = {each["metadata"]["name"] for each in services if each["spec"].get("clusterIP") == "None"}
        known = super()._ready_endpoints(namespace)
        return {name: count for name, count in known.items() if name.split("|")[3].split(".")[0] not in headless}

    def _until(self, missing: Callable[[], list[str]], problem: str) -> None:
        begun = looked = time.monotonic()
        while remaining := missing():
            now = time.monotonic()
            if now - looked > _PATIENCE_SECONDS:
                looked = now
                self._refuse_rejections(self._rejections)
            if now - begun > _LIMIT_SECONDS:
                raise NotConverged(f"{problem} after {_LIMIT_SECONDS} s: {', '.join(sorted(remaining))}")

    def _refuse_rejections(self, before: float) -> None:
        try:
            super()._refuse_rejections(before)
        except NotConverged as refused:
            lines = [line for line in self._informed.log().decode(errors="replace").splitlines() if "ACK ERROR" in line]
            raise Refused(f"refused (NACK): {'; '.join(lines[-1:]) or refused}") from refused
