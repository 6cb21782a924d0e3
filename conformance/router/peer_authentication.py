"""Which connections a workload takes: the effective PeerAuthentication (specification, section 20 'Server mode')."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.router.objects.metadata import Reference
from conformance.router.objects.security import MutualTLS, PeerAuthentication


class Mode(StrEnum):
    """What a port demands of a connection (PeerAuthentication.mtls.mode)."""

    STRICT = "STRICT"
    """Mutual TLS of the mesh, nothing else."""
    PERMISSIVE = "PERMISSIVE"
    """Mutual TLS or plaintext."""
    DISABLE = "DISABLE"
    """Plaintext."""


Decided = tuple[Mode, Reference | None, str]
"""The mode, and the policy and its field that decided; (PERMISSIVE, None, "") where none speaks."""

_DEFAULT: Decided = (Mode.PERMISSIVE, None, "")


@dataclass(frozen=True, slots=True)
class PeerModes:
    """The modes of one workload, by its own (container) ports."""

    everywhere: Decided = _DEFAULT
    by_port: Mapping[int, Decided] = field(default_factory=dict)

    def of(self, port: int) -> Decided:
        return self.by_port.get(port, self.everywhere)


def modes_for(
    policies: Iterable[PeerAuthentication], *, namespace: str, labels: Mapping[str, str], root_namespace: str
) -> PeerModes:
    """The workload's policy, else its namespace's, else the mesh's; of several in one scope the oldest.

    PeerAuthentication.selector: one in the root namespace selects nothing, and an empty one is none.
    PeerAuthentication.portLevelMtls counts in a workload's policy only (specification, section 20).
    """
    mesh, whole_namespace, workload = _oldest_by_scope(policies, namespace, labels, root_namespace)
    everywhere = _DEFAULT
    for policy in (mesh, whole_namespace, workload):
        mode = policy and _mode_of(policy.spec.mtls)
        if policy and mode:
            everywhere = (mode, policy.reference, "spec.mtls.mode")
    return PeerModes(everywhere, _by_port(workload, everywhere) if workload else {})


def _oldest_by_scope(
    policies: Iterable[PeerAuthentication], namespace: str, labels: Mapping[str, str], root_namespace: str
) -> tuple[PeerAuthentication | None, PeerAuthentication | None, PeerAuthentication | None]:
    mesh = whole_namespace = workload = None
    for policy in sorted(policies, key=lambda each: each.metadata.seniority):
        home = policy.metadata.namespace
        wanted = policy.spec.selector.match_labels if policy.spec.selector else {}
        if home == root_namespace:
            mesh = mesh or (None if wanted else policy)
        elif home == namespace and not wanted:
            whole_namespace = whole_namespace or policy
        elif home == namespace and wanted.items() <= labels.items():
            workload = workload or policy
    return mesh, whole_namespace, workload


def _by_port(policy: PeerAuthentication, inherited: Decided) -> dict[int, Decided]:
    modes = {port: _mode_of(each) for port, each in (policy.spec.port_level_mtls or {}).items()}
    return {
        port: (mode, policy.reference, f"spec.portLevelMtls[{port}].mode") if mode else inherited
        for port, mode in modes.items()
    }


def _mode_of(mtls: MutualTLS | None) -> Mode | None:
    """None where it inherits: absent or UNSET."""
    if mtls is None or mtls.mode in {None, "UNSET"}:
        return None
    return Mode(mtls.mode)
