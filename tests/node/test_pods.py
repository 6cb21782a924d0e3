"""The life of pods on a real Kubernetes: order, ends, restarts, probes, identity, logs."""

from __future__ import annotations

import re
import subprocess
import time
from typing import Any

import pytest

from cluster.api import ApiError
from tests.node.lab import NAMESPACE, WORKLOAD, Lab, conditions, container, declare, pod, shell

Object = dict[str, Any]

SHARED = [{"name": "shared", "mountPath": "/shared"}]
EMPTY = [{"name": "shared", "emptyDir": {}}]


def init(name: str, script: str, **fields: Any) -> Object:
    return {**shell(script, **fields), "name": name}


def serving(name: str, **fields: Any) -> Object:
    """The project's own workload on port 8080."""
    names = ("WORKLOAD", "POD_NAME", "SERVICE")
    env = [*({"name": each, "value": name} for each in names), {"name": "PORTS", "value": "8080"}]
    return {"name": "main", "image": WORKLOAD, "env": env, "ports": [{"name": "http", "containerPort": 8080}], **fields}


# Runs /bin/sh as PID 1, which the kernel sends no SIGTERM unless it has a handler for it.
LEAVES = "trap 'echo leaving; exit 0' TERM; echo up; while true; do sleep 0.05; done"

