"""Which policies of the security API speak to a workload (specification, section 22)."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.router.objects.security import (
    AuthorizationPolicy,
    AuthorizationPolicySpec,
    PolicyTargetReference,
    RequestAuthentication,
    RequestAuthenticationSpec,
)

_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
"""The label by which istiod knows the pods of a Gateway of the Kubernetes API; only those follow target references."""


def selects(
    policy: RequestAuthentication | AuthorizationPolicy,
    *,
    namespace: str,
    labels: Mapping[str, str],
    root_namespace: str,
) -> bool:
    """RequestAuthentication.selector, AuthorizationPolicy.selector and .targetRefs.

    A policy speaks in its own namespace, one of the root namespace in all; without a selector to every workload.
    """
    home = policy.metadata.namespace
    if home not in (namespace, root_namespace):
        return False
    targets = _targets(policy.spec)
    if not targets:
        selector = policy.spec.selector
        return selector is None or selector.match_labels.items() <= labels.items()
    gateway = labels.get(_GATEWAY_NAME)
    return gateway is not None and home == namespace and any(_names(each, gateway, namespace) for each in targets)


def _targets(spec: RequestAuthenticationSpec | AuthorizationPolicySpec) -> tuple[PolicyTargetReference, ...]:
    if spec.target_refs or spec.target_ref is None:
        return spec.target_refs
    return (spec.target_ref,)


def _names(target: PolicyTargetReference, gateway: str, namespace: str) -> bool:
    return (target.group, target.kind, target.name) == ("gateway.networking.k8s.io", "Gateway", gateway) and (
        target.namespace or namespace
    ) == namespace
