"""What all models of the scenario language are made of."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from conformance.language.contradictions import contradiction

Element = TypeVar("Element")
Listed = Annotated[tuple[Element, ...], Field(strict=False)]
"""YAML has lists, a frozen model has tuples: this is the only conversion."""

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")]
"""One line without space around it."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$", max_length=120)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class Words(BaseModel):
    """A mapping with a closed set of keys, none of which may be there without a value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_values(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key, value in values.items():
                if value is None:
                    raise contradiction(f"{key} has no value", "write one, or remove the key", key)
        return values

    def _refuse_both(self, names: tuple[str, ...], absent: tuple[str, ...], *at: str) -> None:
        both = sorted({name.lower() for name in names} & {name.lower() for name in absent})
        if both:
            problem = f"{', '.join(both)} is both in headers and in without_headers"
            raise contradiction(problem, "no request and no answer can be both; keep one", *at)
