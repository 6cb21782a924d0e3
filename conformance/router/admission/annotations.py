"""Annotations that the webhook looks at."""

from __future__ import annotations

from conformance.router.admission.remark import Remarks, denied
from conformance.router.objects.metadata import Metadata
from conformance.router.objects.security import AuthorizationPolicy

_DRY_RUN = "istio.io/dry-run"
_BOOLEANS = frozenset("1 t T TRUE true True 0 f F FALSE false False".split())
"""What Go's strconv.ParseBool reads."""


def dry_run(metadata: Metadata, policy: AuthorizationPolicy | None) -> Remarks:
    """`istio.io/dry-run` is for AuthorizationPolicies that allow or deny (checkDryRunAnnotation)."""
    if _DRY_RUN not in metadata.annotations:
        return
    field = f"metadata.annotations[{_DRY_RUN}]"
    value = metadata.annotations[_DRY_RUN]
    name = f"{metadata.namespace}/{metadata.name}"
    if policy is None:
        text = f"{name} has unsupported annotation {_DRY_RUN}, please remove the annotation"
        yield denied(field, text)
    elif policy.spec.action not in {None, "ALLOW", "DENY"}:
        found = f"found action {policy.spec.action} in {name}"
        yield denied(field, f"the annotation {_DRY_RUN} currently only supports action ALLOW/DENY, {found}")
    elif value not in _BOOLEANS:
        yield denied(field, f"{name} has annotation {_DRY_RUN} with invalid value ({value})")
