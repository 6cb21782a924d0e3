"""Which events of the API server begin a pod's life on this node, and which end it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from cluster.api import Api, Reference
from cluster.embedded.node.images import Images
from cluster.embedded.node.node import Dispatcher
from cluster.embedded.node.settings import NodeSettings

Object = dict[str, Any]

# Refused, so that nothing has to be made for it.
METADATA = {"name": "one", "namespace": "ns", "uid": "u-1"}
POD = {
    "metadata": METADATA,
    "spec": {"hostNetwork": True, "containers": [{"name": "main", "image": "x"}]},
}
LEAVING = {**POD, "metadata": {**METADATA, "deletionTimestamp": "2026-01-02T03:04:05Z"}}


class Told:
    """An API server that tells these events, each when it is time, and counts deletions."""

    def __init__(self, *events: tuple[Callable[[], bool], str, Object]) -> None:
        self._events = events
        self.deleted: list[str] = []

    def watch(self, *_: str, **__: str) -> Iterator[tuple[str, Object]]:
        for is_time, event, pod in self._events:
            deadline = time.monotonic() + 10
            while not is_time():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield event, pod

    def delete(self, reference: Reference, **_: int) -> None:
        self.deleted.append(reference.name)

    def create(self, manifest: Object) -> None:
        """An Event of the pod."""

    def patch_status(self, reference: Reference, status: Object) -> None:
        """The state of the pod."""


def at_once() -> bool:
    return True


def nobody_works() -> bool:
    return not any(each.name == "pod-one" for each in threading.enumerate())


def test_late_news_of_a_pod_that_was_torn_down_begin_nothing() -> None:
    told = Told(
        (at_once, "ADDED", POD),
        (at_once, "MODIFIED", LEAVING),
        (nobody_works, "MODIFIED", LEAVING),
        (nobody_works, "DELETED", LEAVING),
    )
    Dispatcher(cast("Api", told), Images(()), NodeSettings()).run()
    assert nobody_works()
    assert told.deleted == ["one"]


def test_pod_that_is_leaving_when_first_seen_is_removed() -> None:
    told = Told((at_once, "ADDED", LEAVING), (nobody_works, "DELETED", LEAVING))
    Dispatcher(cast("Api", told), Images(()), NodeSettings()).run()
    assert told.deleted == ["one"]
