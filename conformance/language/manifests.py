"""Reads manifests as kubectl does: files of YAML or JSON, each with any number of documents.

kubectl reads YAML 1.1 by Go's yaml.v2 and sends JSON: `on` is true, `010` is 8, `80.0` is 80, the key `8080` is a
string, and of a repeated key the last one counts, without a word. Here there is a warning for that (specification,
section 2). Objects of kind List are taken apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from conformance.errors import BadInput, Problem
from conformance.language.source import (
    FAST_LOADER,
    Collection,
    Form,
    Node,
    Reading,
    Scalar,
    Steps,
    documents,
    refuse_size,
    short,
    text_of,
    unreadable,
)

MAX_BYTES = 10 << 20
MAX_NODES = 100_000
"""Of one file: some 2,000 VirtualServices, which takes half a second."""
MAX_PROBLEMS = 100
"""Of one file; whoever has more has one problem."""
SUFFIXES = (".yaml", ".yml", ".json")
"""What kubectl picks from a folder."""

_STRING_TAGS = ("!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
MANIFEST = Form(
    most_bytes=MAX_BYTES,
    most_nodes=MAX_NODES,
    most_documents=None,
    tags=frozenset(_STRING_TAGS),
    loader=FAST_LOADER,
)

_TRUE = "y Y yes Yes YES true True TRUE on On ON".split()
_FALSE = "n N no No NO false False FALSE off Off OFF".split()
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
}
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER = re.compile(r"(?:[-+0-9]|\.[0-9])[-+.0-9a-zA-Z_]*")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"([-+]?)0([xXbBoO]?)([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = {"x": 16, "b": 2, "o": 8, "": 8}
_LARGEST_WHOLE = 10**21
"""From there on Go writes a float with an exponent."""
_MOST_DIGITS = 21
"""Of an integer of 64 bits, and its sign."""


@dataclass(frozen=True)
class Manifest:
    """One object as it was written."""

    value: dict[str, Any]
    path: str
    lines: Mapping[Steps, int]
    """Of the document it stands in."""
    base: Steps = ()
    """Where in the document it is: elsewhere than at the top if it is a member of a List."""

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line()}"

    def line(self, place: str = "") -> int:
        """The line of a field as admission names it (spec.http[0].match[1].uri), or of what lacks it."""
        return self.lines.get((*self.base, *_steps(place, self.value)), 1)

    def problem(self, place: str, *, problem: str, hint: str) -> Problem:
        return Problem(path=self.path, line=self.line(place), problem=problem, hint=hint)


@dataclass(frozen=True)
class Manifests:
    """What was read, in the order in which kubectl applies it, and what is likely not meant so."""

    items: tuple[Manifest, ...]
    warnings: tuple[Problem, ...] = ()


def read_manifests(path: Path) -> Manifests:
    """Reads a file, or the files of a folder by name; raises BadInput that names everything that is wrong."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    else:
        files = [path]
    items: list[Manifest] = []
    warnings: list[Problem] = []
    problems: list[Problem] = []
    for file in files:
        try:
            read = _read_file(file)
        except BadInput as bad:
            problems += bad.problems
        else:
            items += read.items
            warnings += read.warnings
    if problems:
        raise BadInput.joined(problems)
    if not items:
        hint = f"name a file with objects, or a folder with files ending in {', '.join(SUFFIXES)}"
        raise BadInput(path=str(path), line=None, problem="there is no object here", hint=hint)
    return Manifests(tuple(items), tuple(warnings))


def _read_file(path: Path) -> Manifests:
    text = text_of(path, MANIFEST)
    items: list[Manifest] = []
    problems: list[Problem] = []
    reading = _AsKubectl(str(path), MANIFEST)
    try:
        for root in documents(text, str(path), MANIFEST):
            reading.lines = {}
            value = reading.value(root, ())
            if value is not None:
                items += _objects(value, Manifest({}, str(path), reading.lines), problems)
            if len(problems) + len(reading.problems) > MAX_PROBLEMS:
                break
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise unreadable(error, text, str(path)) from error
    problems += reading.problems
    if problems:
        by_line = sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)
        raise BadInput.joined(by_line[:MAX_PROBLEMS])
    return Manifests(tuple(items), tuple(reading.warnings))


def _objects(value: Any, at: Manifest, problems: list[Problem]) -> Iterator[Manifest]:
    """The object, or the members of a List, however deep."""
    if not isinstance(value, dict):
        hint = "write an object with apiVersion, kind and metadata"
        problems.append(at.problem("", problem="this is no mapping of keys to values", hint=hint))
        return
    here = Manifest(value, at.path, at.lines, at.base)
    kind, members = value.get("kind"), value.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(members, list):
        for index, member in enumerate(members):
            place = Manifest({}, at.path, at.lines, (*at.base, "items", index))
            yield from _objects(member, place, problems)
        return
    problems += _nameless(here)
    yield here


