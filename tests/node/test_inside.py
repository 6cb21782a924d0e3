"""What a container finds inside: variables, volumes, names and addresses."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from cluster.api import Reference
from tests.node.lab import NAMESPACE, WORKLOAD, Lab, configuration, container, declare, pod, shell

Object = dict[str, Any]

SETTINGS = configuration("settings", GREETING="hello", OTHER="$(GREETING)")
CHANGING = configuration("changing", value="before")
declare({"kind": "Secret", "metadata": {"name": "password"}, "stringData": {"word": "hidden"}})


def variable(name: str, **source: Any) -> Object:
    return {"name": name, "valueFrom": source}


VARIABLES = pod(
    "variables",
    {
        **shell('env; echo "args: $0 $1"'),
        "args": ["-c", 'env; echo "args: $0 $1"', "$(JOINED)", "$$(JOINED)"],
        "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}},
        "envFrom": [{"prefix": "ALL_", "configMapRef": {"name": SETTINGS}}, {"secretRef": {"name": "password"}}],
        "env": [
            variable("POD", fieldRef={"fieldPath": "metadata.name"}),
            variable("IP", fieldRef={"fieldPath": "status.podIP"}),
            variable("APP", fieldRef={"fieldPath": "metadata.labels['app']"}),
            variable("ACCOUNT", fieldRef={"fieldPath": "spec.serviceAccountName"}),
            variable("MEMORY", resourceFieldRef={"resource": "limits.memory", "divisor": "1Mi"}),
            variable("CPU", resourceFieldRef={"resource": "requests.cpu"}),
            variable("GREETING", configMapKeyRef={"name": SETTINGS, "key": "GREETING"}),
            variable("PASSWORD", secretKeyRef={"name": "password", "key": "word"}),
            variable("ABSENT", configMapKeyRef={"name": "absent", "key": "x", "optional": True}),
            {"name": "JOINED", "value": "$(GREETING)-$(POD)"},
        ],
    },
    labels={"app": "vars"},
)

_VOLUMES = [
    {"name": "cm", "configMap": {"name": SETTINGS, "defaultMode": 0o400}},
    {"name": "items", "configMap": {"name": SETTINGS, "items": [{"key": "GREETING", "path": "a/b", "mode": 0o600}]}},
    {"name": "secret", "secret": {"secretName": "password"}},
    {
        "name": "joined",
        "projected": {
            "sources": [
                {"serviceAccountToken": {"path": "token", "audience": "somebody", "expirationSeconds": 600}},
                {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                {"configMap": {"name": "kube-root-ca.crt"}},
            ]
        },
    },
    {"name": "scratch", "emptyDir": {}},
]
_MOUNTS = [
    *({"name": each["name"], "mountPath": f"/v/{each['name']}"} for each in _VOLUMES),
    {"name": "cm", "mountPath": "/one/file", "subPath": "OTHER"},
    {"name": "scratch", "mountPath": "/part", "subPath": "deep/part"},
    {"name": "secret", "mountPath": "/v/scratch/inner"},
]
VOLUMES = pod(
    "volumes",
    shell(
        "cd /v; for f in cm/GREETING items/a/b secret/word joined/token joined/labels /one/file scratch/inner/word; do "
        "echo $f $(stat -L -c %a $f) $(cat $f); done; ls items; head -1 joined/ca.crt;"
        " touch cm/new || echo read-only; touch /part/made; ls scratch/deep/part",
        volumeMounts=_MOUNTS,
    ),
    volumes=_VOLUMES,
    labels={"app": "vols"},
)
SEES_CHANGES = pod(
    "sees-changes",
    shell(
        "cp /sub /tmp/sub; until grep after /v/value; do sleep 0.1; done; cat /sub",
        volumeMounts=[{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/sub", "subPath": "value"}],
    ),
    volumes=[{"name": "v", "configMap": {"name": CHANGING}}],
)
WAITS_FOR_VOLUME = pod(
    "waits-for-volume",
    shell("cat /v/key", volumeMounts=[{"name": "v", "mountPath": "/v"}]),
    volumes=[{"name": "v", "configMap": {"name": "late-volume"}}],
)
WAITS_FOR_VARIABLE = pod(
    "waits-for-variable",
    shell("echo $KEY", env=[variable("KEY", configMapKeyRef={"name": "late-variable", "key": "key"})]),
)
SERVER = pod(
    "server",
    {
        "name": "main",
        "image": WORKLOAD,
        "env": [
            {"name": "PORTS", "value": "8080"},
            *({"name": each, "value": "server"} for each in ("WORKLOAD", "POD_NAME", "SERVICE")),
        ],
        "readinessProbe": {"tcpSocket": {"port": 8080}},
    },
    labels={"app": "server"},
)
declare(
    {
        "kind": "Service",
        "metadata": {"name": "server"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "server"},
            "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30123}],
        },
    }
)
CLIENT = pod(
    "client",
    shell(
        "getent hosts server && getent hosts kubernetes.default && getent hosts $HOSTNAME;"
        " for at in server server.node-tests.svc.cluster.local:80 $NODE:30123; do"
        " curl --silent --output /dev/null --max-time 5 --retry 60 --retry-delay 1 --retry-all-errors"
        " --write-out 'status %{http_code}\\n' http://$at/; done",
        env=[variable("NODE", fieldRef={"fieldPath": "status.hostIP"})],
    ),
)


def test_variables_come_from_everywhere(world: Lab) -> None:
    written = world.output(VARIABLES)
    found = dict(line.split("=", 1) for line in written.splitlines() if "=" in line)
    expected = {
        "ALL_GREETING": "hello",
        "ALL_OTHER": "$(GREETING)",
        "word": "hidden",
        "POD": VARIABLES,
        "IP": world.pod(VARIABLES)["status"]["podIP"],
        "APP": "vars",
        "ACCOUNT": "default",
        "MEMORY": "64",
        "CPU": "1",
        "GREETING": "hello",
        "PASSWORD": "hidden",
        "JOINED": f"hello-{VARIABLES}",
        "HOSTNAME": VARIABLES,
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert "ABSENT" not in found
    assert f"args: hello-{VARIABLES} $(JOINED)" in written


def test_volumes_show_what_they_are_made_of(world: Lab) -> None:
    lines = world.output(VOLUMES).splitlines()
    files = {name: (mode, text) for name, mode, text in (line.split(" ", 2) for line in lines if line.count(" ") == 2)}
    token = files.pop("joined/token")[1]
    assert files == {
        "cm/GREETING": ("400", "hello"),
        "items/a/b": ("600", "hello"),
        "secret/word": ("644", "hidden"),
        "joined/labels": ("644", 'app="vols"'),
        "/one/file": ("400", "$(GREETING)"),
        "scratch/inner/word": ("644", "hidden"),
    }
    assert lines[7:9] == ["a", "-----BEGIN CERTIFICATE-----"]
    assert lines[-2:] == ["read-only", "made"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == ["somebody"]
    assert claims["sub"] == f"system:serviceaccount:{NAMESPACE}:default"
    assert claims["kubernetes.io"]["pod"]["name"] == VOLUMES


def test_changed_config_map_reaches_the_volume_but_not_a_sub_path(world: Lab) -> None:
    world.when(SEES_CHANGES, "runs", lambda status: "running" in container(status)["state"])
    world.api.patch(Reference("v1", "ConfigMap", NAMESPACE, CHANGING), {"data": {"value": "after"}})
    assert world.output(SEES_CHANGES).splitlines() == ["after", "before"] or world.log(SEES_CHANGES) == "after\nbefore"


def test_pod_waits_for_the_config_map_of_a_volume(world: Lab) -> None:
    world.until_event(WAITS_FOR_VOLUME, 'FailedMount: ConfigMap "late-volume" not found')
    assert world.pod(WAITS_FOR_VOLUME)["status"]["phase"] == "Pending"
    late = {"name": "late-volume", "namespace": NAMESPACE}
    world.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": late, "data": {"key": "here"}})
    assert world.output(WAITS_FOR_VOLUME) == "here"


def test_container_waits_for_the_config_map_of_a_variable(world: Lab) -> None:
    world.until_event(WAITS_FOR_VARIABLE, 'main: ConfigMap "late-variable" not found')
    waiting = container(world.pod(WAITS_FOR_VARIABLE)["status"])["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    late = {"name": "late-variable", "namespace": NAMESPACE}
    world.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": late, "data": {"key": "here"}})
    assert world.output(WAITS_FOR_VARIABLE) == "here\n"
    assert container(world.pod(WAITS_FOR_VARIABLE)["status"])["restartCount"] == 0


def test_pod_resolves_services_and_reaches_them(world: Lab) -> None:
    world.ready(SERVER)
    server, kubernetes, own, *statuses = world.output(CLIENT).splitlines()
    assert re.fullmatch(rf"10\.96\.\d+\.\d+ +server\.{NAMESPACE}\.svc\.cluster\.local", server)
    assert kubernetes.split() == ["10.96.0.1", "kubernetes.default.svc.cluster.local"]
    assert own.split()[0] == world.pod(CLIENT)["status"]["podIP"]
    assert len(statuses) == 3
    assert all(re.fullmatch(r"status [2-4]\d\d", each) for each in statuses)
