"""Manifests are read as kubectl reads them, with lines and limits."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import BadInput
from conformance.language.manifests import MAX_BYTES, MAX_NODES, MAX_PROBLEMS, Manifest, Manifests, read_manifests

HEAD = "apiVersion: v1\nkind: Thing\nmetadata: {name: a}\n"


def reading(tmp_path: Path, content: str | bytes, name: str = "file.yaml") -> Manifests:
    return read_manifests(written(tmp_path, content, name))


def written(tmp_path: Path, content: str | bytes, name: str = "file.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def value(tmp_path: Path, text: str) -> Any:
    """What stands in the file beside the head."""
    (manifest,) = reading(tmp_path, HEAD + text).items
    return {key: given for key, given in manifest.value.items() if key not in {"apiVersion", "kind", "metadata"}}


def refusal(tmp_path: Path, content: str | bytes) -> BadInput:
    path = written(tmp_path, content)
    with pytest.raises(BadInput) as caught:
        read_manifests(path)
    assert all(problem.path == str(path) and problem.hint for problem in caught.value.problems)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True), ("y", True), ("on", True), ("True", True), ("TRUE", True), ("true", True),
        ("no", False), ("n", False), ("Off", False), ("FALSE", False),
        ("", None), ("~", None), ("Null", None), ("null", None),
        ("010", 8), ("0777", 511), ("08", 8), ("0x1F", 31), ("0b11", 3), ("0o17", 15), ("-0x1F", -31), ("1_000", 1000),
        ("+7", 7), ("-0", 0), ("18446744073709551615", 2**64 - 1), ("99999999999999999999", 10**20),
        ("80.0", 80), ("5.", 5), ("1e3", 1000), ("1.5", 1.5), (".5", 0.5), ("1_0.5", 10.5), ("1e21", 1e21),
        ("1e400", "1e400"), ("0x1F.5", "0x1F.5"), ("0b2", "0b2"), ("1.2.3", "1.2.3"), ("._5", "._5"), ("+", "+"),
        ("12:30:45", "12:30:45"), ("2026-11-21", "2026-11-21"), ("=", "="), ("10.0.0.1", "10.0.0.1"), ("1h", "1h"),
        ('"5"', "5"), ("'on'", "on"), ("!!str 5", "5"), ("! on", "on"), ("|\n  5", "5\n"), ("a b", "a b"),
        ("0xFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF"),
    ],
)  # fmt: skip
def test_a_scalar_is_what_kubectl_makes_of_it(tmp_path: Path, text: str, expected: object) -> None:
    found = value(tmp_path, f"data: {text}\n")["data"]
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80: x", {"80": "x"}),
        ("true: x", {"true": "x"}),
        ("on: x", {"true": "x"}),
        ("no: x", {"false": "x"}),
        ("1.5: x", {"1.5": "x"}),
        ("'<<': x", {"<<": "x"}),
        ("x: &x {a: 2, b: 3}\nc:\n  a: 1\n  <<: *x", {"x": {"a": 2, "b": 3}, "c": {"a": 2, "b": 3}}),
        ("x: &x {a: 2, b: 3}\nc:\n  <<: *x\n  a: 1", {"x": {"a": 2, "b": 3}, "c": {"a": 1, "b": 3}}),
        (
            "x: &x {a: 2}\nz: &z {<<: *x, a: 5, b: 6}\nc:\n  <<: [*x, *z]",
            {"x": {"a": 2}, "z": {"a": 5, "b": 6}, "c": {"a": 2, "b": 6}},
        ),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ],
)
def test_keys_are_strings_and_merged_as_kubectl_does(tmp_path: Path, text: str, expected: object) -> None:
    assert value(tmp_path, text) == expected


def test_of_a_repeated_key_the_last_one_counts_with_a_warning(tmp_path: Path) -> None:
    """As in the tutorial that writes a prefix, and then another one (specification, section 2)."""
    text = HEAD + "spec:\n  uri:\n    prefix: /\n    prefix: /guestbook\n"
    read = reading(tmp_path, text)
    assert read.items[0].value["spec"] == {"uri": {"prefix": "/guestbook"}}
    (warning,) = read.warnings
    assert (warning.path, warning.line) == (str(tmp_path / "file.yaml"), 7)
    assert "the key 'prefix' is here a second time" in warning.problem
    assert "line 6 has it too" in warning.hint
    assert read.items[0].line("spec.uri.prefix") == 7


def test_a_key_repeated_as_a_number_is_the_same_key(tmp_path: Path) -> None:
    read = reading(tmp_path, HEAD + "'80': a\n80: b\n")
    assert read.items[0].value["80"] == "b"
    assert len(read.warnings) == 1


def test_every_document_of_a_file_is_an_object(tmp_path: Path) -> None:
    read = reading(tmp_path, f"---\n# nothing\n---\n{HEAD}---\n{HEAD.replace('a}', 'b}')}---\n")
    assert [manifest.value["metadata"]["name"] for manifest in read.items] == ["a", "b"]
    assert [manifest.where.rpartition(":")[2] for manifest in read.items] == ["4", "8"]


def test_the_files_of_a_folder_are_read_by_name(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "c.json", "d.txt", "e.YAML"):
        written(tmp_path, json.dumps({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": name}}), name)
    (tmp_path / "folder.yaml").mkdir()
    names = [manifest.value["metadata"]["name"] for manifest in read_manifests(tmp_path).items]
    assert names == ["a.yaml", "b.yml", "c.json"]


def test_json_may_be_indented_by_tabs(tmp_path: Path) -> None:
    content = json.dumps({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "é/\n"}}, indent="\t")
    assert reading(tmp_path, content, "file.json").items[0].value["metadata"]["name"] == "é/\n"


def test_a_list_is_taken_apart(tmp_path: Path) -> None:
    inner = "- {apiVersion: v1, kind: Thing, metadata: {name: b}}\n"
    nested = (
        "- apiVersion: v1\n  kind: ThingList\n  items:\n"
        "  - apiVersion: v1\n    kind: Thing\n    metadata:\n      name: c\n"
    )
    read = reading(tmp_path, f"apiVersion: v1\nkind: List\nitems:\n{inner}{nested}")
    assert [manifest.value["metadata"]["name"] for manifest in read.items] == ["b", "c"]
    assert [manifest.line() for manifest in read.items] == [4, 8]
    assert read.items[1].line("metadata.name") == 11
    assert read.items[1].line("spec.http") == 8


def test_the_line_of_a_field_is_found_by_its_name_in_remarks(tmp_path: Path) -> None:
    text = """spec:
  http:
  - match:
    - uri: {prefix: /}
      headers:
        a.b:
          exact: x
        "c[d]":
          exact: y
    timeout: 5s
