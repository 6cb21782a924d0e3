"""A YAML file reads as a person expects, or not at all."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import BadInput
from conformance.language.source import MAX_BYTES, MAX_NODES, read_source


def reading(tmp_path: Path, content: str | bytes) -> Any:
    return read_source(written(tmp_path, content)).value


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "file.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(tmp_path: Path, content: str | bytes) -> BadInput:
    path = written(tmp_path, content)
    with pytest.raises(BadInput) as caught:
        read_source(path)
    assert caught.value.path == str(path)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("no", "no"),
        ("True", "True"),
        ("on", "on"),
        ("010", "010"),
        ("002", "002"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("2026-11-21", "2026-11-21"),
        (".inf", ".inf"),
        ("=", "="),
        ('"5"', "5"),
        ("'true'", "true"),
        ("|\n  5", "5"),
    ],
)
def test_a_plain_scalar_is_a_string_unless_it_can_be_nothing_else(tmp_path: Path, text: str, value: object) -> None:
    found = reading(tmp_path, f"key: {text}")["key"]
    assert (type(found), found) == (type(value), value)


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, "# why\na:\n- b: 1\n  c:\n    - x\n- d\n"))
    assert source.value == {"a": [{"b": 1, "c": ["x"]}, "d"]}
    assert [source.line(*steps) for steps in [(), ("a",), ("a", 0), ("a", 0, "c"), ("a", 0, "c", 0), ("a", 1)]] == [
        2, 2, 3, 4, 5, 6,
    ]  # fmt: skip


def test_a_missing_value_has_the_line_of_what_lacks_it(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, "a:\n- b: 1\n- c: 2\n"))
    assert source.line("a", 1, "missing", "deeper") == 3


def test_aliases_are_values_like_any_other(tmp_path: Path) -> None:
    assert reading(tmp_path, "a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("", None, "empty"),
        ("# only a comment\n", None, "empty"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is here a second time"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, "the key 'c' is here a second time"),
        ("a:\n\tb: 1\n", 2, "a tab"),
        ("\ufeffa: 1\n", 1, "byte order mark"),
        ("a: 1\n".encode("utf-16"), 1, "byte order mark"),
        (b"a: 1\nb: \xe9t\n", 2, "0xe9 is not UTF-8"),
        (b"a: 1\nb: \x07\n", 2, "is not allowed in YAML"),
        ("a: 1\n80: x\n", 2, "not a string"),
        ("a: 1\ntrue: x\n", 2, "not a string"),
        ("? [a]\n: x\n", 1, "not a string"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge keys"),
        ("a: !!python/name:os.system x\n", 1, "the tag"),
        ("a: 1\nb: !!str 5\n", 2, "the tag"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: 1\nb: " + "9" * 30 + "\n", 2, "too large"),
        ("a: 1e999\n", 1, "too large"),
        ('a: "\\ud800"\n', 1, "surrogate"),
        ('a: "\\UFFFFFFFF"\n', None, "not YAML"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, line: int | None, problem: str
) -> None:
    bad = refusal(tmp_path, content)
    assert (bad.line, len(bad.problems)) == (line, 1)
    assert problem in bad.problem
    assert bad.hint


def test_every_repeated_key_is_named(tmp_path: Path) -> None:
    bad = refusal(tmp_path, "a: 1\na: 2\nb:\n  c: 1\n  c: 2\n")
    assert [problem.line for problem in bad.problems] == [2, 5]
    assert str(bad).count("a second time") == 2


def test_a_refusal_reads_as_file_line_problem_and_hint(tmp_path: Path) -> None:
    bad = refusal(tmp_path, "a: 1\na: 2\n")
    assert str(bad) == f"{bad.path}:2: the key 'a' is here a second time\n  keep one; line 1 has it too"
    assert bad.exit_code == 2


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            read_source(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: " + "x" * 10_000_000, f"larger than {MAX_BYTES} bytes"),
        ("[" * 500_000, "deeper than"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(1000)), "deeper than"),
        ("- " * 500_000, "deeper than"),
        ("a: &a [*a]", "deeper than"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12)), "aliases expanded"),
    ],
    ids=["10 MB", "deep flow", "deep mappings", "deep lists", "endless alias", "billion laughs"],
)
def test_hostile_files_are_refused_within_a_second(tmp_path: Path, content: str, problem: str) -> None:
    path = written(tmp_path, content)
    begun = time.process_time()  # processor time: how busy the machine is says nothing about the reader
    with pytest.raises(BadInput, match=problem):
        read_source(path)
    assert time.process_time() - begun < 1


def test_the_number_of_values_is_bounded(tmp_path: Path) -> None:
    assert str(MAX_NODES) in refusal(tmp_path, "[" + "1," * (MAX_NODES + 1) + "]").problem
