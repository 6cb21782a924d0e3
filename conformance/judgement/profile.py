"""How exactly a run measures; in the record's header, so that a replay judges by the same measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ProfileName = Literal["full", "quick"]


@dataclass(frozen=True)
class Profile:
    """`effect` in points of a hundred: a share of a split that is wrong by this much is convicted."""

    name: ProfileName
    effect: float


FULL = Profile("full", 5)
QUICK = Profile("quick", 10)
"""A quarter of the requests."""

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (FULL, QUICK)}
