"""What every part of the scenario language is made of: closed mappings, lists, names, and one kind of error."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Element = TypeVar("Element")
Listed = Annotated[tuple[Element, ...], Field(strict=False)]
"""YAML has lists, a frozen model has tuples: this is the only conversion."""

CONTRADICTION = "contradiction"
"""The type of the errors raised here; their context has `hint` and `at`, the steps from the model to the culprit."""


def contradiction(problem: str, hint: str, *at: str | int) -> PydanticCustomError:
    # pydantic fills braces in the template from the context; the text itself must not be taken for a template.
    return PydanticCustomError(CONTRADICTION, "{problem}", {"problem": problem, "hint": hint, "at": at})


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")]
"""One line without space around it."""
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
