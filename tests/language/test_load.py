"""A scenario file becomes a scenario, or a list of everything that is wrong with it, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.judgement.expectation import CaseExpectation, Expected, ExpectedSight
from conformance.language.applications import Application
from conformance.language.load import load_catalogue, load_scenario

GOOD = """\
id: area/one
title: one is one
source:
  document: 002
  section: "5.4"
  claim: one is one
app: bookinfo
config:
- apiVersion: v1
  kind: Service
  metadata: {name: one}
- apiVersion: v1
  kind: Service
  metadata:
    name: two
cases:
- name: first
  from: productpage
  request: {get: http://reviews:9080/0}
  expect:
    status: 200
- name: second
  from: internet
  request:
    post: https://a.example/b?c=d
    headers: {end-user: jason}
    body: x
  expect:
    answered_by: reviews-v2
    headers: {server: envoy}
    without_headers: [x-a]
    body: x
    saw: {path: "/b?c=d", method: POST, host: a.example, headers: {a: b}, without_headers: [c], principal: none}
"""

BOOKINFO = Application(
    name="bookinfo",
    clients=frozenset({"productpage", "client", "outside", "internet"}),
    workloads=frozenset({"productpage-v1", "reviews-v1", "reviews-v2", "reviews-v3"}),
)


def written(tmp_path: Path, content: str, name: str = "one.yaml") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} is not in the good scenario once"
    return GOOD.replace(old, new)


def test_a_good_scenario_is_read_as_it_stands(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, GOOD), {"bookinfo": BOOKINFO}).scenario
    first, second = scenario.cases
    assert (scenario.id, scenario.namespace, scenario.source.document) == ("area/one", "default", "002")
    assert scenario.config[1] == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "two"}}
    assert (first.client, first.request.method, first.request.url) == ("productpage", "GET", "http://reviews:9080/0")
    assert (second.request.method, second.request.headers, second.request.body) == ("POST", {"end-user": "jason"}, "x")


def test_a_case_is_handed_to_the_judge_in_the_judges_form(tmp_path: Path) -> None:
    first, second = load_scenario(written(tmp_path, GOOD)).scenario.cases
    assert first.expected() == CaseExpectation("first", Expected(status=200))
    sight = ExpectedSight(
        path="/b?c=d", method="POST", host="a.example", headers=(("a", "b"),), without_headers=("c",), principal="none"
    )
    assert second.expected().expected == Expected(
        answered_by="reviews-v2", body="x", headers=(("server", "envoy"),), without_headers=("x-a",), saw=sight
    )


def test_parts_of_a_loaded_scenario_know_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    loaded = load_scenario(path)
    assert (loaded.line("config", 0), loaded.line("config", 1), loaded.line("cases", 1)) == (9, 12, 22)
    assert loaded.where("config", 1) == f"{path}:12"


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "hint"),
    [
        ("title: one is one\n", "", 1, "title is missing", "the scenario needs title"),
        ("    status: 200\n", "    stat: 200\n", 21, "cases[0].expect has no key 'stat'", "did you mean status?"),
        ("  from: internet\n", "  form: internet\n  from: a\n", 23, "has no key 'form'", "did you mean from?"),
        (
            "  from: internet\n",
            "  client: a\n  from: a\n",
            23,
            "has no key 'client'",
            "known here: after, at_once, behaviours, connection",
        ),
        ("  from: internet\n", "", 22, "cases[1].from is missing", "cases[1] needs from"),
        ("id: area/one", "id: Area/one", 1, "id is 'Area/one'", "lower-case segments"),
        ("id: area/one", "id: area//one", 1, "id is 'area//one'", "lower-case segments"),
        ("id: area/one", "id: 7", 1, "id is 7", "in quotes"),
        ("title: one is one", "title:", 2, "title has no value", "remove the key"),
        ('section: "5.4"', "section: 5.4", 5, "source.section is 5.4", "in quotes"),
        ("document: 002", "document: 2", 4, "source.document is 2", "in quotes"),
        ("app: bookinfo", "app: [bookinfo]", 7, "app is a list of 1", "in quotes"),
        ("    status: 200", "    status: 99", 21, "cases[0].expect.status is 99", "greater than or equal to 100"),
        ("    status: 200", "    status: true", 21, "cases[0].expect.status is true", "integer"),
        ("    status: 200", "    status: '200'", 21, "cases[0].expect.status is '200'", "integer"),
        ("    status: 200", "    refused: rst", 21, "cases[0].expect.refused is 'rst'", "'connection', 'reset'"),
        ("    status: 200", "    refused: reset\n    status: 200", 21, "so status cannot be expected", "at most"),
        ("    status: 200", "    refused: reset\n    answered_by: a", 21, "answered_by cannot be", "nobody at most"),
        ("    status: 200", "    answered_by: Nobody", 21, "answered_by is 'Nobody'", "or nobody"),
        ("    status: 200", "    answered_by: nobody\n    saw: {path: /}", 22, "nobody did", "keep one"),
        ("    status: 200", "    saw: {}", 21, "saw promises nothing", "write one of path"),
        ("    status: 200", "    saw: {path: x}", 21, "saw.path is 'x'", "beginning with a slash"),
        ("    status: 200", "    saw: {method: get}", 21, "saw.method is 'get'", "in capitals"),
        ("    status: 200", "    saw: {principal: sa}", 21, "saw.principal is 'sa'", "spiffe://"),
        ("    status: 200", "    headers: {}", 21, "headers is a mapping of 0", "at least one"),
        ("    status: 200", "    without_headers: []", 21, "without_headers is a list of 0", "at least one"),
        ("    status: 200", "    without_headers: x", 21, "without_headers is 'x'", "write a list"),
        ("    status: 200", "    without_headers: [A, a]", 21, "'A' and 'a' are one header", "keep one"),
        ("    status: 200", "    headers: {a: b}\n    without_headers: [A]", 21, "a is both in headers", "keep one"),
        ("    status: 200", "    headers: {a b: c}", 21, "headers.a b is 'a b'", "printable"),
        ("    status: 200", "    body: ''", 21, "body is ''", "at least 1 character"),
        ("    status: 200", "    takes: [6, 5]", 21, "the band [6.0, 5.0] is empty", "such as [5, 6]"),
        ("    status: 200", "    takes: [-1, 5]", 21, "the band [-1.0, 5.0] is empty", "such as [5, 6]"),
        ("    status: 200", "    takes: 5", 21, "takes is 5", "list"),
        ("    status: 200", "    arrivals: {a: 0}", 21, "arrivals.a is 0", "greater than or equal to 1"),
        ("    status: 200", "    arrivals: [a]", 21, "arrivals is a list", "write keys"),
        ("  expect:\n    status: 200\n", "  expect: {}\n", 20, "expects nothing", "write one of status"),
        ("  expect:\n    status: 200\n", "  expect: 200\n", 20, "expect is 200", "write keys"),
        ("{get: http://reviews:9080/0}", "{}", 19, "this one has none", "write one of get"),
        ("{get: http://reviews:9080/0}", "{get: http://a/, put: http://a/}", 19, "get and put", "write one of get"),
        ("http://reviews:9080/0", "/reviews", 19, "'/reviews' is not absolute", "http://host/path"),
        ("http://reviews:9080/0", "ftp://reviews/", 19, "is not absolute", "http://host/path"),
        ("http://reviews:9080/0", "http:///reviews", 19, "is not absolute", "http://host/path"),
        ("http://reviews:9080/0", "http://reviews:99999/", 19, "cannot be read", "http://host/path"),
        ("http://reviews:9080/0", "http://reviews/a b", 19, "has a space", "http://host/path"),
        ("http://reviews:9080/0", "'http://reviews/a#b'", 19, "fragment", "http://host/path"),
        ("end-user: jason", "end-user: 7", 26, "headers.end-user is 7", "in quotes"),
        ("end-user: jason", "'end user': a", 26, "'end user'", "printable"),
        ("end-user: jason", r'a: "b\nc"', 26, r"headers.a is 'b\nc'", "printable"),
        ("end-user: jason", "a: b, A: c", 26, "'a' and 'A' are one header", "have no case"),
        ("- name: second", "- name: first", 22, "two cases are named 'first'", "another name"),
        ("- name: second", "- name: 'second '", 22, "cases[1].name is 'second '", "without space around"),
        ("    name: two", "    name: one", 12, "Service one of namespace default", "rename or remove"),
        ("  metadata:\n    name: two", "  metadata: two", 12, "lacks metadata.name", "kubectl apply"),
        ("    name: two", "    title: two", 12, "lacks metadata.name", "kubectl apply"),
        ("    name: two", "    name: two\n    namespace: [a]", 12, "lacks a metadata.namespace", "kubectl apply"),
        ("- apiVersion: v1\n  kind: Service\n  metadata: {name: one}", "- one", 9, "config[0] is 'one'", "write keys"),
        ("  kind: Service\n  metadata:\n", "  metadata:\n", 12, "lacks kind", "kubectl apply"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_to_do(  # noqa: PLR0917 - the columns of the table above
    tmp_path: Path, old: str, new: str, line: int, problem: str, hint: str
) -> None:
    path = written(tmp_path, changed(old, new))
    with pytest.raises(BadInput) as caught:
        load_scenario(path)
    (found,) = caught.value.problems
    assert (found.path, found.line) == (str(path), line)
    assert problem in found.problem
    assert hint in found.hint


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "hint"),
    [
        (
            "app: bookinfo",
            "app: bookinfoo",
            7,
            "no application 'bookinfoo'",
            "did you mean bookinfo? known here: bookinfo",
        ),
        ("from: internet", "from: inter-net", 23, "no client 'inter-net'", "did you mean internet?"),
        ("status: 200", "arrivals: {reviews-v4: 1}", 21, "no workload 'reviews-v4'", "known here: productpage-v1"),
        ("by: reviews-v2", "by: reviews-v4", 29, "no workload 'reviews-v4'", "nobody, productpage-v1, reviews-v1"),
    ],
)
def test_names_are_checked_against_the_applications(  # noqa: PLR0917 - the columns of the table above
    tmp_path: Path, old: str, new: str, line: int, problem: str, hint: str
) -> None:
    path = written(tmp_path, changed(old, new))
    with pytest.raises(BadInput) as caught:
        load_scenario(path, {"bookinfo": BOOKINFO})
    (found,) = caught.value.problems
    assert found.line == line
    assert problem in found.problem
    assert hint in found.hint


def test_a_workload_may_be_the_client_and_nobody_may_answer(tmp_path: Path) -> None:
    content = changed("from: internet", "from: reviews-v1").replace("status: 200", "answered_by: nobody")
    assert load_scenario(written(tmp_path, content), {"bookinfo": BOOKINFO}).scenario.cases[1].client == "reviews-v1"


def test_unknown_names_are_reported_beside_other_problems(tmp_path: Path) -> None:
    content = changed("from: internet", "from: inter-net").replace("    status: 200", "    status: 9")
    with pytest.raises(BadInput) as caught:
        load_scenario(written(tmp_path, content), {"bookinfo": BOOKINFO})
    assert [problem.line for problem in caught.value.problems] == [21, 23]


@pytest.mark.parametrize(
    "content", ["[]", "cases: 1", "app: bookinfo\ncases: [1, {}]", "app: bookinfo\ncases: {from: a}"]
)
def test_names_are_looked_for_in_any_shape_of_file(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput):
        load_scenario(written(tmp_path, content), {"bookinfo": BOOKINFO})


@pytest.mark.parametrize("content", ["[]", "just text", "7"])
def test_a_document_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput, match="the scenario is "):
        load_scenario(written(tmp_path, content))


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    content = changed("id: area/one", "id: A").replace("    status: 200", "    status: 9").replace("claim:", "clam:")
    with pytest.raises(BadInput) as caught:
        load_scenario(written(tmp_path, content))
    assert [problem.line for problem in caught.value.problems] == [1, 3, 6, 21]


def test_a_catalogue_is_sorted_by_id(tmp_path: Path) -> None:
    written(tmp_path, changed("area/one", "b/one"), "a.yaml")
    written(tmp_path, changed("area/one", "a/two"), "sub/b.yaml")
    assert [loaded.scenario.id for loaded in load_catalogue(tmp_path)] == ["a/two", "b/one"]


def test_an_id_that_two_files_claim_is_refused_with_both(tmp_path: Path) -> None:
    one, two = written(tmp_path, GOOD, "a.yaml"), written(tmp_path, "# second\n" + GOOD, "b.yml")
    with pytest.raises(BadInput) as caught:
        load_catalogue(tmp_path)
    assert (caught.value.path, caught.value.line) == (str(two), 2)
    assert f"area/one is taken by {one}:1" in caught.value.problem


def test_a_catalogue_reports_the_problems_of_all_its_files(tmp_path: Path) -> None:
    paths = [written(tmp_path, changed("area/one", "A"), name) for name in ("a.yaml", "b.yaml")]
    with pytest.raises(BadInput) as caught:
        load_catalogue(tmp_path)
    assert [problem.path for problem in caught.value.problems] == [str(path) for path in paths]


def test_a_folder_without_scenarios_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no scenario"):
        load_catalogue(tmp_path)
