"""Names, messages and versions: everything of a kind cluster that is decided without a daemon."""

import os
from pathlib import Path

import pytest
import yaml

from cluster.binaries.catalogue import HERE, read_module
from cluster.binaries.containers import kind_catalogue, oldest_kubernetes
from cluster.binaries.obtain import Obtained
from cluster.kind import owner, runtime, sources, workload
from cluster.kind.asked import Asked
from cluster.kind.config import Machine, dns_objects, kind_config
from cluster.kind.docker import explained
from cluster.kind.docker_init import PORTS
from cluster.model import ClusterError
from conformance.commands.run import joined

MINE = "conformance-{boot}-{pid}-{started}-abcd"


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("Got permission denied while trying to connect to the socket", "may not use Docker's socket"),
        ("Cannot connect to the Docker daemon at unix:///x. Is it running?", "no Docker daemon answers"),
        ("write /var/lib/x: no space left on device", "the disk is full"),
        ("Bind for 127.0.0.1:30080 failed: port is already allocated", "a port that the cluster needs is taken"),
        ("something new", "something new"),
    ],
)
def test_docker_complaints_become_one_message_with_a_hint(output: str, problem: str) -> None:
    error = explained("docker run", f"first line\n{output}\n")
    assert problem in error.problem
    assert error.hint


def test_what_this_process_owns_is_not_of_the_dead() -> None:
    assert not owner.is_of_the_dead(owner.name_of_mine())


def test_what_a_process_that_is_no_more_owned_is_of_the_dead() -> None:
    mine = owner.name_of_mine().split("-")
    # Same number, other start: the number was given to another process since.
    assert owner.is_of_the_dead("-".join([*mine[:3], "1", mine[4]]))


@pytest.mark.parametrize("name", ["kind", "conformance", f"conformance-00000000-{os.getpid()}-1-abcd", "my-1-2-3"])
def test_what_nobody_of_this_machine_made_is_left_alone(name: str) -> None:
    assert not owner.is_of_the_dead(name)


def test_a_runtime_asks_for_no_capability_that_cannot_be_had() -> None:
    process = {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"], "ambient": None}, "args": ["x"]}
    changed = runtime.without(process, frozenset({"CAP_SYS_RESOURCE"}))
    assert changed["capabilities"] == {"bounding": ["CAP_CHOWN"], "ambient": []}
    assert changed["args"] == ["x"]
    assert runtime.without({"args": []}, frozenset({"CAP_CHOWN"})) == {"args": []}


def test_a_node_gets_what_its_machine_needs_and_no_more() -> None:
    plain = kind_config("c", PORTS, Machine(has_old_cgroups=False, lacks_capabilities=False), None)
    assert "failCgroupV1" not in str(plain)
    assert plain["containerdConfigPatches"] == []
    assert plain["networking"]["disableDefaultCNI"] is False
    tags = {"etcd": "v3.6.16", "coredns": "v1.15.0"}
    poor = kind_config("c", PORTS, Machine(has_old_cgroups=True, lacks_capabilities=True), tags)
    patches = {each["kind"]: each for each in map(yaml.safe_load, poor["kubeadmConfigPatches"])}
    assert patches["KubeletConfiguration"]["failCgroupV1"] is False
    assert patches["ClusterConfiguration"]["imageRepository"] == "conformance"
    assert patches["ClusterConfiguration"]["dns"] == {"imageTag": "v1.15.0"}
    assert "restrict_oom_score_adj = true" in poor["containerdConfigPatches"][0]


def test_the_ingress_gateways_node_ports_are_mapped() -> None:
    config = kind_config("c", {"api": 1, "http": 2, "https": 3}, Machine(False, False), None)  # noqa: FBT003
    values = yaml.safe_load(Path("manifests/istio/values.yaml").read_text())
    ports = values["spec"]["values"]["gateways"]["istio-ingressgateway"]["ports"]
    known = {each["nodePort"] for each in ports}
    mapped = config["nodes"][0]["extraPortMappings"]
    assert {each["containerPort"] for each in mapped} <= known
    assert [each["hostPort"] for each in mapped] == [2, 3]


def test_dns_knows_the_outside_world() -> None:
    corefile = dns_objects()[0]["data"]["Corefile"]
    assert "ext-svc.outside.svc.cluster.local" in corefile
    assert corefile.count("{") == corefile.count("}")


def test_kubelet_and_the_control_plane_are_of_one_version() -> None:
    versions = {read_module(HERE / each, "k8s.io/kubernetes").version for each in ("kubernetes", "kubelet")}
    assert len(versions) == 1


def test_names_of_programs_are_unique() -> None:
    names = [each.name for each in kind_catalogue()]
    assert len(names) == len(set(names))


def _programs(tmp_path: Path) -> dict[str, Obtained]:
    source = tmp_path / "version.go"
    source.write_text("\tMinK8SVersion               = 32\n")
    versions = {"kubelet": "v1.36.3", "pilot-discovery": "1.32.0-alpha.eed", "istioctl": "1.32.0-alpha.eed"}
    found = {name: Obtained(name, source, version, "built") for name, version in versions.items()}
    return {**found, "k8sversion.go": Obtained("k8sversion.go", source, "1.32.0", "file")}


@pytest.mark.parametrize(
    "asked",
    [Asked(), Asked(kubernetes="v1.36.3"), Asked(istio="1.32"), Asked(istio="1.32.0"), Asked(istio="1.32.0-alpha.eed")],
)
def test_versions_that_are_there_are_taken(asked: Asked, tmp_path: Path) -> None:
    sources.choose(asked).refuse(_programs(tmp_path))


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (Asked(kubernetes="1.36"), "is no version"),
        (Asked(kubernetes="v9.99.9"), "Kubernetes v9.99.9 is not there"),
        (Asked(kubernetes="v1.27.3"), "Istio 1.32.0-alpha.eed does not support Kubernetes v1.27.3"),
        (Asked(istio="latest!"), "is no version"),
        (Asked(istio="1.3"), "Istio 1.3 is not there"),
        (Asked(registry=True), "--registry needs --kubernetes"),
        (Asked(registry=True, kubernetes="v1.36.1"), "--registry needs --istio"),
    ],
)
def test_versions_that_are_not_there_are_refused(asked: Asked, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=problem):
        sources.choose(asked).refuse(_programs(tmp_path))


def test_two_sources_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="two sources"):
        sources.choose(Asked(folder=tmp_path, registry=True))


def test_the_oldest_kubernetes_is_istioctls_own_word() -> None:
    assert oldest_kubernetes("const (\n\tMinK8SVersion               = 32\n)") == 32


def test_the_application_brings_what_it_imports() -> None:
    assert {"uvicorn", "httptools", "uvloop"} <= set(workload.distributions())
    assert "kubernetes" not in workload.distributions()
    assert "--hash=sha256:" in workload.requirements()


def test_the_folder_of_images_is_no_folder_of_scenarios() -> None:
    words = ["--cluster", "kind", "--images", "/tmp", "my.yaml", "--images=x"]
    assert joined(words) == ["--cluster", "kind", "--images=/tmp", "my.yaml", "--images=x"]
