"""A container's variables and command line, as the Kubernetes API defines them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from cluster.embedded.node.environment import (
    MissingReference,
    command_line,
    environment,
    expand,
    field,
    quantity,
    resource_field,
)

Object = dict[str, Any]

POD: Object = {
    "metadata": {
        "name": "p",
        "namespace": "n",
        "uid": "u",
        "labels": {"app": "a", "example.com/x": 'q"uote'},
        "annotations": {"note": "two\nlines"},
    },
    "spec": {
        "nodeName": "embedded",
        "serviceAccountName": "sa",
        "initContainers": [{"name": "side", "resources": {"limits": {"memory": "64Mi"}}}],
        "containers": [{"name": "main", "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}}}],
    },
    "status": {"podIP": "10.0.0.1", "hostIP": "172.30.0.1"},
}
STORED: dict[tuple[str, str], Mapping[str, str]] = {
    ("ConfigMap", "cm"): {"key": "value", "other": "$(key)"},
    ("Secret", "s"): {"word": "hidden"},
}


def read(kind: str, name: str) -> Mapping[str, str] | None:
    return STORED.get((kind, name))


def variables(*env: Object, **container: Any) -> dict[str, str]:
    return environment({"env": list(env), **container}, POD, read, {"BUILTIN": "b"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$", "$"),
        ("$A ${A} $(", "$A ${A} $("),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("250m", "0.25"),
        ("128Mi", str(128 * 1024**2)),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("1.5G", "1500000000"),
        ("1e3", "1000"),
        ("2E", str(2 * 10**18)),
        ("100u", "0.0001"),
        ("5n", "0.000000005"),
    ],
)
def test_quantities_are_plain_numbers(text: str, number: str) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "Mi", "1Q", "one", "1 Mi"])
def test_what_is_no_quantity_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no resource quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "n"),
        ("metadata.uid", "u"),
        ("metadata.labels['app']", "a"),
        ("metadata.labels['example.com/x']", 'q"uote'),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations['note']", "two\nlines"),
        ("metadata.labels", 'app="a"\nexample.com/x="q\\"uote"\n'),
        ("metadata.annotations", 'note="two\\nlines"\n'),
        ("spec.nodeName", "embedded"),
        ("spec.serviceAccountName", "sa"),
        ("status.hostIP", "172.30.0.1"),
        ("status.podIP", "10.0.0.1"),
        ("status.podIPs", "10.0.0.1"),
    ],
)
def test_field_reference_reads_the_pod(path: str, expected: str) -> None:
    assert field(POD, path) == expected


def test_unknown_field_is_named() -> None:
    with pytest.raises(MissingReference, match=r"spec\.hostname"):
        field(POD, "spec.hostname")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"containerName": "main", "resource": "limits.memory"}, str(1024**3)),
        ({"containerName": "main", "resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"containerName": "main", "resource": "requests.cpu", "divisor": "1m"}, "250"),
        ({"containerName": "main", "resource": "requests.cpu"}, "1"),
        ({"containerName": "main", "resource": "requests.cpu", "divisor": "0"}, "1"),
        ({"containerName": "main", "resource": "requests.memory"}, "0"),
        ({"containerName": "side", "resource": "limits.memory", "divisor": "1Mi"}, "64"),
    ],
)
def test_resource_field_is_divided_and_rounded_up(selector: Object, expected: str) -> None:
    assert resource_field(POD, selector) == expected


def test_limit_that_is_not_stated_is_what_the_machine_has() -> None:
    assert int(resource_field(POD, {"containerName": "main", "resource": "limits.cpu"})) >= 1


def test_resource_of_an_unknown_container_is_named() -> None:
    with pytest.raises(MissingReference, match="nobody"):
        resource_field(POD, {"containerName": "nobody", "resource": "limits.cpu"})


def test_later_variables_see_earlier_ones() -> None:
    found = variables(
        {"name": "A", "value": "$(BUILTIN)1"}, {"name": "B", "value": "$(A)2$(LATER)"}, {"name": "LATER", "value": "x"}
    )
    assert found == {"BUILTIN": "b", "A": "b1", "B": "b12$(LATER)", "LATER": "x"}


def test_variables_come_from_config_maps_secrets_and_fields() -> None:
    found = variables(
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "key"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "word"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "D", "value": "$(A)-$(B)-$(C)"},
        envFrom=[{"configMapRef": {"name": "cm"}}, {"prefix": "S_", "secretRef": {"name": "s"}}],
    )
    assert found == {
        "BUILTIN": "b",
        "key": "value",
        "other": "$(key)",
        "S_word": "hidden",
        "A": "value",
        "B": "hidden",
        "C": "p",
        "D": "value-hidden-p",
    }


def test_env_wins_over_env_from() -> None:
    assert variables({"name": "key", "value": "own"}, envFrom=[{"configMapRef": {"name": "cm"}}])["key"] == "own"


@pytest.mark.parametrize(
    ("reference", "missing"),
    [
        ({"configMapKeyRef": {"name": "absent", "key": "k"}}, 'ConfigMap "absent" not found'),
        ({"configMapKeyRef": {"name": "cm", "key": "absent"}}, 'ConfigMap "cm" key absent not found'),
        ({"secretKeyRef": {"name": "absent", "key": "k"}}, 'Secret "absent" not found'),
        ({"fileKeyRef": {}}, "env A: this node does not implement valueFrom.fileKeyRef"),
    ],
)
def test_missing_reference_is_named(reference: Object, missing: str) -> None:
    with pytest.raises(MissingReference, match=missing):
        variables({"name": "A", "valueFrom": reference})


def test_missing_optional_reference_sets_nothing() -> None:
    absent = {"configMapKeyRef": {"name": "absent", "key": "k", "optional": True}}
    no_key = {"secretKeyRef": {"name": "s", "key": "absent", "optional": True}}
    everything = [{"configMapRef": {"name": "absent", "optional": True}}]
    found = variables({"name": "A", "valueFrom": absent}, {"name": "B", "valueFrom": no_key}, envFrom=everything)
    assert found == {"BUILTIN": "b"}


def test_missing_env_from_is_named() -> None:
    with pytest.raises(MissingReference, match='Secret "absent" not found'):
        variables(envFrom=[{"secretRef": {"name": "absent"}}])


def test_command_replaces_the_entry_point_and_both_are_expanded() -> None:
    seen = {"A": "1"}
    assert command_line({}, ("/entry",), seen) == ["/entry"]
    assert command_line({"args": ["$(A)"]}, ("/entry",), seen) == ["/entry", "1"]
    assert command_line({"command": ["c$(A)"], "args": ["x"]}, ("/entry",), seen) == ["c1", "x"]
