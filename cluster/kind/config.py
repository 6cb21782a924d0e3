"""The configuration files of one kind cluster: kind's own, and what CoreDNS answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster.api import Object
from cluster.kind.docker_init import PORTS
from cluster.kind.recipes import REPOSITORY

_OUTSIDE = Path(__file__).resolve().parents[2] / "manifests" / "outside.coredns"
_DOMAINS = "cluster.local in-addr.arpa ip6.arpa"
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Machine:
    """What has been found out about the machine and its daemon."""

    has_old_cgroups: bool
    lacks_capabilities: bool


def kind_config(
    name: str, ports: Mapping[str, int], machine: Machine, tags: Mapping[str, str] | None
) -> dict[str, Any]:
    """One node whose API server and ingress NodePorts are on 127.0.0.1 of the daemon's machine.

    `tags`, of etcd and coredns, are those of images that were built here; None for kind's own node image.
    """
    mappings = [
        {"containerPort": PORTS[each], "hostPort": ports[each], "listenAddress": _HOST} for each in ("http", "https")
    ]
    capabilities = {"restrict_oom_score_adj": True}
    cri = {"version": 2, "plugins": {"io.containerd.grpc.v1.cri": capabilities}}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": name,
        "networking": {
            "apiServerAddress": _HOST,
            "apiServerPort": ports["api"],
            # As in the embedded cluster; iptables mode would do as well.
            "kubeProxyMode": "nftables",
            "podSubnet": "10.244.0.0/16",
            # Our node image has a CNI configuration for its one node; kind's own brings kindnet.
            "disableDefaultCNI": tags is not None,
        },
        "nodes": [{"role": "control-plane", "extraPortMappings": mappings}],
        "kubeadmConfigPatches": [yaml.safe_dump(each) for each in _patches(machine, tags)],
        "containerdConfigPatches": [_toml(cri)] if machine.lacks_capabilities else [],
    }


def _toml(cri: Mapping[str, Any]) -> str:
    ((plugin, settings),) = cri["plugins"].items()
    lines = [f"{name} = {str(value).lower()}" for name, value in settings.items()]
    return "\n".join((f"version = {cri['version']}", f'[plugins."{plugin}"]', *lines))


def _patches(machine: Machine, tags: Mapping[str, str] | None) -> list[dict[str, Any]]:
    # minSyncPeriod as in the embedded cluster: its default delays every new Service and endpoint by a second.
    proxy = {"kind": "KubeProxyConfiguration", "nftables": {"minSyncPeriod": "50ms"}}
    # The data never outlives the cluster, so there is nothing to protect from a power cut.
    unsafe = [{"name": "unsafe-no-fsync", "value": "true"}]
    patches: list[dict[str, Any]] = [proxy]
    if tags is not None:
        etcd = {"local": {"imageTag": tags["etcd"], "extraArgs": unsafe}}
        dns = {"imageTag": tags["coredns"]}
        patches.append({"kind": "ClusterConfiguration", "imageRepository": REPOSITORY, "etcd": etcd, "dns": dns})
    if machine.has_old_cgroups:
        # From 1.35 on kubelet wants to be told that this is meant.
        patches.append({"kind": "KubeletConfiguration", "failCgroupV1": False})
    return patches


def dns_objects() -> list[Object]:
    """CoreDNS as in the embedded cluster: the outside world's names lead into the cluster, others do not exist."""
    outside = "\n".join(f"    {line}" for line in _OUTSIDE.read_text().splitlines())
    corefile = f""".:53 {{
    errors
    health {{
        lameduck 1s
    }}
    ready
{outside}
    kubernetes {_DOMAINS} {{
        pods insecure
        ttl 0
    }}
    file /etc/coredns/root.zone .
    reload
}}
"""
    zone = ". 60 IN SOA ns.invalid. nobody.invalid. 1 60 60 60 60\n. 60 IN NS ns.invalid.\n"
    files = [{"key": name, "path": name} for name in ("Corefile", "root.zone")]
    volume = {"name": "config-volume", "configMap": {"name": "coredns", "items": files}}
    template = {"metadata": {"annotations": {"conformance/names": "outside"}}, "spec": {"volumes": [volume]}}
    metadata = {"name": "coredns", "namespace": "kube-system"}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"Corefile": corefile, "root.zone": zone},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"replicas": 1, "template": template},
        },
    ]
