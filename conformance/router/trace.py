"""Why: each decision with the object, field and value that decided, and why the runner-up did not."""

from __future__ import annotations

from typing import NamedTuple

from conformance.router.objects.metadata import Reference


class Step(NamedTuple):
    """One decision. `rejected` are the alternatives that were looked at before, each with its reason.

    A tuple, because several are made for every request: a frozen dataclass takes three times as long to make.
    """

    concept: str
    """The room it was made in: listener, virtual host, rule, destination, endpoints, mutual TLS, …"""
    decision: str
    by: Reference | None = None
    field: str = ""
    """Path inside the object: spec.http[0].match[1].uri"""
    value: str = ""
    rejected: tuple[str, ...] = ()

    def __str__(self) -> str:
        cause = " ".join(part for part in (str(self.by or ""), self.field, self.value) if part)
        return f"{self.concept}: {self.decision}" + (f"  ({cause})" if cause else "")


Trace = tuple[Step, ...]
