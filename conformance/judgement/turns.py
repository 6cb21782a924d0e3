"""Whether the pods of a service are taken in turn: each once a round, always in the same order.

Which order, the proxy chooses. Exact: one request out of turn convicts. What passes by chance is a matter of how many
requests there are, and stated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil, log

from conformance.judgement.checks import Opinion
from conformance.judgement.expectation import Turns
from conformance.judgement.history import Exchange
from conformance.judgement.verdict import Verdict

CHANCE = 1e-9
"""How likely draws by chance are taken for turns, at most."""


def wanted(turns: Turns) -> int:
    """Requests, in whole rounds: the first shows the order, and each after it is right by chance once in so many."""
    pods = sum(count for _, count in turns.replicas)
    return pods * (1 + ceil(-log(CHANCE) / log(pods) / pods))


def judge_turns(turns: Turns, exchanges: Sequence[Exchange]) -> Opinion:
    promised = Counter(dict(turns.replicas))
    size = promised.total()
    expected = f"{' and '.join(f'{count} of {name}' for name, count in turns.replicas)} in turn, one request each"
    found = [tuple((entry.workload, entry.pod) for entry in exchange.seen) for exchange in exchanges]
    for number, seen in enumerate(found, start=1):
        if len(seen) != 1:
            names = ", ".join(pod for _, pod in seen) or "no pod"
            return Opinion(Verdict.VIOLATES, expected, f"request {number} at {names}")
    pods = [each for (each,) in found]
    order = pods[:size]
    said = ", ".join(pod for _, pod in order)
    if len(pods) >= size and (len(set(order)) < size or Counter(workload for workload, _ in order) != promised):
        return Opinion(Verdict.VIOLATES, expected, f"the first {size} requests at {said}")
    for index in range(size, len(pods)):
        if pods[index] != pods[index - size]:
            turn = pods[index - size][1]
            observed = f"first {said}; then request {index + 1} at {pods[index][1]}, when it was the turn of {turn}"
            return Opinion(Verdict.VIOLATES, expected, observed)
    if len(pods) < wanted(turns):
        return Opinion(Verdict.UNDECIDED, expected, f"{len(pods)} requests of {wanted(turns)}, too few to tell")
    observed = f"{said}, over and over in {len(pods)} requests (by chance at most once in {1 / CHANCE:.0e})"
    return Opinion(Verdict.PASS, expected, observed)
