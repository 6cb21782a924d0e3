"""Reads YAML: bytes in, plain Python values and the line of each of them out.

Of a scenario (`read_source`) it is the part of 1.2 that reads the same for a person, for Kubernetes and for us: one
document, no duplicate keys, no tags, no merge keys, and only `true`, `false`, `null`, `~` and decimal numbers are
anything but strings. What it shares with other readers (manifests.py) is public: `text_of`, `documents`, `unreadable`,
and `Reading`, whose scalars and keys they read in their own way. Nothing here knows what a scenario is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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

MAX_QUOTED = 60
"""Characters of what was read in a message."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a file of one kind may hold."""

    most_bytes: int
    most_nodes: int
    most_documents: int | None
    """None: any number."""
    tags: frozenset[str]
    """Those that do not change a value."""
    loader: Any
    """The parser. The pure one explains itself better, the C one is eight times faster."""


FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SCENARIO = Form(most_bytes=MAX_BYTES, most_nodes=MAX_NODES, most_documents=1, tags=frozenset(), loader=FAST_LOADER)
_EXPLAINED = replace(SCENARIO, loader=yaml.SafeLoader)


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
    text = text_of(path, SCENARIO)
    try:
        try:
            return _source(text, str(path), SCENARIO)
        except yaml.YAMLError:
            return _source(text, str(path), _EXPLAINED)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise unreadable(error, text, str(path)) from error


def _source(text: str, path: str, form: Form) -> Source:
    reading = Reading(path, form)
    roots = list(documents(text, path, form))
    if not roots:
        raise BadInput(path=path, line=None, problem="the file is empty", hint="write a document, or delete the file")
    value = reading.value(roots[0], ())
    if reading.problems:
        raise BadInput.joined(dict.fromkeys(reading.problems))
    return Source(path, value, reading.lines)


def text_of(path: Path, form: Form) -> str:
    """The file's text, of which no more is read than it may have."""
    try:
        with path.open("rb") as file:
            content = file.read(form.most_bytes + 1)
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
        raise BadInput(path=str(path), line=None, problem=problem, hint="name a file that can be read") from error
    if len(content) > form.most_bytes:
        problem = f"the file is larger than {form.most_bytes} bytes"
        raise BadInput(path=str(path), line=None, problem=problem, hint="split it into several")
    return _decoded(content, str(path))


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


@dataclass(slots=True)
class Scalar:
    text: str
    line: int
    is_plain: bool
    """Neither quoted nor marked as a string: it may be something else than one."""


@dataclass(slots=True)
class Collection:
    """A list, or a mapping, whose keys and values take turns."""

    line: int
    is_mapping: bool
    children: list[Node] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        return zip(self.children[::2], self.children[1::2], strict=True)


Node = Scalar | Collection


def documents(text: str, path: str, form: Form) -> Iterator[Node]:
    """The root of every document.

    The parser's events are put together here instead of by its own composer, which recurses (the C one until it
    crashes) and knows no limits.
    """
    composing = _Composing(path, form)
    for event in yaml.parse(text, Loader=form.loader):
        root = composing.take(event)
        if root is not None:
            yield root


@dataclass
class _Composing:
    path: str
    form: Form
    documents: int = 0
    nodes: int = 0
    open: list[Collection] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)

    def take(self, event: Any) -> Node | None:
        """Takes the next event; returns the root when it ends a document."""
        if isinstance(event, yaml.NodeEvent):
            return self.add(self.node(event))
        if isinstance(event, yaml.CollectionEndEvent):
            node = self.open.pop()
            return None if self.open else node
        if isinstance(event, yaml.DocumentStartEvent):
            self.begin(_line(event.start_mark))
        return None

    def begin(self, line: int) -> None:
        self.documents += 1
        self.anchors.clear()
        if self.form.most_documents is not None and self.documents > self.form.most_documents:
            hint = "keep one document per file"
            raise BadInput(path=self.path, line=line, problem="a second document begins here", hint=hint)

    def add(self, node: tuple[Node, bool]) -> Node | None:
        child, is_open = node
        is_root = not self.open
        if not is_root:
            self.open[-1].children.append(child)
        if is_open:
            assert isinstance(child, Collection), "nothing else is open"
            self.open.append(child)
        return child if is_root and not is_open else None

    def node(self, event: Any) -> tuple[Node, bool]:
        """The node that begins with an event, and whether it goes on; of an alias, the node it stands for."""
        line = _line(event.start_mark)
        self.nodes += 1
        is_collection = isinstance(event, yaml.CollectionStartEvent)
        refuse_size(len(self.open) + is_collection, self.nodes, self.path, line, self.form)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                name = short(str(event.anchor))
                problem = f"this is not YAML: found undefined alias '{name}'"
                hint = f"write &{name} before the value it stands for, or quotes around it"
                raise BadInput(path=self.path, line=line, problem=problem, hint=hint)
            return self.anchors[event.anchor], False
        if event.tag is not None and event.tag not in self.form.tags:
            hint = "remove the tag; put the value in quotes if a string is meant"
            raise BadInput(path=self.path, line=line, problem=f"the tag {short(event.tag)} is not allowed", hint=hint)
        node: Node
        if is_collection:
            node = Collection(line, isinstance(event, yaml.MappingStartEvent))
        else:
            # The pure parser says None of a plain style, the C one "".
            node = Scalar(event.value, line, is_plain=not event.style and event.tag is None)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node, is_collection


