"""Reads one YAML file: bytes in, plain Python values and the line of each of them out.

The YAML is the part of 1.2 that reads the same for a person, for Kubernetes and for us: one document, no duplicate
keys, no tags, no merge keys, and only `true`, `false`, `null`, `~` and decimal numbers are anything but strings.
Nothing here knows what a scenario is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from conformance.errors import BadInput, Problem

Step = str | int
Steps = tuple[Step, ...]
"""The way to a value from the top of the document: ("cases", 0, "expect")."""

MAX_BYTES = 1 << 20
"""The largest scenario known has 6 kB."""
MAX_DEPTH = 64
"""The deepest Istio object known, a Deployment's pod template, needs 12; the parser's own recursion breaks at 300."""
MAX_NODES = 20_000
"""Counted after aliases are expanded, so that a few lines of them cannot become gigabytes."""
MAX_DIGITS = 18
"""Integers beyond 64 bits are changed silently on their way through other programs."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True)
class Source:
    """The value of a file and where its parts stand."""

    path: str
    value: Any
    lines: Mapping[Steps, int]

    def line(self, *steps: Step) -> int:
        """The line of the value there; of the nearest value around it where it does not exist."""
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 1)

    def at(self, *steps: Step) -> Any:
        """The value there; None where there is none."""
        value = self.value
        for step in steps:
            inside = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
            value = inside.get(step)
        return value

    def problem(self, *steps: Step, problem: str, hint: str) -> Problem:
        return Problem(path=self.path, line=self.line(*steps), problem=problem, hint=hint)


def read_source(path: Path) -> Source:
    """Reads the file, or raises BadInput that names every reason why it cannot be read."""
    text = _decoded(_content(path), str(path))
    try:
        _inspect(text, str(path))
        reading = _Reading(str(path))
        # The C loader is eight times faster, and crashes the process on deep input.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        assert root, "an empty file is refused above"
        value = reading.value(root, ())
    except yaml.YAMLError as error:
        raise _unreadable(error, text, str(path)) from error
    except (ValueError, OverflowError) as error:
        # PyYAML does not wrap what Python says about "\UFFFFFFFF" or an endless version number.
        raise BadInput(path=str(path), line=None, problem=f"this is not YAML: {error}", hint="correct it") from error
    if reading.problems:
        raise BadInput.joined(dict.fromkeys(reading.problems))
    return Source(str(path), value, reading.lines)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
        raise BadInput(path=str(path), line=None, problem=problem, hint="name a file that can be read") from error
    if len(content) > MAX_BYTES:
        problem = f"the file is larger than {MAX_BYTES} bytes"
        raise BadInput(path=str(path), line=None, problem=problem, hint="split it into several")
    return content


def _decoded(content: bytes, path: str) -> str:
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        hint = "save it as UTF-8 without a byte order mark"
        raise BadInput(path=path, line=1, problem="the file begins with a byte order mark", hint=hint)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise BadInput(path=path, line=line, problem=problem, hint="save the file as UTF-8") from error


def _inspect(text: str, path: str) -> None:
    """Walks over the parser's events, which need no recursion, before anything is built from them."""
    documents = depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = _line(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                hint = "keep one document per file"
                raise BadInput(path=path, line=line, problem="a second document begins here", hint=hint)
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            _refuse_size(depth, nodes, path, line)
            tag = getattr(event, "tag", None)  # an alias has none
            if tag is not None:
                hint = "remove the tag; put the value in quotes if a string is meant"
                raise BadInput(path=path, line=line, problem=f"the tag {tag} is not allowed", hint=hint)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    if not documents:
        raise BadInput(path=path, line=None, problem="the file is empty", hint="write a document, or delete the file")


def _refuse_size(depth: int, nodes: int, path: str, line: int) -> None:
    if depth > MAX_DEPTH:
        problem = f"values are nested deeper than {MAX_DEPTH} levels"
        raise BadInput(path=path, line=line, problem=problem, hint="flatten them")
    if nodes > MAX_NODES:
        problem = f"the file has more than {MAX_NODES} values, aliases expanded"
        raise BadInput(path=path, line=line, problem=problem, hint="split it, or write fewer aliases")


def _unreadable(error: yaml.YAMLError, text: str, path: str) -> BadInput:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {error.character!r} is not allowed in YAML"
        return BadInput(path=path, line=line, problem=problem, hint="remove it")
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    line_found = _line(mark) if mark else None
    if mark and text[mark.index : mark.index + 1] == "\t":
        problem = "a tab stands where YAML wants spaces"
        return BadInput(path=path, line=line_found, problem=problem, hint="indent by spaces")
    problem = (error.problem if isinstance(error, yaml.MarkedYAMLError) else None) or str(error)
    hint = "check the indentation, and put a value with a special character in quotes"
    return BadInput(path=path, line=line_found, problem=f"this is not YAML: {problem}", hint=hint)


def _line(mark: Any) -> int:
    """The parser's marks count from 0, and their declared type depends on whether the C loader is there."""
    line: int = mark.line + 1
    return line


@dataclass
class _Reading:
    """Turns the parser's nodes into values, and collects their lines and what is wrong with them on the way."""

    path: str
    lines: dict[Steps, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def value(self, node: yaml.Node, steps: Steps) -> Any:
        line = _line(node.start_mark)
        self.nodes += 1
        # Aliases can make the result deeper than the text (even endless) and far larger.
        _refuse_size(len(steps), self.nodes, self.path, line)
        self.lines.setdefault(steps, line)
        if isinstance(node, yaml.MappingNode):
            return {key: self.value(child, (*steps, key)) for key, child in self.entries(node, steps)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*steps, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode), "there are three kinds of nodes"
        return self.scalar(node)

    def entries(self, node: yaml.MappingNode, steps: Steps) -> Iterator[tuple[str, yaml.Node]]:
        first: dict[str, int] = {}
        for key_node, child in node.value:
            line = _line(key_node.start_mark)
            key = self.scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self.refuse(line, "a key here is not a string", "put it in quotes")
            elif key == "<<" and key_node.style is None:
                self.refuse(line, "merge keys (<<) are not allowed", "write the merged keys out")
            elif key in first:
                self.refuse(line, f"the key {key!r} is here a second time", f"keep one; line {first[key]} has it too")
            else:
                first[key] = line
                self.lines[*steps, key] = line
                yield key, child

    def scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        text: str = node.value
        line = _line(node.start_mark)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.refuse(line, "half of a surrogate pair is no character", r"write the character itself, or \U escapes")
        if node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text.lstrip("+-")) <= MAX_DIGITS:
            return int(text)
        if _FLOAT.fullmatch(text):
            return self.fraction(text, line)
        return text

    def fraction(self, text: str, line: int) -> float | str:
        number = float(text)
        if _INTEGER.fullmatch(text) or not math.isfinite(number):
            self.refuse(line, f"the number {text[:40]} is too large", "put it in quotes if it is a string")
        return number

    def refuse(self, line: int, problem: str, hint: str) -> None:
        self.problems.append(Problem(path=self.path, line=line, problem=problem, hint=hint))
