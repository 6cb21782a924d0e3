"""The register of known deviations: the project's own fits its catalogue, and what does not fit is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from conformance.catalogue.load import read_catalogue
from conformance.commands import SCENARIOS
from conformance.errors import BadInput
from conformance.expectations.register import Entries, read_register, register
from conformance.language.load import Loaded, load_catalogue, load_scenario
from conformance.router.versions import Version

TODAY = date(2026, 11, 21)
SCENARIO = """\
id: area/one
title: one
source: {document: 001, section: "1", claim: it is 403}
app: bookinfo
cases:
- name: root
  from: client
  request: {get: http://a/}
  expect: {status: 404}
  document: {status: 403}
- name: other
  from: client
  request: {get: http://a/}
  expect: {status: 404}
"""
DOCUMENTS = """\
documents:
- scenario: area/one
  cases: [root]
  claims: it is 403
  istio: it is 404
  reason: no route
  link: https://istio.io/latest/
"""
VERSIONS = """\
versions:
- scenario: area/one
  cases: [other]
  checks: [status]
  versions: {since: "1.28", before: "1.30"}
  reason: was so
  link: https://istio.io/latest/
  expires: "2027-01-31"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "scenarios"
    (folder / "area").mkdir(parents=True)
    (folder / "area" / "one.yaml").write_text(SCENARIO)
    return folder


def read(catalogue: Path, text: str) -> Entries:
    path = catalogue.parent / "register.yaml"
    path.write_text(dedent(text))
    return read_register(path, catalogue, TODAY)


def one(catalogue: Path) -> Loaded:
    return load_scenario(catalogue / "area" / "one.yaml")


def test_an_entry_of_a_document_has_the_claims_of_its_cases(catalogue: Path) -> None:
    (departure,) = read(catalogue, DOCUMENTS).known(one(catalogue), Version()).departures

    assert departure.document == "001"
    ((case, claimed),) = departure.claims
    assert (case, claimed.status) == ("root", 403)


@pytest.mark.parametrize(("minor", "count"), [((1, 27), 0), ((1, 28), 1), ((1, 29), 1), ((1, 30), 0), ((1, 32), 0)])
def test_an_entry_of_versions_is_of_these_only(catalogue: Path, minor: tuple[int, int], count: int) -> None:
    known = read(catalogue, DOCUMENTS + VERSIONS).known(one(catalogue), Version(minor))

    assert len(known.deviations) == count


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("area/one", "area/two", 2, "the catalogue has no scenario area/two"),
        ("https://istio.io/latest/", "istio.io", 7, "documents[0].link is 'istio.io'"),
        ("  reason: no route\n", "", 2, "documents[0].reason is missing"),
        ("cases: [root]", "cases: []", 3, "documents[0].cases is a list of 0"),
        ("cases: [root]", "cases: [root]\n  proof: rejected", 2, "the entry has both cases and proof"),
        ("  cases: [root]\n", "", 2, "the entry has neither cases nor proof"),
        ('"2027-01-31"', '"2026-11-20"', 15, "expired on 2026-11-20"),
        ('"2027-01-31"', "soon", 15, "'soon' is no day"),
        ('before: "1.30"', 'before: "1.28"', 12, "no version is in this range"),
        ('{since: "1.28", before: "1.30"}', "{}", 12, "no version is in this range"),
        ("checks: [status]", "check: [status]", 11, "versions[0] has no key 'check'"),
    ],
)
def test_a_register_that_cannot_be_is_refused_with_its_line(
    catalogue: Path, old: str, new: str, line: int, problem: str
) -> None:
    text = DOCUMENTS + VERSIONS
    assert old in text

    with pytest.raises(BadInput) as refused:
        read(catalogue, text.replace(old, new, 1))

    found = {each.problem: each.line for each in refused.value.problems}
    assert next((where for what, where in found.items() if problem in what), None) == line, found
    assert all(each.hint for each in refused.value.problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (DOCUMENTS.replace("[root]", "[rooot]"), "area/one has no case 'rooot'"),
        (DOCUMENTS.replace("[root]", "[other]"), "the case 'other' of area/one does not say what the document claims"),
        (DOCUMENTS.replace("[root]", "[root, root]"), "the case 'root' is in line 3 already"),
        (VERSIONS, "the register has no entry for the claim of the case 'root'"),
        (DOCUMENTS + VERSIONS.replace("[other]", "[othr]"), "area/one has no case 'othr'"),
    ],
)
def test_entries_and_claims_that_do_not_fit_each_other_are_refused(catalogue: Path, text: str, problem: str) -> None:
    entries = read(catalogue, text)

    with pytest.raises(BadInput) as refused:
        entries.known(one(catalogue), Version())

    assert problem in {each.problem for each in refused.value.problems}


def test_the_projects_own_fits_its_catalogue() -> None:
    for loaded in load_catalogue(SCENARIOS):
        register().known(loaded, Version())


def test_every_promise_that_a_document_breaks_and_a_scenario_shows_is_a_known_deviation() -> None:
    known = {entry.scenario for entry in register().register.documents}
    for promise in read_catalogue().promises():
        shown = [path for path in SCENARIOS.rglob("*.yaml") if _id(path).startswith(promise.id)]
        if promise.departs and shown:
            assert any(each == promise.id or each.startswith(f"{promise.id}/") for each in known), promise.id


def _id(path: Path) -> str:
    return str(path.relative_to(SCENARIOS).with_suffix(""))
