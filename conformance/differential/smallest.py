"""Finds the smallest configuration of a disagreement with both voices as the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conformance.differential.config import Config
from conformance.differential.perform import Stage
from conformance.differential.run import judged
from conformance.differential.shrink import shrink
from conformance.differential.tally import ADMISSION, Disagreement
from conformance.differential.voice import Surroundings

_REPEATS = 3
"""So often the one request is sent to each candidate: what only shows by chance would be lost otherwise."""

_ROUNDS = 30
"""Each takes a second or two."""


def smallest(disagreement: Disagreement, stage: Stage, around: Surroundings) -> Disagreement:
    """What both voices say of the small configuration; the disagreement itself if it does not show alone."""
    oracle = _Oracle(disagreement, stage, around)
    requests = disagreement.config.requests
    one = requests if disagreement.request is None else (requests[disagreement.request],)
    begin = replace(disagreement.config, requests=one[:1])
    if not any(oracle([begin] * len(stage.arenas))):
        return disagreement
    small = shrink(begin, oracle, width=len(stage.arenas), rounds=_ROUNDS)
    if not oracle([small])[0]:
        # It needed its neighbours, which share the gateway with it; so once more without any.
        small = shrink(begin, oracle, width=1, rounds=_ROUNDS)
    return oracle.of(small)


@dataclass
class _Oracle:
    """Asks as many candidates at once as there are arenas, and remembers what was said of those that show it."""

    disagreement: Disagreement
    stage: Stage
    around: Surroundings
    _known: dict[str, Disagreement] = field(default_factory=dict)

    def __call__(self, candidates: Sequence[Config]) -> list[bool]:
        moved = [each.moved(arena) for each, arena in zip(candidates, self.stage.arenas, strict=False)]
        performed = self.stage.perform([replace(each, requests=each.requests * _REPEATS) for each in moved])
        shown = []
        for candidate, home, one in zip(candidates, moved, performed, strict=True):
            found = None
            is_about_admission = self.disagreement.concept == ADMISSION
            # A cut that makes an object invalid is none, unless validity is what it is all about.
            if one.blocked is None and (is_about_admission or not one.refused):
                same = (
                    each for each in judged(one, self.around).disagreements if each.group == self.disagreement.group
                )
                found = next(same, None)
            if found is not None:
                self._known[_key(candidate)] = replace(found, config=home, request=None if is_about_admission else 0)
            shown.append(found is not None)
        return shown

    def of(self, config: Config) -> Disagreement:
        return self._known[_key(config)]


def _key(config: Config) -> str:
    return repr((config.objects, config.requests))
