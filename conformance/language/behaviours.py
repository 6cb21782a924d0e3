"""What workloads do with requests besides answering them, in the words of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from conformance.language.words import Label, Words, contradiction

MOST_SECONDS = 60


class Behaviour(Words):
    """A workload that is slow, fails or hangs up, for as long as a stage lasts or for the requests of one case.

    With `seconds` beside another word it first thinks so long. Calls that workloads make themselves are not meant.
    """

    workload: Label
    replica: Annotated[int, Field(ge=0)] | None = None
    """The one of its pods, in the order of their names; without it all of them."""
    seconds: Annotated[float, Field(strict=False, gt=0, le=MOST_SECONDS)] | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    resets: Literal[True] | None = None
    """It closes the connection instead of answering."""
    first: Annotated[int, Field(ge=1)] | None = None
    """Only the first so many arrivals of each request meet it, as with a workload that recovers."""

    @model_validator(mode="after")
    def _is_some(self) -> Behaviour:
        if self.seconds is None and self.status is None and self.resets is None:
            raise contradiction(f"{self.workload} does nothing special", "write one of seconds, status, resets")
        if self.status is not None and self.resets is not None:
            problem = "a request that is reset has no answer, so no status either"
            raise contradiction(problem, "keep one of the two", "resets")
        return self
