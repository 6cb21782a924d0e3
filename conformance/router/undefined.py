"""What the router says where Istio's answer is not determined."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Undefined:
    """In place of an answer; never a guess."""

    reason: str
