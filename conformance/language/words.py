"""What every part of the scenario language is made of: closed mappings, lists, names, and one kind of error.

A rule that one value breaks is checked where the value is; a rule between values is checked at the model that has both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Element = TypeVar("Element")
Listed = Annotated[tuple[Element, ...], Field(strict=False)]
"""YAML has lists, a frozen model has tuples: this is the only conversion."""

CONTRADICTION = "contradiction"
"""The type of the errors raised here; their context has `hint` and `at`, the steps from the model to the culprit."""


def contradiction(problem: str, hint: str, *at: str | int) -> PydanticCustomError:
    # pydantic fills braces in the template from the context; the text itself must not be taken for a template.
    return PydanticCustomError(CONTRADICTION, "{problem}", {"problem": problem, "hint": hint, "at": at})


def _distinct(names: Mapping[str, Any] | tuple[str, ...]) -> Any:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            problem = f"{seen[name.lower()]!r} and {name!r} are one header"
            raise contradiction(problem, "keep one of them: header names have no case")
        seen[name.lower()] = name
    return names


def _native(value: dict[str, Any]) -> dict[str, Any]:
    """Checks only what is needed to tell the object from others; the rest is the API server's business."""
    missing = [key for key in ("apiVersion", "kind") if not (isinstance(value.get(key), str) and value[key])]
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    if not (isinstance(metadata.get("name"), str) and metadata["name"]):
        missing.append("metadata.name")
    if not isinstance(metadata.get("namespace", ""), str):
        missing.append("a metadata.namespace that is a string")
    if missing:
        hint = "write it as for kubectl apply; each of these is a string that is not empty"
        raise contradiction(f"a configuration object lacks {', '.join(missing)}", hint)
    return value


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")]
"""One line without space around it."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$", max_length=120)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$")]
HeaderValues = Annotated[dict[HeaderName, HeaderValue], AfterValidator(_distinct)]
HeaderNames = Annotated[Listed[HeaderName], AfterValidator(_distinct)]
Native = Annotated[dict[str, Any], AfterValidator(_native)]
"""A Kubernetes object as it stands in the file."""


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
