"""What the node refuses, it names; what it implements, it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster.embedded.node.images import UnknownImage, images
from cluster.embedded.node.supported import refusals

Object = dict[str, Any]

PROGRAMS = ("pilot-discovery", "pilot-agent", "envoy", "envoy_bootstrap.json")


def with_container(**fields: Any) -> Object:
    return {"containers": [{"name": "c", "image": "i", **fields}]}


def with_volume(**source: Any) -> Object:
    return {"containers": [], "volumes": [{"name": "v", **source}]}


PROBE = {"httpGet": {"port": 80}, "periodSeconds": 1}


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"hostNetwork": True}, "spec.hostNetwork"),
        ({"hostPID": True}, "spec.hostPID"),
        ({"shareProcessNamespace": True}, "spec.shareProcessNamespace"),
        ({"readinessGates": [{"conditionType": "x"}]}, "spec.readinessGates"),
        ({"ephemeralContainers": [{"name": "e"}]}, "spec.ephemeralContainers"),
        ({"hostAliases": [{"ip": "10.0.0.1"}]}, "spec.hostAliases"),
        ({"dnsConfig": {"nameservers": ["10.0.0.1"]}}, "spec.dnsConfig"),
        ({"dnsPolicy": "None"}, "spec.dnsPolicy=None"),
        ({"runtimeClassName": "other"}, "spec.runtimeClassName"),
        ({"activeDeadlineSeconds": 5}, "spec.activeDeadlineSeconds"),
        ({"securityContext": {"seLinuxOptions": {"level": "x"}}}, "spec.securityContext.seLinuxOptions"),
        (with_volume(hostPath={"path": "/"}), "spec.volumes[v].hostPath"),
        (with_volume(persistentVolumeClaim={"claimName": "x"}), "spec.volumes[v].persistentVolumeClaim"),
        (
            with_volume(projected={"sources": [{"clusterTrustBundle": {"path": "x"}}]}),
            "spec.volumes[v].projected.sources.clusterTrustBundle",
        ),
        (with_container(securityContext={"privileged": True}), "spec.containers[c].securityContext.privileged"),
        (with_container(securityContext={"procMount": "Unmasked"}), "spec.containers[c].securityContext.procMount"),
        (with_container(ports=[{"containerPort": 1, "hostPort": 1}]), "spec.containers[c].ports.hostPort"),
        (with_container(livenessProbe={"grpc": {"port": 1}}), "spec.containers[c].livenessProbe.grpc"),
        (with_container(lifecycle={"preStop": {"tcpSocket": {}, "x": 1}}), "spec.containers[c].lifecycle.preStop.x"),
        (with_container(lifecycle={"stopSignal": "SIGUSR1"}), "spec.containers[c].lifecycle.stopSignal"),
        (with_container(volumeDevices=[{"name": "d"}]), "spec.containers[c].volumeDevices"),
        (
            with_container(volumeMounts=[{"name": "v", "mountPath": "/v", "subPathExpr": "$(A)"}]),
            "spec.containers[c].volumeMounts.subPathExpr",
        ),
        (
            with_container(volumeMounts=[{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}]),
            "spec.containers[c].volumeMounts.mountPropagation",
        ),
        (with_container(stdin=True), "spec.containers[c].stdin"),
        (with_container(restartPolicy="Never"), "spec.containers[c].restartPolicy=Never"),
        (
            {"initContainers": [{"name": "i", "restartPolicy": "OnFailure"}]},
            "spec.initContainers[i].restartPolicy=OnFailure",
        ),
        (
            {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]},
            "spec.initContainers[i].securityContext.privileged",
        ),
    ],
)
def test_unsupported_field_is_named(spec: Object, named: str) -> None:
    assert named in refusals({"spec": spec})


def test_every_unsupported_field_is_named_at_once() -> None:
    spec = {"hostNetwork": True, "hostIPC": True, **with_container(tty=True)}
    assert refusals({"spec": spec}) == ("spec.hostNetwork", "spec.hostIPC", "spec.containers[c].tty")


def test_what_is_implemented_or_switched_off_is_taken() -> None:
    spec = {
        "hostNetwork": False,
        "readinessGates": [],
        "dnsPolicy": "ClusterFirst",
        "securityContext": {"fsGroup": 1, "runAsNonRoot": True},
        "volumes": [
            {"name": "e", "emptyDir": {}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": "s"}}]}},
        ],
        "initContainers": [{"name": "i", "image": "i", "restartPolicy": "Always", "startupProbe": PROBE}],
        **with_container(
            livenessProbe={"exec": {"command": ["true"]}},
            readinessProbe={"tcpSocket": {"port": 1}},
            lifecycle={"preStop": {"sleep": {"seconds": 1}}, "postStart": {"exec": {"command": ["true"]}}},
            volumeMounts=[{"name": "e", "mountPath": "/e", "subPath": "x", "readOnly": True}],
            securityContext={"privileged": False, "capabilities": {"drop": ["ALL"]}},
            ports=[{"containerPort": 80}],
            resources={"limits": {"cpu": "1"}},
        ),
    }
    assert refusals({"spec": spec}) == ()


@pytest.mark.parametrize(
    ("reference", "entrypoint"),
    [
        ("docker.io/istio/pilot:1.32", "/usr/local/bin/pilot-discovery"),
        ("istio/proxyv2:x", "/usr/local/bin/pilot-agent"),
        ("conformance/shell:dev", "/bin/sh"),
        ("registry.example:5000/conformance/shell:dev", "/bin/sh"),
    ],
)
def test_known_image_has_its_program(reference: str, entrypoint: str) -> None:
    assert images(dict.fromkeys(PROGRAMS, Path("/x"))).find(reference).entrypoint[0] == entrypoint


@pytest.mark.parametrize("reference", ["nginx:1", "notpilot:1", "conformance/shell"])
def test_unknown_image_is_told_with_those_that_are_known(reference: str) -> None:
    with pytest.raises(UnknownImage) as told:
        images(dict.fromkeys(PROGRAMS, Path("/x"))).find(reference)
    assert f'"{reference}"' in str(told.value)
    for word in ("pilot:*", "proxyv2:*", "conformance/workload:*", "conformance/shell:*", "--cluster kind"):
        assert word in str(told.value)
