"""Errors of the models that say what to do instead."""

from __future__ import annotations

from pydantic_core import PydanticCustomError

CONTRADICTION = "contradiction"
"""The type of these errors; their context has `hint` and `at`, the steps from the model to the culprit."""


def contradiction(problem: str, hint: str, *at: str | int) -> PydanticCustomError:
    """One problem of values that do not go together."""
    # pydantic fills braces in the template from the context; the text itself must not be taken for a template.
    return PydanticCustomError(CONTRADICTION, "{problem}", {"problem": problem, "hint": hint, "at": at})