def _nameless(manifest: Manifest) -> Iterator[Problem]:
    """What kubectl needs of an object to know where to send it."""
    for key in ("apiVersion", "kind"):
        given = manifest.value.get(key)
        if not isinstance(given, str) or not given:
            example = "networking.istio.io/v1" if key == "apiVersion" else "VirtualService"
            yield manifest.problem(key, problem=f"the object has no {key}", hint=f"write one, such as {example}")
    metadata = manifest.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        hint = "write metadata: {name: ...}, a string"
        yield manifest.problem("metadata.name", problem="the object has no name", hint=hint)


def _steps(place: str, value: Any) -> Steps:
    """The steps of a field. Keys may have dots and brackets in them, so the value says where one ends."""
    steps: list[str | int] = []
    rest = place
    while rest:
        found = _next_step(rest, value)
        if found is None:
            break
        step, written = found
        steps.append(step)
        value = value[step]
        rest = rest[len(written) :]
    return tuple(steps)


def _next_step(rest: str, value: Any) -> tuple[str | int, str] | None:
    if isinstance(value, list):
        index = re.match(r"\[([0-9]{1,9})\]", rest)
        return (int(index[1]), index[0]) if index and int(index[1]) < len(value) else None
    if not isinstance(value, dict):
        return None
    written = ((key, form) for key in value for form in (f"[{key}]", f".{key}", key))
    fitting = [(key, form) for key, form in written if rest.startswith(form) and _ends(rest[len(form) :])]
    return max(fitting, key=lambda pair: len(pair[1]), default=None)


def _ends(rest: str) -> bool:
    return not rest or rest[0] in ".["


@dataclass
class _AsKubectl(Reading):
    warnings: list[Problem] = field(default_factory=list)

    def entries(self, node: Collection, steps: Steps) -> Iterable[tuple[str, Node]]:
        found: dict[str, tuple[Node, int]] = {}
        for key_node, child in node.pairs():
            if isinstance(key_node, Scalar) and key_node.is_plain and key_node.text == "<<":
                found |= self.merged(child, len(steps))
                continue
            key = self.key(key_node)
            if key is None:
                continue
            if key in found and found[key][1]:
                problem = f"the key {short(key)!r} is here a second time; kubectl takes this one and forgets the other"
                hint = f"keep one; line {found[key][1]} has it too"
                self.warnings.append(Problem(path=self.path, line=key_node.line, problem=problem, hint=hint))
            found[key] = (child, key_node.line)
        for key, (child, line) in found.items():
            self.lines[*steps, key] = line or child.line
            yield key, child

    def merged(self, node: Node, depth: int) -> dict[str, tuple[Node, int]]:
        """The entries of what stands after `<<`, with line 0: what is merged may be written again."""
        self.nodes += 1
        refuse_size(depth + 1, self.nodes, self.path, node.line, self.form)
        found: dict[str, tuple[Node, int]] = {}
        if isinstance(node, Scalar):
            self.refuse(node.line, "<< wants a mapping", "write an alias of one")
        elif node.is_mapping:
            for key_node, child in node.pairs():
                self.nodes += 1
                if isinstance(key_node, Scalar) and key_node.is_plain and key_node.text == "<<":
                    found |= self.merged(child, depth + 1)
                elif (key := self.key(key_node)) is not None:
                    found[key] = (child, 0)
        else:
            for member in reversed(node.children):
                found |= self.merged(member, depth + 1)
        return found

    def key(self, node: Node) -> str | None:
        """JSON has strings for keys; numbers and truth values become some."""
        value = self.scalar(node) if isinstance(node, Scalar) else None
        if value is None:
            self.refuse(node.line, "a key here is neither a string nor a number", "put it in quotes")
            return None
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)

    def scalar(self, node: Scalar) -> Any:
        text = node.text
        if not node.is_plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INFINITE.fullmatch(text):
            self.refuse(node.line, f"{text} cannot be written as JSON", "put it in quotes if it is a string")
            return text
        return _number(text) if _NUMBER.fullmatch(text) else text


def _number(text: str) -> int | float | str:
    """As strconv.ParseInt with base 0, and then ParseFloat, would have it; a string if neither does."""
    bare = text.replace("_", "")
    whole = _whole(bare)
    if whole is not None and -(2**63) <= whole < 2**64:
        return whole
    if not _FLOAT.fullmatch(bare):
        return text
    number = float(bare)
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < _LARGEST_WHOLE else number


def _whole(text: str) -> int | None:
    if _DECIMAL.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text)
    based = _BASED.fullmatch(text)
    if based is None:
        return None
    try:
        return int(based[1] + based[3], _BASES[based[2].lower()])
    except ValueError:
        return None  # 08 is no octal number, but a float
