"""RE2 as Envoy runs it: byte by byte (as of CVE-2026-73552), and never Python's own dialect."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Any

import re2  # type: ignore[import-untyped]

MAX_PROGRAM_SIZE = 32768
"""`re2.max_program_size.error_level` in the bootstrap that Istio gives Envoy."""

_MAX_MEMORY = 4 << 20
"""Bytes of one compiled expression: the least that still takes every program of the size above."""

_PARTS = re.compile(rb"(?P<literal>[^\\]+)|\\(?P<group>[0-9])|\\(?P<backslash>\\)|(?P<invalid>\\)")

Replacement = tuple[tuple[bytes | int, ...], int]
"""What is put in place of a match, literally or as the number of a group; and the highest of those numbers."""


@dataclass(frozen=True, slots=True)
class Regex:
    """One compiled expression."""

    text: str
    _full_match: Callable[[bytes], Any] = field(repr=False, compare=False)
    _find_all: Callable[[bytes], Any] = field(repr=False, compare=False)
    _groups: int = field(repr=False, compare=False)

    def matches(self, value: str) -> bool:
        """True if it matches the whole value."""
        return self._full_match(value.encode(errors="surrogateescape")) is not None

    def replace_all(self, value: str, substitution: str) -> str:
        r"""RE2's GlobalReplace: unanchored, `\1` is a group; unchanged if it names a group that does not exist."""
        pieces, highest = _replacement(substitution)
        if highest > self._groups:
            return value
        text = value.encode(errors="surrogateescape")
        parts: list[bytes] = []
        end, last_end = 0, -1
        for match in self._find_all(text):
            start, stop = match.span()
            # An empty match where the one before it ended does not count.
            if start == stop == last_end:
                continue
            parts.append(text[end:start])
            parts += (piece if isinstance(piece, bytes) else match[piece] or b"" for piece in pieces)
            end = last_end = stop
        parts.append(text[end:])
        return b"".join(parts).decode(errors="surrogateescape")


@lru_cache(maxsize=128)
def compile_regex(text: str) -> Regex:
    """Raises ValueError, with RE2's own words, for what Envoy would not load."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        compiled = re2.compile(text.encode(), options)
    except re2.error as error:
        raise ValueError(error.args[0].decode()) from error
    if compiled.programsize > MAX_PROGRAM_SIZE:
        raise ValueError(f"RE2 program size of {compiled.programsize} > max program size of {MAX_PROGRAM_SIZE}")
    return Regex(text, compiled.fullmatch, compiled.finditer, compiled.groups)


@lru_cache(maxsize=128)
def _replacement(substitution: str) -> Replacement:
    r"""Splits `a\1b`; in RE2 a backslash before anything but a digit or a backslash ends what is written."""
    parts = list(_PARTS.finditer(substitution.encode()))
    written = takewhile(lambda part: not part["invalid"], parts)
    pieces = tuple(int(part["group"]) if part["group"] else part["literal"] or part["backslash"] for part in written)
    return pieces, max((int(part["group"]) for part in parts if part["group"]), default=0)
