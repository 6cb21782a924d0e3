"""Paces of the node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeSettings:
    """In seconds; tests shorten them."""

    # As a kubelet's syncFrequency; a pod that somebody changes is looked after at once.
    volume_refresh: float = 60.0
    # A crashed container is restarted at once the first time, then after 10 s doubling to 5 minutes, like a kubelet.
    first_back_off: float = 10.0
    longest_back_off: float = 300.0
    # A container that ran this long starts with a clean record.
    forgiven_after: float = 600.0
    # How soon what was missing (a ConfigMap, a Secret) is looked for again.
    retry_missing: float = 0.2