ORDER = pod(
    "order",
    shell("cat /shared/steps", volumeMounts=SHARED),
    initContainers=[
        init("first", "sleep 0.3; echo first >> /shared/steps", volumeMounts=SHARED),
        init("second", "echo second >> /shared/steps; cat /shared/steps", volumeMounts=SHARED),
    ],
    volumes=EMPTY,
)
INIT_FAILS = pod("init-fails", shell("true"), initContainers=[init("breaks", "echo no luck; exit 7")])
INIT_RETRIES = pod(
    "init-retries",
    shell("echo reached"),
    initContainers=[init("retries", "test -e /shared/x || { touch /shared/x; exit 1; }", volumeMounts=SHARED)],
    volumes=EMPTY,
    restartPolicy="OnFailure",
)
SIDECAR = pod(
    "sidecar",
    shell(
        "cat /shared/side; trap 'echo main >> /shared/ends; exit' TERM; while true; do sleep 0.05; done",
        volumeMounts=SHARED,
        readinessProbe={"exec": {"command": ["true"]}},
    ),
    initContainers=[
        init(
            "side",
            "sleep 0.5; echo side is up > /shared/side; touch /tmp/started;"
            " trap 'echo side >> /shared/ends; cat /shared/ends > /proc/1/fd/1; sleep 1; exit' TERM;"
            " while true; do sleep 0.05; done",
            restartPolicy="Always",
            volumeMounts=SHARED,
            startupProbe={"exec": {"command": ["test", "-e", "/tmp/started"]}, "periodSeconds": 1},
            lifecycle={
                "preStop": {"exec": {"command": ["sh", "-c", "echo hook in $(hostname) as $(id -u) >> /shared/ends"]}}
            },
        )
    ],
    volumes=EMPTY,
    terminationGracePeriodSeconds=10,
)
JOB_SIDECAR = pod(
    "job-sidecar",
    shell("echo work is done"),
    initContainers=[init("side", LEAVES, restartPolicy="Always")],
)
CRASHES = pod("crashes", shell("echo run; sleep 0.1; exit 5"), restartPolicy="Always")
ENDS_WELL = pod("ends-well", shell("seq 1 5"))
# 11 MB within a moment, and a last word when the node has had the time to see that.
TALKATIVE = pod("talkative", shell("yes 'much is said here' | head -c 11000000; sleep 5; echo the end"))
KILLED = pod("killed", shell("sh -c 'kill -9 $$$$'; exit $?"))
HTTP = pod(
    "http",
    serving("http", readinessProbe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}),
    labels={"app": "http"},
)
GATED = pod(
    "gated",
    shell(
        "while true; do sleep 0.05; done",
        readinessProbe={
            "exec": {"command": ["test", "-e", "/shared/ready"]},
            "periodSeconds": 1,
            "failureThreshold": 1,
        },
        volumeMounts=SHARED,
    ),
    volumes=[{"name": "shared", "configMap": {"name": "gate", "optional": True}}],
    labels={"app": "gated"},
)
declare(
    {
        "kind": "Service",
        "metadata": {"name": "gated"},
        "spec": {"selector": {"app": "gated"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
)
TCP = pod(
    "tcp",
    serving(
        "tcp",
        startupProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 60},
        readinessProbe={"tcpSocket": {"port": "http"}},
    ),
)
UNHEALTHY = pod(
    "unhealthy",
    shell(
        "touch /tmp/ok; sleep 1; rm /tmp/ok; sleep 1000",
        livenessProbe={"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 1},
    ),
    restartPolicy="Always",
)
NEVER_STARTS = pod(
    "never-starts",
    shell("sleep 1000", startupProbe={"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}),
    restartPolicy="Always",
)
HANGING_PROBE = pod(
    "hanging-probe",
    shell(
        "sleep 4; ls -d /proc/[0-9]*/ | while read d; do tr '\\0' ' ' < $d/cmdline; echo; done 2>/dev/null",
        readinessProbe={"exec": {"command": ["sleep", "543"]}, "periodSeconds": 1, "timeoutSeconds": 1},
    ),
)
HOOKED = pod(
    "hooked",
    shell(
        "sleep 1; cat /shared/hook",
        volumeMounts=SHARED,
        lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "hostname > /shared/hook"]}}},
    ),
    volumes=EMPTY,
)
GRACEFUL = pod("graceful", shell(LEAVES), terminationGracePeriodSeconds=30)
STUBBORN = pod("stubborn", shell("trap '' TERM; echo up; while true; do sleep 0.05; done"))
NO_SUCH_COMMAND = pod("no-such-command", shell("", command=["no-such-program"]))
COMMAND_IS_A_FOLDER = pod("command-is-a-folder", shell("", command=["/tmp"], securityContext={"runAsUser": 1234}))
CRASHES_WITHOUT_COMMAND = pod("crashes-without-command", shell("", command=["./absent"]), restartPolicy="Always")
ENDS_LIKE_NO_COMMAND = pod("ends-like-no-command", shell("no-such-program; exit 127"))
UNKNOWN_IMAGE = pod("unknown-image", {"name": "main", "image": "nginx:1"})
REFUSED = pod("refused", shell("true"), hostNetwork=True, volumes=[{"name": "h", "hostPath": {"path": "/"}}])
BAD_SYSCTL = pod("bad-sysctl", shell("true"), securityContext={"sysctls": [{"name": "net.no.such", "value": "1"}]})
DELETED = pod("deleted", shell("sleep 1000"), volumes=EMPTY)

AS_USER = pod(
    "as-user",
    shell(
        "id -u; id -g; id -G; cat /shared/x; echo; touch /empty/y; stat -c %g /empty/y",
        volumeMounts=[*SHARED, {"name": "empty", "mountPath": "/empty"}],
    ),
    securityContext={"runAsUser": 1234, "runAsGroup": 2345, "fsGroup": 3456, "supplementalGroups": [4567]},
    volumes=[
        {
            "name": "shared",
            "downwardAPI": {"defaultMode": 0o400, "items": [{"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]},
        },
        {"name": "empty", "emptyDir": {}},
    ],
)
ROOT_REFUSED = pod("root-refused", shell("true", securityContext={"runAsNonRoot": True}))
READ_ONLY = pod(
    "read-only",
    shell(
        "touch /x || echo root is closed; touch /tmp/x /shared/x && echo the rest is open",
        securityContext={"readOnlyRootFilesystem": True},
        volumeMounts=[*SHARED],
    ),
    volumes=EMPTY,
)
_LINK = "ip link add one type veth peer name two && echo made || echo refused"
POWERLESS = pod("powerless", shell(_LINK))
POWERFUL = pod("powerful", shell(_LINK, securityContext={"capabilities": {"add": ["NET_ADMIN"]}}))
DROPPED = pod(
    "dropped",
    shell(
        "grep CapEff /proc/self/status; chown 1 /tmp || echo refused",
        securityContext={"capabilities": {"drop": ["ALL"]}},
    ),
)
ALL_POWERFUL = pod("all-powerful", shell(_LINK, securityContext={"capabilities": {"add": ["ALL"]}}))


def test_init_containers_run_in_order_and_share_an_empty_dir(world: Lab) -> None:
    assert world.output(ORDER) == "first\nsecond\n"
    assert world.log(ORDER, "second") == "first\nsecond\n"
    status = world.pod(ORDER)["status"]
    first, second = (container(status, name)["state"]["terminated"] for name in ("first", "second"))
    assert first["reason"] == "Completed"
    assert first["finishedAt"] <= second["startedAt"]


def test_failed_init_container_fails_a_pod_that_never_restarts(world: Lab) -> None:
    status = world.ended(INIT_FAILS)["status"]
    assert status["phase"] == "Failed"
    assert container(status, "breaks")["state"]["terminated"]["exitCode"] == 7
    assert container(status)["state"]["waiting"]["reason"] == "PodInitializing"
    assert world.log(INIT_FAILS, "breaks") == "no luck\n"


def test_failed_init_container_is_tried_again(world: Lab) -> None:
    assert world.output(INIT_RETRIES) == "reached\n"
    retried = container(world.pod(INIT_RETRIES)["status"], "retries")
    assert retried["restartCount"] == 1
    assert retried["lastState"]["terminated"]["exitCode"] == 1


def test_sidecar_starts_before_and_stops_after_the_main_container(world: Lab) -> None:
    world.ready(SIDECAR)
    assert world.log(SIDECAR) == "side is up\n"
    side, main = (container(world.pod(SIDECAR)["status"], name) for name in ("side", "main"))
    assert side["started"]
    assert side["state"]["running"]["startedAt"] <= main["state"]["running"]["startedAt"]
    uid = world.pod(SIDECAR)["metadata"]["uid"]
    written = world.world.home / "logs" / "pods" / f"{NAMESPACE}_{SIDECAR}_{uid}" / "side" / "0.log"
    world.delete(SIDECAR)
    assert written.read_text() == f"main\nhook in {SIDECAR} as 0\nside\n"


def test_sidecar_of_a_pod_that_is_done_is_stopped(world: Lab) -> None:
    assert world.ended(JOB_SIDECAR)["status"]["phase"] == "Succeeded"
    world.until_logged(JOB_SIDECAR, "leaving", "side")
    ended = world.when(JOB_SIDECAR, "sidecar ends", lambda status: "terminated" in container(status, "side")["state"])
    assert ended["status"]["phase"] == "Succeeded"
    assert container(ended["status"], "side")["restartCount"] == 0


def test_crashing_container_is_restarted_with_back_off(world: Lab) -> None:
    waiting = world.when(
        CRASHES, "is in back-off", lambda status: container(status)["state"].get("waiting", {}).get("reason")
    )
    told = container(waiting["status"])
    assert told["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert waiting["status"]["phase"] == "Running"
    assert told["lastState"]["terminated"]["exitCode"] == 5
    later = world.when(CRASHES, "was restarted twice", lambda status: container(status)["restartCount"] >= 2)
    assert conditions(later["status"])["Ready"] == "False"


def test_logs_of_a_crashing_container_are_those_of_its_last_run(world: Lab) -> None:
    world.when(CRASHES, "was restarted", lambda status: container(status)["restartCount"] >= 1)
    for _ in range(10):
        assert world.log(CRASHES) in ("run\n", "")
        assert world.log(CRASHES, previous="true") == "run\n"
        time.sleep(0.05)


def test_pod_that_ends_well_has_succeeded(world: Lab) -> None:
    status = world.ended(ENDS_WELL)["status"]
    assert status["phase"] == "Succeeded"
    assert container(status)["state"]["terminated"]["exitCode"] == 0
    assert conditions(status)["Ready"] == "False"
    assert conditions(status)["PodScheduled"] == "True"
    assert re.fullmatch(r"10\.244\.\d+\.\d+", status["podIP"])
    assert status["hostIP"] == "172.30.0.1"
    assert status["qosClass"] == "BestEffort"


def test_exit_by_a_signal_is_128_and_its_number(world: Lab) -> None:
    assert container(world.ended(KILLED)["status"])["state"]["terminated"]["exitCode"] == 137


def test_logs_can_be_cut(world: Lab) -> None:
    assert world.output(ENDS_WELL) == "1\n2\n3\n4\n5\n"
    assert world.log(ENDS_WELL, tailLines=2) == "4\n5\n"
    assert world.log(ENDS_WELL, tailLines=0) == ""
    assert world.log(ENDS_WELL, limitBytes=3) == "1\n2"
    with pytest.raises(ApiError):
        world.log(ENDS_WELL, previous="true")


def test_followed_log_ends_with_its_container(world: Lab) -> None:
    world.ended(ENDS_WELL)
    assert world.log(ENDS_WELL, follow="true") == "1\n2\n3\n4\n5\n"


def test_log_that_grew_too_long_is_cut_and_says_so(world: Lab) -> None:
    # It may have said all it has to say before this test comes to it.
    world.when(TALKATIVE, "has begun", lambda status: "waiting" not in container(status)["state"])
    assert world.log(TALKATIVE, follow="true").endswith("\nthe end\n")
    left = world.output(TALKATIVE)
    assert len(left) < 2**20
    lines = left.splitlines()
    assert lines[-1] == "the end"
    assert any(line.startswith("[the embedded node dropped ") for line in lines)


def test_kubectl_shows_pods_and_logs(world: Lab) -> None:
    world.ended(ENDS_WELL)

    def kubectl(*arguments: str) -> str:
        command = [
            str(world.kubectl),
            "--kubeconfig",
            str(world.world.kubeconfig),
            "--namespace",
            NAMESPACE,
            *arguments,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    name, ready, status, restarts, _ = kubectl("get", "pod", ENDS_WELL, "--no-headers").split()
    assert (name, ready, status, restarts) == (ENDS_WELL, "0/1", "Completed", "0")
    assert kubectl("logs", ENDS_WELL, "--tail=1") == "5\n"


def test_readiness_gates_the_endpoint(world: Lab) -> None:
    def endpoint_is(ready: bool) -> bool | None:  # noqa: FBT001  reads well at both calls
        selector = "kubernetes.io/service-name=gated"
        slices = world.api.items("discovery.k8s.io/v1", "EndpointSlice", NAMESPACE, label_selector=selector)
        found = [each["conditions"]["ready"] for one in slices for each in one.get("endpoints") or ()]
        return found == [ready] or None

    world.until("the endpoint is there, not ready", lambda: endpoint_is(ready=False))
    world.until_event(GATED, "main: readiness probe failed: exit code 1")
    gate = {"name": "gate", "namespace": NAMESPACE}
    world.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": gate, "data": {"ready": ""}})
    world.ready(GATED)
    world.until("the endpoint is ready", lambda: endpoint_is(ready=True))


def test_http_readiness_probe_sees_a_server_by_the_name_of_its_port(world: Lab) -> None:
    assert container(world.ready(HTTP)["status"])["ready"]


def test_tcp_probes_see_an_open_port(world: Lab) -> None:
    told = container(world.ready(TCP)["status"])
    assert told["started"]
    assert told["restartCount"] == 0


def test_liveness_failure_restarts_the_container(world: Lab) -> None:
    status = world.when(UNHEALTHY, "was restarted", lambda status: container(status)["restartCount"] >= 1)["status"]
    # Its grace period is one second, and a shell as PID 1 does not hear SIGTERM.
    ended = container(status)["lastState"]["terminated"]
    assert ended["exitCode"] == 137
    world.until_event(UNHEALTHY, "main: livenessProbe failed, restarting: exit code 1")


def test_startup_failure_restarts_the_container(world: Lab) -> None:
    world.when(NEVER_STARTS, "was restarted", lambda status: container(status)["restartCount"] >= 1)
    world.until_event(NEVER_STARTS, "main: startupProbe failed, restarting: ConnectionRefusedError")


def test_probe_that_hangs_is_ended(world: Lab) -> None:
    assert world.output(HANGING_PROBE).count("sleep 543") <= 1


def test_post_start_hook_runs_inside(world: Lab) -> None:
    assert world.output(HOOKED) == f"{HOOKED}\n"


def test_container_that_hears_sigterm_leaves_at_once(world: Lab) -> None:
    world.until_logged(GRACEFUL, "up")
    assert world.delete(GRACEFUL) < 5


def test_container_that_does_not_is_killed_after_its_grace_period(world: Lab) -> None:
    world.until_logged(STUBBORN, "up")
    assert 1 <= world.delete(STUBBORN) < 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (NO_SUCH_COMMAND, 'exec: "no-such-program": No such file or directory'),
        (COMMAND_IS_A_FOLDER, 'exec: "/tmp": Permission denied'),
    ],
)
def test_command_that_cannot_be_run_is_told(world: Lab, name: str, message: str) -> None:
    ended = container(world.ended(name)["status"])["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (128, "StartError", message)


def test_command_that_cannot_be_run_is_tried_again(world: Lab) -> None:
    status = world.when(
        CRASHES_WITHOUT_COMMAND, "was restarted", lambda status: container(status)["restartCount"] >= 1
    )["status"]
    assert container(status)["lastState"]["terminated"]["reason"] == "StartError"


def test_exit_code_of_a_shell_without_its_command_is_its_own(world: Lab) -> None:
    ended = container(world.ended(ENDS_LIKE_NO_COMMAND)["status"])["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (127, "Error")


def test_unknown_image_is_told(world: Lab) -> None:
    status = world.when(
        UNKNOWN_IMAGE, "waits", lambda status: container(status)["state"].get("waiting", {}).get("message")
    )
    waiting = container(status["status"])["state"]["waiting"]
    assert waiting["reason"] == "ErrImagePull"
    assert waiting["message"].startswith('no program stands in for image "nginx:1"')
    assert status["status"]["phase"] == "Pending"
    world.until_event(UNKNOWN_IMAGE, 'Failed: main: no program stands in for image "nginx:1"')


def test_refused_fields_are_named_in_an_event(world: Lab) -> None:
    world.until_event(REFUSED, "the embedded node does not implement spec.hostNetwork, spec.volumes[h].hostPath")
    assert world.pod(REFUSED)["status"]["phase"] == "Pending"
    world.delete(REFUSED)


def test_network_that_cannot_be_made_is_told(world: Lab) -> None:
    world.until_event(BAD_SYSCTL, "net/no/such")
    world.delete(BAD_SYSCTL)


def test_deletion_removes_network_and_files(world: Lab) -> None:
    found = world.ready(DELETED)
    folder = world.world.home / "pods" / found["metadata"]["uid"]
    root = world.world.home.parents[1]
    assert (folder / "volumes" / "shared").is_dir()

    def routes() -> str:
        enter = ["nsenter", f"--net=/proc/{world.world.pid}/ns/net", "ip", "route"]
        return subprocess.run(enter, check=True, capture_output=True, text=True).stdout

    device = re.search(rf"{re.escape(found['status']['podIP'])} dev veth(\d+)", routes())
    assert device
    namespace = root / "run" / "netns" / f"pod{device[1]}"
    assert namespace.exists()
    world.delete(DELETED)
    assert not folder.exists()
    assert not namespace.exists()
    assert device[0] not in routes()


def test_container_runs_as_the_user_and_groups_it_asks_for(world: Lab) -> None:
    user, group, groups, downward, made = world.output(AS_USER).splitlines()
    assert (user, group) == ("1234", "2345")
    assert set(groups.split()) == {"2345", "3456", "4567"}
    assert downward == AS_USER
    assert made == "3456"


def test_root_is_refused_to_a_container_that_must_not_be(world: Lab) -> None:
    world.until_event(ROOT_REFUSED, "container has runAsNonRoot and would run as root")
    assert container(world.pod(ROOT_REFUSED)["status"])["state"]["waiting"]["reason"] == "CreateContainerConfigError"


def test_root_file_system_can_be_read_only(world: Lab) -> None:
    lines = world.output(READ_ONLY).splitlines()
    assert lines[1:] == ["root is closed", "the rest is open"]


def test_network_is_changed_only_with_the_capability(world: Lab) -> None:
    assert world.output(POWERLESS).endswith("refused\n")
    assert world.output(POWERFUL) == "made\n"
    assert world.output(ALL_POWERFUL) == "made\n"
    assert world.output(DROPPED).splitlines()[0].split() == ["CapEff:", "0000000000000000"]
    assert world.output(DROPPED).endswith("refused\n")
