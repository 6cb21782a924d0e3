"""What a pod may ask of this node. Anything else is refused by the name of the field, never ignored in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

# Implemented, or set by the API server and admission on every pod with no effect that a process could notice here
# (priority, scheduling, service links, DNS defaults). Requests and limits: accepted, see the package's docstring.
_POD = frozenset(
    "containers initContainers volumes restartPolicy terminationGracePeriodSeconds serviceAccountName serviceAccount "
    "automountServiceAccountToken nodeName nodeSelector affinity tolerations topologySpreadConstraints securityContext "
    "hostname schedulerName priority priorityClassName preemptionPolicy enableServiceLinks dnsPolicy "
    "imagePullSecrets".split()
)
_CONTAINER = frozenset(
    "name image imagePullPolicy command args workingDir ports env envFrom resources volumeMounts startupProbe "
    "readinessProbe livenessProbe lifecycle securityContext restartPolicy terminationMessagePath "
    "terminationMessagePolicy".split()
)
_POD_SECURITY = frozenset("runAsUser runAsGroup runAsNonRoot fsGroup supplementalGroups sysctls seccompProfile".split())
_CONTAINER_SECURITY = frozenset(
    "runAsUser runAsGroup runAsNonRoot capabilities readOnlyRootFilesystem allowPrivilegeEscalation privileged "
    "seccompProfile".split()
)
_VOLUMES = frozenset("emptyDir configMap secret projected downwardAPI".split())
_PROJECTIONS = frozenset("configMap secret serviceAccountToken downwardAPI".split())
_PROBES = frozenset("httpGet tcpSocket exec".split())
_HOOKS = frozenset("httpGet exec sleep".split())
_PROBE_TIMING = frozenset(
    "initialDelaySeconds periodSeconds timeoutSeconds successThreshold failureThreshold "
    "terminationGracePeriodSeconds".split()
)


def refusals(pod: Object) -> tuple[str, ...]:
    """The fields of the pod that this node does not implement, each with its path and why it is refused."""
    return tuple(_pod(pod["spec"]))


def _unknown(place: str, found: Object, known: frozenset[str]) -> Iterator[str]:
    for field, value in found.items():
        if field not in known and value not in (None, False, "", [], {}):
            yield f"{place}.{field}"


def _pod(spec: Object) -> Iterator[str]:
    yield from _unknown("spec", spec, _POD)
    yield from _unknown("spec.securityContext", spec.get("securityContext") or {}, _POD_SECURITY)
    if spec.get("dnsPolicy", "ClusterFirst") not in ("ClusterFirst", "Default"):
        yield f"spec.dnsPolicy={spec['dnsPolicy']}"
    for volume in spec.get("volumes") or ():
        yield from _volume(f"spec.volumes[{volume['name']}]", volume)
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            place = f"spec.{kind}[{container['name']}]"
            # Only sidecars have a policy of their own here.
            if (policy := container.get("restartPolicy")) and (kind == "containers" or policy != "Always"):
                yield f"{place}.restartPolicy={policy}"
            yield from _container(place, container)


def _volume(place: str, volume: Object) -> Iterator[str]:
    yield from _unknown(place, volume, _VOLUMES | {"name"})
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _unknown(f"{place}.projected.sources", source, _PROJECTIONS)


def _container(place: str, container: Object) -> Iterator[str]:
    yield from _unknown(place, container, _CONTAINER)
    security = container.get("securityContext") or {}
    yield from _unknown(f"{place}.securityContext", security, _CONTAINER_SECURITY)
    if security.get("privileged"):
        yield f"{place}.securityContext.privileged"
    for mount in container.get("volumeMounts") or ():
        yield from _unknown(
            f"{place}.volumeMounts", mount, frozenset({"name", "mountPath", "subPath", "readOnly", "recursiveReadOnly"})
        )
    for port in container.get("ports") or ():
        if port.get("hostPort"):
            yield f"{place}.ports.hostPort"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield from _unknown(f"{place}.{probe}", container.get(probe) or {}, _PROBES | _PROBE_TIMING)
    yield from _unknown(f"{place}.lifecycle", container.get("lifecycle") or {}, frozenset({"postStart", "preStop"}))
    for hook in ("postStart", "preStop"):
        yield from _unknown(f"{place}.lifecycle.{hook}", (container.get("lifecycle") or {}).get(hook) or {}, _HOOKS)
