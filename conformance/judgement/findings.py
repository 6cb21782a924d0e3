"""One conclusion about one check of one case."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.judgement.verdict import Verdict


@dataclass(frozen=True)
class Finding:
    """What was promised, what was observed, and the token of the exchange that shows it."""

    verdict: Verdict
    scenario: str
    case: str
    check: str
    expected: str
    observed: str
    witness: str | None

    def message(self) -> str:
        """The finding as one paragraph for a person."""
        witness = f" (exchange {self.witness})" if self.witness else ""
        return (
            f"{self.verdict} {self.scenario}#{self.check}, case '{self.case}': "
            f"expected {self.expected}; observed {self.observed}{witness}"
        )
