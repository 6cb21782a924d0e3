"""The Node object and the dispatcher: a worker per pod that the scheduler binds here."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster.api import Api, ApiError, Reference
from cluster.embedded import layout
from cluster.embedded.node import kubelet_api
from cluster.embedded.node.images import Images
from cluster.embedded.node.network import Addresses
from cluster.embedded.node.pod import Node, PodWorker
from cluster.embedded.node.settings import NodeSettings
from cluster.embedded.node.status import now, timestamp

Object = Mapping[str, Any]

# Generous: pods ask for CPU as if they shared a machine with strangers, here they are alone.
_SCHEDULABLE_CPUS = "64"
_MAX_PODS = "500"


def register(api: Api, kubernetes_version: str) -> None:
    """Posts this machine as a ready Node.

    kubeletVersion decides whether istiod injects the proxy as a native sidecar (1.33 and newer).
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    capacity = {"cpu": _SCHEDULABLE_CPUS, "memory": f"{memory}Ki", "pods": _MAX_PODS, "ephemeral-storage": "50Gi"}
    labels = {"kubernetes.io/hostname": layout.NODE_NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": _arch()}
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": layout.NODE_NAME, "labels": labels},
            "spec": {"podCIDR": layout.POD_NETWORK},
        }
    )
    moment = timestamp(now())
    reference = Reference("v1", "Node", None, layout.NODE_NAME)
    api.patch_status(
        reference,
        {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": [
                {"type": "InternalIP", "address": layout.NODE_ADDRESS},
                {"type": "Hostname", "address": layout.NODE_NAME},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": layout.KUBELET_PORT}},
            "nodeInfo": {
                "kubeletVersion": kubernetes_version,
                "kubeProxyVersion": kubernetes_version,
                "containerRuntimeVersion": "process://1",
                "operatingSystem": "linux",
                "architecture": _arch(),
                "kernelVersion": os.uname().release,
                "osImage": "processes without containers",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "NodeReady",
                    "message": "runs containers as processes",
                    "lastHeartbeatTime": moment,
                    "lastTransitionTime": moment,
                }
            ],
        },
    )
    # Admission taints every new Node until it is ready; it is.
    api.patch(reference, {"spec": {"taints": None}})


def _arch() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


class Dispatcher:
    """Watches the pods bound to this node and gives each a worker."""

    def __init__(self, api: Api, images: Images, settings: NodeSettings) -> None:
        self._api = api
        self._node = Node(api, images, Addresses(), settings, self._warn)
        self._workers: dict[str, PodWorker] = {}
        self._lock = threading.Lock()

    def run(self) -> None:
        """Never returns."""
        selector = f"spec.nodeName={layout.NODE_NAME}"
        for event, pod in self._api.watch("v1", "Pod", field_selector=selector):
            uid = pod["metadata"]["uid"]
            with self._lock:
                # Not before its object is gone: news from before that may come after the worker's end, and a pod
                # that seems new would be made once more, to be deleted by a name that is another pod's by then.
                worker = self._workers.pop(uid, None) if event == "DELETED" else self._workers.get(uid)
            if event == "DELETED":
                if worker:
                    worker.vanished()
            elif worker:
                worker.update(pod)
            else:
                self._begin(uid, pod)

    def _begin(self, uid: str, pod: Object) -> None:
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return

        def abandoned() -> None:
            with self._lock:
                self._workers.pop(uid, None)

        worker = PodWorker(self._node, pod, abandoned)
        with self._lock:
            self._workers[uid] = worker
        worker.start()
        if pod["metadata"].get("deletionTimestamp"):
            worker.update(pod)

    def find_log(self, namespace: str, name: str, container: str, *, previous: bool) -> Path | None:
        """Where the output of a container lies, for the kubelet API."""
        with self._lock:
            workers = [*self._workers.values()]
        for worker in workers:
            if worker.is_for(namespace, name):
                return worker.log(container, previous=previous)
        return None

    def serve_logs(self, certificate: Path) -> None:
        address = (layout.NODE_ADDRESS, layout.KUBELET_PORT)
        server = kubelet_api.serve(address, certificate, self.find_log)
        threading.Thread(target=server.serve_forever, daemon=True, name="kubelet-api").start()

    def _warn(self, pod: Object, reason: str, message: str) -> None:
        """An Event of the pod, as `kubectl describe pod` shows it."""
        metadata = pod["metadata"]
        moment = timestamp(now())
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:12]}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Warning",
            "reason": reason,
            "message": message[:1024],
            "count": 1,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "source": {"component": "kubelet", "host": layout.NODE_NAME},
        }
        try:
            self._api.create(event)
        except ApiError:
            # The namespace may be on its way out; the message is also in the container's state.
            return