"""
    (manifest,) = reading(tmp_path, HEAD + text).items
    lines = {
        "": 1,
        "spec": 4,
        "metadata.name": 3,
        "spec.http[0]": 6,
        "spec.http[0].match[0].uri.prefix": 7,
        "spec.http[0].match[0].headers[a.b].exact": 10,
        "spec.http[0].match[0].headers.a.b.exact": 10,
        "spec.http[0].match[0].headers[c[d]].exact": 12,
        "spec.http[0].timeout": 13,
        "spec.http[0].route[0].destination": 6,
        "spec.http[7]": 5,
        "spec.http[0].timeout.deeper": 13,
        "elsewhere": 1,
    }
    assert {place: manifest.line(place) for place in lines} == lines
    problem = manifest.problem("spec.http[0].timeout", problem="too short", hint="wait")
    assert str(problem) == f"{tmp_path / 'file.yaml'}:13: too short\n  wait"


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("", None, "there is no object here"),
        ("# only a comment\n", None, "there is no object here"),
        ("---\n---\n", None, "there is no object here"),
        ("- a\n", 1, "this is no mapping"),
        (f"{HEAD}---\njust text\n", 5, "this is no mapping"),
        ("kind: Thing\nmetadata: {name: a}\n", 1, "the object has no apiVersion"),
        ("apiVersion: v1\nmetadata: {name: a}\n", 1, "the object has no kind"),
        ("apiVersion: v1\nkind: 5\nmetadata: {name: a}\n", 2, "the object has no kind"),
        ("apiVersion: v1\nkind: Thing\n", 1, "the object has no name"),
        ("apiVersion: v1\nkind: Thing\nmetadata:\n  name: 5\n", 4, "the object has no name"),
        ("apiVersion: v1\nkind: List\nitems: [5]\n", 3, "this is no mapping"),
        (f"{HEAD}a: .inf\n", 4, "cannot be written as JSON"),
        (f"{HEAD}a: -.Inf\n", 4, "cannot be written as JSON"),
        (f"{HEAD}~: x\n", 4, "neither a string nor a number"),
        (f"{HEAD}? [a]\n: x\n", 4, "neither a string nor a number"),
        (f"{HEAD}<<: x\n", 4, "<< wants a mapping"),
        (f"{HEAD}b: {{<<: [x]}}\n", 4, "<< wants a mapping"),
        (f"{HEAD}b: &b {{~: x}}\nc: {{<<: *b}}\n", 4, "neither a string nor a number"),
        (f"{HEAD}a: !!binary aGk=\n", 4, "the tag tag:yaml.org,2002:binary is not allowed"),
        (f"{HEAD}a: *nowhere\n", 4, "undefined alias 'nowhere'"),
        (f"{HEAD}a:\n\tb: 1\n", 5, "a tab stands where YAML wants spaces"),
        (f"{HEAD}b: c: d\n", 4, "this is not YAML"),
        (f"{HEAD}b: [c\n", 5, "this is not YAML"),
        (f'{HEAD}a: "\\UFFFFFFFF"\n', 4, "this is not YAML"),
        (b"a: \xe9\n", 1, "0xe9 is not UTF-8"),
        (b"a: \x07\n", 1, "is not allowed in YAML"),
        ("\ufeffa: 1\n", 1, "byte order mark"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, line: int | None, problem: str
) -> None:
    bad = refusal(tmp_path, content)
    assert (len(bad.problems), bad.line) == (1, line)
    assert problem in bad.problem


def test_an_object_without_lines_stands_on_the_first() -> None:
    assert Manifest({}, "file.yaml", {}).where == "file.yaml:1"


def test_everything_that_is_wrong_is_named(tmp_path: Path) -> None:
    written(tmp_path, "a: [\n", "a.yaml")
    written(tmp_path, f"kind: Thing\n---\n{HEAD}~: x\n", "b.yaml")
    with pytest.raises(BadInput) as caught:
        read_manifests(tmp_path)
    assert [(Path(each.path).name, each.line) for each in caught.value.problems] == [
        ("a.yaml", 2),
        ("b.yaml", 1),
        ("b.yaml", 1),
        ("b.yaml", 6),
    ]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_manifests(tmp_path / "absent.yaml")


def test_a_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no object here"):
        read_manifests(tmp_path)


def test_of_an_endless_file_no_more_is_read_than_it_may_have() -> None:
    if not os.path.exists("/dev/zero"):  # noqa: PTH110 - a device
        pytest.skip("there is no /dev/zero")
    with pytest.raises(BadInput, match="larger than"):
        read_manifests(Path("/dev/zero"))


OBJECTS = f"{HEAD}---\n"
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1},' * 9}]}}\n" for n in range(1, 12))
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: " + "x" * MAX_BYTES, f"larger than {MAX_BYTES} bytes"),
        (OBJECTS * 200_000, f"more than {MAX_NODES} values"),
        (OBJECTS * 11_000 + "a: b: c", "this is not YAML"),
        ("- a\n" * 2_000_000, f"more than {MAX_NODES} values"),
        ("--- a\n" * 1_500_000, "this is no mapping"),
        ("---\n" * 2_000_000, "values"),
        ("[" * 5_000_000, "deeper than"),
        ("{a: " * 2_000_000, "deeper than"),
        ("- " * 5_000_000, "deeper than"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(1000)), "deeper than"),
        ("a: &a [*a]", "deeper than"),
        ("a: &a {<<: *a}", "deeper than"),
        (LAUGHS, "aliases expanded"),
        (MERGES, "aliases expanded"),
        ("a: " + "9" * 9_000_000, "no apiVersion"),
        ("a: 1e" + "9" * 9_000_000, "no apiVersion"),
        ("a: 0x" + "f" * 9_000_000, "no apiVersion"),
        ("a: !<" + "x" * 9_000_000 + "> b", "the tag xxx"),
        ("a: *" + "x" * 9_000_000, "undefined alias"),
        ("x" * 9_000_000 + ": a", "this is not YAML"),
        ("%YAML 1.1\n" * 900_000, "this is not YAML"),
    ],
    ids=[
        "too large",
        "many objects",
        "a fault at the end",
        "a long list",
        "many documents of a word",
        "many empty documents",
        "deep flow",
        "deep flow of mappings",
        "deep lists",
        "deep mappings",
        "an endless alias",
        "an endless merge",
        "billion laughs",
        "billion merges",
        "an endless number",
        "an endless exponent",
        "an endless hexadecimal number",
        "an endless tag",
        "an endless alias name",
        "an endless key",
        "many directives",
    ],
)
def test_hostile_files_are_refused_within_a_second(tmp_path: Path, content: str, problem: str) -> None:
    path = written(tmp_path, content)
    begun = time.process_time()  # processor time: how busy the machine is says nothing about the reader
    with pytest.raises(BadInput) as caught:
        read_manifests(path)
    assert time.process_time() - begun < 1
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 300 * MAX_PROBLEMS


def test_the_largest_file_is_read_within_a_second(tmp_path: Path) -> None:
    path = written(tmp_path, OBJECTS * 11_000)
    begun = time.process_time()
    assert len(read_manifests(path).items) == 11_000
    assert time.process_time() - begun < 1
