"""A container's environment and command line: env, envFrom, downward API fields, `$(VAR)` expansion.

Follows the Kubernetes API: core/v1 Container.env, .envFrom, .command, .args; EnvVarSource.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Object = Mapping[str, Any]

# Reads a ConfigMap's or a Secret's data as text: (kind, name) -> data, None when there is no such object.
ReadData = Callable[[str, str], Mapping[str, str] | None]


class MissingReference(Exception):  # noqa: N818 - may still appear: a state of the cluster, not a fault
    """A ConfigMap, Secret or key that a container needs does not exist (yet)."""


# $(NAME) and its escape $$(NAME), as k8s.io/kubernetes/third_party/forked/golang/expansion does it.
_REFERENCE = re.compile(r"\$(\$|\(([^()\s]+)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces $(NAME); an unknown name stays as written; $$ stands for one dollar sign."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match[2], match[0])

    return _REFERENCE.sub(replacement, text)


def environment(container: Object, pod: Object, read: ReadData, builtin: Mapping[str, str]) -> dict[str, str]:
    """All variables of a container; later entries see earlier ones.

    Raises MissingReference for a required ConfigMap, Secret or key that is absent.
    """
    variables = dict(builtin)
    for source in container.get("envFrom") or ():
        variables |= _all_of(source, read)
    for entry in container.get("env") or ():
        value = _value_of(entry, container, pod, read, variables)
        if value is not None:
            variables[entry["name"]] = value
    return variables


def _all_of(source: Object, read: ReadData) -> dict[str, str]:
    kind, reference = (
        ("ConfigMap", source.get("configMapRef")) if "configMapRef" in source else ("Secret", source["secretRef"])
    )
    assert reference is not None
    data = read(kind, reference["name"])
    if data is None:
        if reference.get("optional"):
            return {}
        raise MissingReference(f'{kind} "{reference["name"]}" not found')
    prefix = source.get("prefix") or ""
    return {prefix + key: value for key, value in data.items()}


def _value_of(
    entry: Object, container: Object, pod: Object, read: ReadData, variables: Mapping[str, str]
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", variables)
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_field(pod, source["resourceFieldRef"], container)
    if "configMapKeyRef" in source:
        return _key(source["configMapKeyRef"], "ConfigMap", read)
    if "secretKeyRef" in source:
        return _key(source["secretKeyRef"], "Secret", read)
    raise MissingReference(f"env {entry['name']}: this node does not implement valueFrom.{next(iter(source))}")


def _key(reference: Object, kind: str, read: ReadData) -> str | None:
    data = read(kind, reference["name"])
    if data is not None and reference["key"] in data:
        return data[reference["key"]]
    if reference.get("optional"):
        return None
    missing = f'{kind} "{reference["name"]}"' + ("" if data is None else f" key {reference['key']}")
    raise MissingReference(f"{missing} not found")


def field(pod: Object, path: str) -> str:
    """A downward API field (core/v1 ObjectFieldSelector); labels and annotations whole or by key."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    subscript = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if subscript:
        return str((metadata.get(subscript[1]) or {}).get(subscript[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        entries = metadata.get(path.removeprefix("metadata.")) or {}
        return "".join(f"{key}={_quoted(value)}\n" for key, value in sorted(entries.items()))
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName"),
        "status.hostIP": status.get("hostIP"),
        "status.hostIPs": status.get("hostIP"),
        "status.podIP": status.get("podIP"),
        "status.podIPs": status.get("podIP"),
    }
    if path not in simple:
        raise MissingReference(f"this node does not implement fieldRef {path}")
    return str(simple[path] or "")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


def quantity(text: str) -> Decimal:
    """A Kubernetes resource quantity (`250m`, `128Mi`, `1e3`) as a plain number."""
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([num]|k|Ki|[MGTPE]i?)?", text)
    if not match:
        raise ValueError(f"{text!r} is no resource quantity")
    return Decimal(match[1]) * _SUFFIXES[match[2] or ""]


def resource_field(pod: Object, selector: Object, container: Object | None = None) -> str:
    """A resourceFieldRef; without a limit it is what the machine has, which istiod sizes itself by."""
    name = selector.get("containerName")
    if name:
        every = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
        container = next((each for each in every if each["name"] == name), None)
        if container is None:
            raise MissingReference(f"resourceFieldRef: the pod has no container {name}")
    assert container is not None, "the API server demands containerName in volumes"
    kind, resource = selector["resource"].split(".", 1)
    stated = ((container.get("resources") or {}).get(kind) or {}).get(resource)
    amount = quantity(stated) if stated else _of_machine(resource) if kind == "limits" else Decimal(0)
    divisor = quantity(selector.get("divisor") or "1") or Decimal(1)
    return str(math.ceil(amount / divisor))


def _of_machine(resource: str) -> Decimal:
    if resource == "cpu":
        return Decimal(len(os.sched_getaffinity(0)))
    if resource == "memory":
        return Decimal(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return Decimal(0)


def command_line(container: Object, entrypoint: tuple[str, ...], variables: Mapping[str, str]) -> list[str]:
    """What to run: `command` replaces the image's entry point, `args` its arguments; both are expanded."""
    command = container.get("command") or list(entrypoint)
    return [expand(word, variables) for word in [*command, *(container.get("args") or ())]]
