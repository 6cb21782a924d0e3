"""What a run has found so far: counts, and disagreements grouped by the decision that led to them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.differential.config import Config
from conformance.judgement.agreement import describe
from conformance.judgement.comparison import Difference, ended
from conformance.judgement.history import Exchange
from conformance.router.prediction import Outcome
from conformance.router.trace import Trace

ADMISSION = "admission"
FAULT = "fault of the router"


@dataclass(frozen=True)
class Disagreement:
    """One request, or one object, on which the voices differ."""

    config: Config
    request: int | None
    """Which of the configuration's; None for an object that one voice refuses."""
    concept: str
    """The room of the router in which the decision was made."""
    summary: str
    differences: tuple[Difference, ...]
    trace: Trace = ()
    exchange: Exchange | None = None

    @property
    def identity(self) -> tuple[str, int | None, str]:
        """The same in every arena and at every attempt."""
        return self.config.name, self.request, self.summary if self.request is None else ""

    @property
    def group(self) -> tuple[str, str]:
        return self.concept, self.summary


def concept_of(trace: Trace) -> str:
    """The last decision: what came before it was looked at, too, but this one made the outcome."""
    return trace[-1].concept if trace else "name"


def summary_of(nearest: Outcome | None, exchange: Exchange, differences: Sequence[Difference]) -> str:
    """The same for disagreements of one cause: without names, addresses and chances."""
    if nearest is None:
        return f"nothing predicted, {ended(exchange)}"
    if any(each.aspect == "end" for each in differences):
        predicted = f"{nearest.kind.value.replace('_', ' ')} {nearest.status or ''}".strip()
        return f"predicted {predicted}, observed {ended(exchange)}"
    return ", ".join(dict.fromkeys(each.aspect for each in differences))


@dataclass
class Tally:
    """Counts of a run."""

    configs: int = 0
    requests: int = 0
    agreed: int = 0
    undefined: int = 0
    blocked: list[tuple[Config, str]] = field(default_factory=list)
    refused: int = 0
    """Objects that both voices refuse."""
    disagreements: list[Disagreement] = field(default_factory=list)
    unsteady: list[Disagreement] = field(default_factory=list)
    """Seen once, and not again when the same configuration was performed alone."""
    undefined_reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def groups(self) -> dict[tuple[str, str], list[Disagreement]]:
        """The largest first."""
        found: dict[tuple[str, str], list[Disagreement]] = defaultdict(list)
        for each in self.disagreements:
            found[each.group].append(each)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def line(self, seconds: float, wanted: int, suspects: int) -> str:
        """How far it is."""
        return (
            f"{self.configs} of {wanted} configurations, {self.requests} requests: {self.agreed} agree, "
            f"{self.undefined} undefined, {suspects} disagree, {len(self.blocked)} blocked  "
            f"[{seconds:.0f} s, {self.configs / max(seconds, 0.001):.1f}/s]"
        )

    def table(self, seconds: float) -> str:
        """The end of a run, for a person."""
        rows = [
            ("configurations", self.configs),
            ("requests", self.requests),
            ("agreed", self.agreed),
            ("undefined", self.undefined),
            ("disagreements", len(self.disagreements)),
            ("unsteady", len(self.unsteady)),
            ("blocked", len(self.blocked)),
            ("objects refused by both", self.refused),
        ]
        lines = [f"{name:<24} {count:>7}" for name, count in rows]
        lines.append(
            f"{'seconds':<24} {seconds:>7.1f}  ({self.configs / max(seconds, 0.001):.1f} configurations a second)"
        )
        for (concept, summary), group in self.groups().items():
            names = ", ".join(dict.fromkeys(each.config.name for each in group[:6]))
            lines.append(f"  {len(group):>4}  {concept}: {summary}  [{names}{', …' if len(group) > 6 else ''}]")
        lines += [f"  unsteady  {each.config.name}  {each.concept}: {each.summary}" for each in self.unsteady]
        lines += [f"  blocked  {config.name}  {why}" for config, why in self.blocked]
        lines += [f"  undefined {count:>4}  {why}" for why, count in sorted(self.undefined_reasons.items())]
        return "\n".join(lines)


def described(outcomes: Sequence[Outcome]) -> str:
    return " or ".join(dict.fromkeys(map(describe, outcomes)))
