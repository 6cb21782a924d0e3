"""Counts add up, and disagreements of one cause are one group."""

from __future__ import annotations

from conformance.differential.arena import Arena
from conformance.differential.config import Config
from conformance.differential.tally import Disagreement, Tally, concept_of, summary_of
from conformance.judgement.comparison import Difference
from conformance.judgement.history import Answer, Exchange
from conformance.router.prediction import Kind, Outcome
from conformance.router.trace import Step

EXCHANGE = Exchange("t", "t", "c", "GET", "u", (), 0.0, 0.1, Answer(200, (), "", "HTTP/1.1"), None, ())


def found(name: str, concept: str = "rule", summary: str = "path") -> Disagreement:
    return Disagreement(Config(name, Arena(0), (), ()), 0, concept, summary, ())


def test_the_largest_group_comes_first() -> None:
    tally = Tally(disagreements=[found("1-1"), found("1-2", "listener"), found("1-3", "listener")])
    assert [len(group) for group in tally.groups().values()] == [2, 1]
    assert next(iter(tally.groups())) == ("listener", "path")


def test_the_table_names_every_group_and_its_configurations() -> None:
    tally = Tally(
        configs=3, requests=15, agreed=12, disagreements=[found("1-1"), found("1-3")], unsteady=[found("1-2")]
    )
    table = tally.table(2.0)
    assert "2  rule: path  [1-1, 1-3]" in table
    assert "unsteady  1-2  rule: path" in table
    assert "1.5 configurations a second" in table


def test_how_it_ended_is_the_summary_before_anything_else() -> None:
    nearest = Outcome(kind=Kind.RBAC_DENIED, status=403)
    end = Difference("end", "rbac denied 403 at a-v1", "200 by a proxy")
    path = Difference("path", "/x", "/y")
    assert summary_of(nearest, EXCHANGE, (end, path)) == "predicted rbac denied 403, observed 200 by a proxy"
    assert summary_of(nearest, EXCHANGE, (path, path)) == "path"
    assert summary_of(None, EXCHANGE, ()) == "nothing predicted, 200 by a proxy"


def test_the_last_decision_gives_the_concept() -> None:
    assert concept_of((Step("listener", ""), Step("rule", ""))) == "rule"
    assert concept_of(()) == "name"


def test_a_disagreement_is_the_same_in_every_arena() -> None:
    here, there = found("1-1"), Disagreement(Config("1-1", Arena(2), (), ()), 0, "other", "other", ())
    assert here.identity == there.identity
