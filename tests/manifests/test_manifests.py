"""What the manifests promise to every cluster and to the harness."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from cluster.outside import HOSTS, outside_certificates

MANIFESTS = Path(__file__).parents[2] / "manifests"
FILES = ("bookinfo.yaml", "guestbook.yaml", "clients.yaml", "outside.yaml")
IMAGE = "conformance/workload:dev"
FIXED_NAMESPACE = {"outside.yaml": "outside"}

Manifest = dict[str, Any]


def _manifests(file: str, kind: str = "") -> list[Manifest]:
    documents = list(yaml.safe_load_all((MANIFESTS / file).read_text()))
    return [document for document in documents if kind in {"", document["kind"]}]


def _all(kind: str) -> list[Any]:
    return [
        pytest.param(manifest, id=f"{file}:{manifest['metadata']['name']}")
        for file in FILES
        for manifest in _manifests(file, kind)
    ]


def _environment(deployment: Manifest) -> dict[str, Any]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def _istio(file: str) -> Manifest:
    operator: Manifest = yaml.safe_load((MANIFESTS / "istio" / file).read_text())
    return operator


@pytest.mark.parametrize("service", _all("Service"))
def test_service_ports_say_their_protocol(service: Manifest) -> None:
    for port in service["spec"]["ports"]:
        assert re.fullmatch(r"(http|https)(-[a-z0-9-]+)?", port["name"])


@pytest.mark.parametrize("deployment", _all("Deployment"))
def test_deployment_is_labelled_and_its_control_port_is_outside_the_mesh(deployment: Manifest) -> None:
    template = deployment["spec"]["template"]
    assert {"app", "version"} <= template["metadata"]["labels"].keys()
    assert deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    assert template["metadata"]["annotations"]["traffic.sidecar.istio.io/excludeInboundPorts"] == "9900"
    (container,) = template["spec"]["containers"]
    assert {"name": "control", "containerPort": 9900} in container["ports"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": 9900}


@pytest.mark.parametrize("deployment", _all("Deployment"))
def test_deployment_uses_the_one_image_without_privileges(deployment: Manifest) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["image"], container["imagePullPolicy"]) == (IMAGE, "IfNotPresent")
    assert pod["securityContext"] == {"runAsNonRoot": True, "runAsUser": 1000}


@pytest.mark.parametrize("deployment", _all("Deployment"))
def test_environment_agrees_with_the_names(deployment: Manifest) -> None:
    environment = _environment(deployment)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert environment["WORKLOAD"] == deployment["metadata"]["name"]
    assert (environment["SERVICE"], environment["VERSION"]) == (labels["app"], labels["version"])
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    served = {int(port.partition("+")[0]) for port in environment["PORTS"].split(",") if port}
    assert served == {port["containerPort"] for port in container["ports"]} - {9900}


@pytest.mark.parametrize("file", FILES)
def test_services_and_accounts_meet_their_deployments(file: str) -> None:
    deployments = _manifests(file, "Deployment")
    accounts = {account["metadata"]["name"] for account in _manifests(file, "ServiceAccount")}
    assert {deployment["spec"]["template"]["spec"]["serviceAccountName"] for deployment in deployments} == accounts
    for service in _manifests(file, "Service"):
        app = service["spec"]["selector"]["app"]
        served = [d for d in deployments if d["spec"]["template"]["metadata"]["labels"]["app"] == app]
        assert served
        ports = {
            port["containerPort"] for d in served for port in d["spec"]["template"]["spec"]["containers"][0]["ports"]
        }
        assert {port.get("targetPort", port["port"]) for port in service["spec"]["ports"]} <= ports


@pytest.mark.parametrize("file", FILES)
def test_namespace_is_the_harness_choice_except_outside(file: str) -> None:
    for manifest in _manifests(file):
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"].get("namespace") == FIXED_NAMESPACE.get(file)


def test_bookinfo_has_every_version() -> None:
    names = {manifest["metadata"]["name"] for manifest in _manifests("bookinfo.yaml", "Deployment")}
    reviews = {"reviews-v1", "reviews-v2", "reviews-v3"}
    assert names == {"productpage-v1", "details-v1", "ratings-v1", "ratings-v2"} | reviews


def test_outside_is_not_injected_and_hidden_from_istio() -> None:
    (namespace,) = _manifests("outside.yaml", "Namespace")
    assert namespace["metadata"]["labels"] == {"istio-injection": "disabled"}
    for service in _manifests("outside.yaml", "Service"):
        assert service["metadata"]["annotations"] == {"networking.istio.io/exportTo": "~"}


def test_every_outside_name_leads_to_a_service() -> None:
    lines = [line for line in (MANIFESTS / "outside.coredns").read_text().splitlines() if not line.startswith("#")]
    services = {manifest["metadata"]["name"] for manifest in _manifests("outside.yaml", "Service")}
    pattern = re.compile(r"rewrite name exact (\S+) (\S+)\.outside\.svc\.cluster\.local answer auto")
    matches = [match for line in lines if (match := pattern.fullmatch(line))]
    assert len(matches) == len(lines)
    assert {match[1] for match in matches} == set(HOSTS)
    assert {match[2] for match in matches} == services


def test_outside_certificates_make_a_tls_secret() -> None:
    secret: Manifest = outside_certificates(trustme.CA())
    assert secret["metadata"] == {"name": "outside-tls", "namespace": "outside"}
    decoded = {name: base64.b64decode(value) for name, value in secret["data"].items()}
    assert set(decoded) == {"tls.crt", "tls.key", "ca.crt"}
    assert b"PRIVATE KEY" in decoded["tls.key"]
    assert decoded["tls.crt"] != decoded["ca.crt"]


def test_istio_values_have_no_autoscaler_and_both_gateways() -> None:
    spec = _istio("values.yaml")["spec"]
    assert spec["profile"] == "default"
    assert [gateway["enabled"] for gateway in spec["components"]["egressGateways"]] == [True]
    scaled = [spec["values"]["pilot"], *spec["values"]["gateways"].values()]
    assert [part["autoscaleEnabled"] for part in scaled] == [False] * 3
    assert spec["values"]["defaultRevision"] == "default"


def test_ingress_ports_are_those_of_the_documents_and_of_kind() -> None:
    ports = _istio("values.yaml")["spec"]["values"]["gateways"]["istio-ingressgateway"]["ports"]
    assert {"http2", "https", "tcp"} <= {port["name"] for port in ports}
    assert {(port["port"], port["nodePort"]) for port in ports} >= {(80, 30080), (443, 30443)}


def test_upstream_envoy_is_asked_for_no_istio_filter() -> None:
    spec = _istio("upstream-envoy.yaml")["spec"]
    assert spec["meshConfig"] == {"defaultProviders": {"metrics": []}}
    assert spec["values"]["telemetry"] == {"enabled": False}
    assert spec["values"]["pilot"]["env"] == {
        "PILOT_ENABLE_ALPN_FILTER": "false",
        "PILOT_ENABLE_METADATA_EXCHANGE": "false",
        "PILOT_DISABLE_MX_ALPN": "true",
    }
