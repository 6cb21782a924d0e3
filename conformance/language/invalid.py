"""What pydantic says about a file, for the person who wrote it: the place in words, the line, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from conformance.errors import Problem
from conformance.language.source import Source, Step
from conformance.language.words import CONTRADICTION

MAX_QUOTED = 60
"""Characters of a wrong value in a message; its line tells the rest."""

_HINTS: Mapping[str, str] = {
    "model_type": "write keys and their values here",
    "dict_type": "write keys and their values here",
    "tuple_type": "write a list here",
    "string_type": "write a string; put it in quotes if it looks like a number or a word of YAML",
    "too_short": "list at least one",
}
"""Where pydantic speaks of Python, we speak of YAML."""


@dataclass(frozen=True)
class Vocabulary:
    """What can be written in one kind of file."""

    whole: str
    """What the file is, such as "the scenario"."""
    root: type[BaseModel]
    models: Mapping[Step, type[BaseModel]]
    """Which model stands under which key, to say which keys it has."""
    patterns: Mapping[Step, str]
    """What to write under a key whose value has the wrong form."""


def problem_of(error: ErrorDetails, source: Source, words: Vocabulary) -> Problem:
    # "[key]" marks that the key of the last step is wrong, not its value.
    steps = tuple(step for step in error["loc"] if step != "[key]")
    context = error.get("ctx", {})
    if error["type"] == CONTRADICTION:
        return source.problem(*steps, *context["at"], problem=context["problem"], hint=context["hint"])
    if error["type"] == "extra_forbidden":
        hint = nearest(str(steps[-1]), _keys(steps[:-1], words))
        return source.problem(*steps, problem=f"{_place(steps[:-1], words)} has no key {str(steps[-1])!r}", hint=hint)
    if error["type"] == "missing":
        hint = f"add it: {_place(steps[:-1], words)} needs {steps[-1]}"
        return source.problem(*steps, problem=f"{_place(steps, words)} is missing", hint=hint)
    problem = f"{_place(steps, words)} is {_quoted(error['input'])}"
    return source.problem(*steps, problem=problem, hint=_hint(error, steps, words))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    proposal = f"did you mean {close[0]}? " if close else ""
    return f"{proposal}known here: {', '.join(names)}"


def _hint(error: ErrorDetails, steps: tuple[Step, ...], words: Vocabulary) -> str:
    if error["type"] == "string_pattern_mismatch":
        key = next((step for step in reversed(steps) if isinstance(step, str)), "")
        return words.patterns.get(key, "write one line of printable characters, without space around it")
    message = error["msg"].replace("Input should be", "write").replace("should", "must")
    return _HINTS.get(error["type"], message)


def _keys(steps: tuple[Step, ...], words: Vocabulary) -> tuple[str, ...]:
    # Between a model and its mapping may stand a name that the writer chose.
    name = next((step for step in reversed(steps) if step in words.models), None)
    model = words.root if name is None else words.models[name]
    return tuple(field.alias or key for key, field in model.model_fields.items())


def _place(steps: tuple[Step, ...], words: Vocabulary) -> str:
    """The steps as a person writes them: cases[0].expect."""
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return written.removeprefix(".") or words.whole


def _quoted(value: object) -> str:
    if isinstance(value, dict | list):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    text = {True: "true", False: "false", None: "empty"}.get(value) if isinstance(value, bool | None) else repr(value)
    assert text is not None
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"
