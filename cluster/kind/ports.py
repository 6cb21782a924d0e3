"""Ports of this machine for a daemon that shares its network."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.embedded.world import listen


def free_ports(wanted: Mapping[str, int]) -> Mapping[str, int]:
    """The wanted ones, and free ones for those that are 0; raises ClusterError for one that is taken.

    Somebody else may take one before Docker does; Docker then says so.
    """
    listeners = listen(wanted)
    numbers = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    for listener in listeners.values():
        listener.close()
    return numbers
