"""Telling workloads how to behave while the requests of one stage are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from conformance.language.behaviours import Behaviour
from conformance.mesh.applications import OUTSIDE
from conformance.mesh.workloads import Pod, Workloads


@contextmanager
def behaving(
    workloads: Workloads, told: Sequence[tuple[str, Behaviour]], namespace: str, pods: Sequence[Pod]
) -> Iterator[None]:
    """Each behaviour holds for requests whose token begins with its prefix, until the end of the block.

    What a killed run leaves behind needs no sweeping: nobody's token begins like its own.
    """
    with ExitStack() as after:
        for prefix, behaviour in told:
            for pod in meant(behaviour, namespace, pods):
                after.callback(workloads.behave_as_always, pod, prefix)
                workloads.behave(pod, prefix, behaviour)
        yield


def meant(behaviour: Behaviour, namespace: str, pods: Sequence[Pod]) -> tuple[Pod, ...]:
    """The scenario's own pods of the workload, or those of the outside; raises LookupError where there are none."""
    for home in (namespace, OUTSIDE):
        named = sorted(
            (pod for pod in pods if (pod.namespace, pod.workload) == (home, behaviour.workload)),
            key=lambda pod: pod.name,
        )
        if behaviour.replica is not None:
            named = named[behaviour.replica : behaviour.replica + 1]
        if named:
            return tuple(named)
    which = "" if behaviour.replica is None else f" number {behaviour.replica}"
    raise LookupError(f"namespace {namespace} has no pod{which} of {behaviour.workload}")
