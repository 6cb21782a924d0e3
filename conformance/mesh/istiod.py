"""What istiod says about itself: which objects it has, what each proxy was sent and has acknowledged."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cluster.api import Api, Object, Reference
from conformance.mesh.workloads import Question, Workloads

_NAMESPACE = "istio-system"
_MONITORING_PORT = 15014
# Its Service leaves this port out, so the pod's own address is asked.
_DEBUG_PORT = 8080

_REJECTS = re.compile(r"^pilot_total_xds_rejects(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class ProxyState:
    """One row of /debug/syncz. `pending` names the resource types that were sent and not acknowledged."""

    proxy: str
    pending: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """A moment: how many responses had been refused, and the time as it stands in istiod's log."""

    rejections: float
    at: str


Identity = tuple[str, int]
"""uid and generation. Not resourceVersion: istiod writes the address it allocates into the status of a ServiceEntry."""


def identity_of(each: Object) -> Identity:
    """Of an object of the API server, or of istiod, which leaves out what has its type's zero value."""
    return each["metadata"]["uid"], each["metadata"].get("generation", 1)


class Istiod:
    """Asked by the collector: istiod wants a service account's token, and the API server's pod proxy carries none."""

    def __init__(self, api: Api, workloads: Workloads) -> None:
        self._api = api
        self._workloads = workloads
        pods = [pod for pod in workloads.pods(_NAMESPACE) if pod.app == "istiod"]
        self._pod = pods[0]
        account = Reference("v1", "ServiceAccount", _NAMESPACE, "istiod")
        request: Object = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": ["istio-ca"], "expirationSeconds": 24 * 3600},
        }
        self._token: str = api.create_subresource(account, "token", request)["status"]["token"]

    def _debug(self, page: str) -> Any:
        address = self._pod.url(_DEBUG_PORT, f"debug/{page}")
        content = self._workloads.answer(Question(address, {"Authorization": f"Bearer {self._token}"}))
        if content is None:
            raise ConnectionError(f"istiod does not answer /debug/{page}")
        return json.loads(content)

    def objects(self) -> list[Object]:
        """Every Istio object istiod works with (/debug/configz); what has its type's zero value is missing in it."""
        found: list[Object] = self._debug("configz")
        return found

    def identities(self) -> Mapping[tuple[str, str, str], Identity]:
        """(kind, namespace, name) -> identity of every Istio object istiod works with."""
        return {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): identity_of(each)
            for each in self.objects()
        }

    def proxies(self) -> tuple[ProxyState, ...]:
        """Every connected proxy (/debug/syncz)."""
        return tuple(ProxyState(row["proxy"], tuple(_pending(row))) for row in self._debug("syncz"))

    def mark(self) -> Mark:
        """Now, before something is applied."""
        return Mark(self.rejections(), moment(time.time()))

    def refusals(self, since: Mark) -> list[str]:
        """The lines of the log in which a proxy refuses a response (NACK)."""
        lines = after(self.log(), since.at).decode(errors="replace").splitlines()
        return [line for line in lines if "ACK ERROR" in line]

    def rejections(self) -> float:
        """How many responses proxies have refused since istiod started (pilot_total_xds_rejects)."""
        text = self._api.pod_proxy(_NAMESPACE, self._pod.name, _MONITORING_PORT, "metrics").decode()
        return sum(float(value) for value in _REJECTS.findall(text))

    def log(self) -> bytes:
        """The log of istiod itself, for evidence; where a refusal is written down with its reason."""
        path = f"/api/v1/namespaces/{_NAMESPACE}/pods/{self._pod.name}/log"
        return self._api.request("get", path, query_params=[("container", "discovery")])


def _pending(row: Mapping[str, Any]) -> Iterable[str]:
    for kind in ("cluster", "listener", "route", "endpoint"):
        if row.get(f"{kind}_sent") and row.get(f"{kind}_sent") != row.get(f"{kind}_acked"):
            yield kind


def moment(seconds: float) -> str:
    """A time as it stands in Istio's logs; as text, earlier is less."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_TIMED = re.compile(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\t", re.MULTILINE)


def after(log: bytes, begun: str) -> bytes:
    """The lines from a time on; lines without one belong to the line before."""
    for line in _TIMED.finditer(log):
        if line[1].decode() >= begun:
            return log[line.start() :]
    return b""