def refuse_size(depth: int, nodes: int, path: str, line: int, form: Form) -> None:
    if depth > MAX_DEPTH:
        problem = f"values are nested deeper than {MAX_DEPTH} levels"
        raise BadInput(path=path, line=line, problem=problem, hint="flatten them")
    if nodes > form.most_nodes:
        problem = f"the file has more than {form.most_nodes} values, aliases expanded"
        raise BadInput(path=path, line=line, problem=problem, hint="split it, or write fewer aliases")


def unreadable(error: yaml.YAMLError | ValueError | OverflowError, text: str, path: str) -> BadInput:
    """The parser's error, for a person."""
    if not isinstance(error, yaml.YAMLError):
        # PyYAML does not wrap what Python says about "\UFFFFFFFF" or an endless version number.
        return BadInput(path=path, line=None, problem=f"this is not YAML: {error}", hint="correct it")
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        character = chr(error.character) if isinstance(error.character, int) else error.character
        problem = f"the character {character!r} is not allowed in YAML"
        return BadInput(path=path, line=line, problem=problem, hint="remove it")
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    line_found = _line(mark) if mark else None
    if mark and text[mark.index : mark.index + 1] == "\t":
        problem = "a tab stands where YAML wants spaces"
        return BadInput(path=path, line=line_found, problem=problem, hint="indent by spaces")
    problem = (error.problem if isinstance(error, yaml.MarkedYAMLError) else None) or str(error)
    hint = "check the indentation, and put a value with a special character in quotes"
    return BadInput(path=path, line=line_found, problem=f"this is not YAML: {problem}", hint=hint)


def short(text: str) -> str:
    """Enough of a text to find it again."""
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"


def _line(mark: Any) -> int:
    """The parser's marks count from 0, and their declared type depends on whether the C loader is there."""
    line: int = mark.line + 1
    return line


@dataclass
class Reading:
    """Turns nodes into values, and collects their lines and what is wrong with them on the way.

    This is the strict reading; another one overrides `entries` and `scalar`.
    """

    path: str
    form: Form
    lines: dict[Steps, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def value(self, node: Node, steps: Steps) -> Any:
        self.nodes += 1
        # Aliases can make the result deeper than the text (even endless) and far larger.
        refuse_size(len(steps), self.nodes, self.path, node.line, self.form)
        self.lines.setdefault(steps, node.line)
        if isinstance(node, Scalar):
            return self.scalar(node)
        if node.is_mapping:
            return {key: self.value(child, (*steps, key)) for key, child in self.entries(node, steps)}
        return [self.value(child, (*steps, index)) for index, child in enumerate(node.children)]

    def entries(self, node: Collection, steps: Steps) -> Iterable[tuple[str, Node]]:
        first: dict[str, int] = {}
        for key_node, child in node.pairs():
            line = key_node.line
            key = self.scalar(key_node) if isinstance(key_node, Scalar) else None
            if not isinstance(key, str):
                self.refuse(line, "a key here is not a string", "put it in quotes")
            elif key == "<<" and isinstance(key_node, Scalar) and key_node.is_plain:
                self.refuse(line, "merge keys (<<) are not allowed", "write the merged keys out")
            elif key in first:
                self.refuse(
                    line, f"the key {short(key)!r} is here a second time", f"keep one; line {first[key]} has it too"
                )
            else:
                first[key] = line
                self.lines[*steps, key] = line
                yield key, child

    def scalar(self, node: Scalar) -> Any:
        text = node.text
        if any("\ud800" <= character <= "\udfff" for character in text):
            hint = r"write the character itself, or \U escapes"
            self.refuse(node.line, "half of a surrogate pair is no character", hint)
        if not node.is_plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text.lstrip("+-")) <= MAX_DIGITS:
            return int(text)
        if _FLOAT.fullmatch(text):
            return self.fraction(text, node.line)
        return text

    def fraction(self, text: str, line: int) -> float | str:
        number = float(text)
        if _INTEGER.fullmatch(text) or not math.isfinite(number):
            self.refuse(line, f"the number {text[:40]} is too large", "put it in quotes if it is a string")
        return number

    def refuse(self, line: int, problem: str, hint: str) -> None:
        self.problems.append(Problem(path=self.path, line=line, problem=problem, hint=hint))
