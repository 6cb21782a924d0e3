"""A catalogue that cannot be read, or contradicts itself, is refused with file, line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue.load import read_catalogue
from conformance.errors import BadInput

GOOD = """\
areas:
- name: Gateways
  promises:
  - id: gateway/one
    documents: [000, 001]
    claim: one is one
  - id: gateway/two
    documents: [001]
    claim: two is two
    departs: two is three today
documents:
- id: 000
  title: first
  sections:
  - heading: Introduction
    title: words
    none: only words
  - heading: "1"
    title: one
    promises: [gateway/one]
    besides:
    - says: a dashboard shows it
      because: it is a dashboard
- id: 001
  title: second
  sections:
  - heading: both
    title: one and two
    promises:
    - gateway/one
    - gateway/two
"""


def read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "promises.yaml"
    path.write_text(text)
    read_catalogue(path)


def test_a_good_catalogue_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "promises.yaml"
    path.write_text(GOOD)
    catalogue = read_catalogue(path)
    one, two = catalogue.promises()
    first, second = catalogue.documents
    assert (one.id, one.documents, one.claim, one.departs) == ("gateway/one", ("000", "001"), "one is one", "")
    assert two.departs == "two is three today"
    assert [section.none for section in first.sections] == ["only words", ""]
    assert first.sections[1].besides[0].because == "it is a dashboard"
    assert second.sections[0].promises == ("gateway/one", "gateway/two")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("    claim: one", "    clam: one", 6, "areas[0].promises[0] has no key 'clam'"),
        ("    claim: one is one\n", "", 4, "areas[0].promises[0].claim is missing"),
        ("claim: one is one", "claim:", 6, "areas[0].promises[0].claim is empty"),
        ("departs: two is three today", "departs: true", 10, "areas[0].promises[1].departs is true"),
        ("- id: gateway/one", "- id: Gateway/One", 4, "areas[0].promises[0].id is 'Gateway/One'"),
        ("documents: [001]", "documents: []", 8, "areas[0].promises[1].documents is a list of 0"),
        ("documents: [000, 001]", "documents: [0, 001]", 5, "areas[0].promises[0].documents[0] is 0"),
        ("- id: gateway/two", "- id: gateway/one", 7, "the promise gateway/one is in line 4 already"),
        ("- id: 001", "- id: 000", 24, "the document 000 is in line 12 already"),
        ('heading: "1"', "heading: Introduction", 18, "the section Introduction is in line 15 already"),
        ("    - gateway/two", "    - gateway/one", 31, "the promise gateway/one is in line 30 already"),
        ("documents: [001]", "documents: [001, 002]", 8, "there is no document '002'"),
        ("documents: [001]", "documents: [001, 000]", 8, "no section of 000 promises gateway/two"),
        ("    - gateway/two", "    - gateway/too", 31, "there is no promise gateway/too"),
        ("[gateway/one]", "[gateway/one, gateway/two]", 20, "gateway/two is no promise of document 000"),
        ("    none: only words\n", "", 15, "Introduction has neither promises nor none"),
        ("    promises: [", "    none: no\n    promises: [", 18, "1 has both promises and none"),
        ("areas:", "areas: [", 2, "this is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    assert GOOD.count(old) == 1, f"{old!r} is not in the good catalogue once"
    with pytest.raises(BadInput) as caught:
        read(tmp_path, GOOD.replace(old, new))
    said = [(each.line, each.problem) for each in caught.value.problems]
    assert any(at == line and text.startswith(problem) for at, text in said), said
    assert all(each.hint for each in caught.value.problems)


def test_a_misspelt_promise_is_proposed(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean gateway/two"):
        read(tmp_path, GOOD.replace("    - gateway/two", "    - gateway/too"))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_catalogue(tmp_path / "absent.yaml")
