"""A differential run: batches on the mesh, the router's voice on each, what differs performed again, then shrunk."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from conformance.differential.generate import config
from conformance.differential.perform import Performed, Stage
from conformance.differential.tally import ADMISSION, FAULT, Disagreement, Tally, concept_of, summary_of
from conformance.differential.voice import Surroundings, admission, predicted
from conformance.judgement.comparison import Difference, compare, ended
from conformance.router.prediction import Prediction

Say = Callable[[str], None]
Value = TypeVar("Value")

_PROGRESS_SECONDS = 5.0
_ATTEMPTS = 3
"""So often a configuration with a disagreement is performed again; some only show by chance."""


@dataclass(frozen=True)
class Verdicts:
    """What the voices say of one performed configuration."""

    agreed: int
    undefined: tuple[str, ...]
    """Reasons, one for each request that the router leaves open."""
    disagreements: tuple[Disagreement, ...]
    refused: int


def judged(performed: Performed, around: Surroundings) -> Verdicts:
    """Both voices on everything in it."""
    disagreements = list(_admissions(performed, around))
    agreed, undefined = 0, []
    world = around.world(performed)
    for index, (request, exchange) in enumerate(zip(performed.requests, performed.exchanges, strict=True)):
        said = predicted(world, request)
        if not isinstance(said, Prediction):
            flaw = Difference("prediction", f"{type(said).__name__}: {said}", ended(exchange))
            disagreements.append(Disagreement(performed.config, index, FAULT, place_of(said), (flaw,), (), exchange))
            continue
        found = compare(said.outcomes, request, exchange)
        if found.is_undefined:
            undefined.append(found.nearest.reason if found.nearest else "")
        elif found.differences:
            summary = summary_of(found.nearest, exchange, found.differences)
            concept = concept_of(said.trace)
            disagreements.append(
                Disagreement(performed.config, index, concept, summary, found.differences, said.trace, exchange)
            )
        else:
            agreed += 1
    refused = len(performed.refused) - sum(each.concept == ADMISSION for each in disagreements)
    return Verdicts(agreed, tuple(undefined), tuple(disagreements), max(0, refused))


def place_of(fault: Exception) -> str:
    """Where it was raised, which tells faults apart without the names in their messages."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} in {last.name}, {Path(last.filename).name}:{last.lineno}"


def _admissions(performed: Performed, around: Surroundings) -> Iterator[Disagreement]:
    for refusal in performed.refused:
        if admission(refusal.manifest, around.version) is None:
            summary = f"router takes a {refusal.manifest['kind']} that the API server refuses"
            flaw = Difference(refusal.manifest["metadata"]["name"], "taken", refusal.message)
            yield Disagreement(performed.config, None, ADMISSION, summary, (flaw,))
    for applied in performed.applied:
        reason = admission(applied, around.version)
        if reason is not None:
            summary = f"router refuses a {applied['kind']} that the API server takes"
            flaw = Difference(applied["metadata"]["name"], f"refused: {reason}", "taken")
            yield Disagreement(performed.config, None, ADMISSION, summary, (flaw,))


@dataclass
class DifferentialRun:
    """From configuration `numbers` of a seed to a tally."""

    stage: Stage
    around: Surroundings
    seed: int
    say: Say
    tally: Tally = field(default_factory=Tally)
    _suspects: list[Disagreement] = field(default_factory=list)

    def perform(self, numbers: Sequence[int]) -> Tally:
        begun = said = time.monotonic()
        arenas = self.stage.arenas
        for batch in _batches(numbers, len(arenas)):
            configs = [config(self.seed, number, arena) for number, arena in zip(batch, arenas, strict=False)]
            for performed in self.stage.perform(configs):
                self._add(performed)
            if time.monotonic() - said > _PROGRESS_SECONDS:
                said = time.monotonic()
                self.say(self.tally.line(said - begun, len(numbers), len(self._suspects)))
        self._look_again()
        return self.tally

    def _add(self, performed: Performed) -> None:
        self.tally.configs += 1
        if performed.blocked:
            self.tally.blocked.append((performed.config, performed.blocked))
            return
        found = judged(performed, self.around)
        self.tally.requests += len(performed.exchanges)
        self.tally.agreed += found.agreed
        self.tally.undefined += len(found.undefined)
        self.tally.refused += found.refused
        for reason in found.undefined:
            self.tally.undefined_reasons[reason] += 1
        for each in found.disagreements:
            # Said at once, so that a run that does not come to its table has not been for nothing.
            self.say(f"{each.config.name} disagrees, and will be tried again: {each.concept}: {each.summary}")
        self._suspects += found.disagreements

    def _look_again(self) -> None:
        """Performs what disagreed beside other neighbours, in other arenas: what remains is no doubt about the mesh."""
        for _ in range(_ATTEMPTS):
            steady = set()
            suspects = list({each.config.name: each.config for each in self._suspects}.values())
            for batch in _batches(suspects, len(self.stage.arenas)):
                moved = [each.moved(arena) for each, arena in zip(batch, reversed(self.stage.arenas), strict=False)]
                for performed in self.stage.perform(moved):
                    if performed.blocked is None:
                        steady |= {each.identity for each in judged(performed, self.around).disagreements}
            self.tally.disagreements += [each for each in self._suspects if each.identity in steady]
            self._suspects = [each for each in self._suspects if each.identity not in steady]
        self.tally.unsteady = self._suspects


def _batches(values: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
