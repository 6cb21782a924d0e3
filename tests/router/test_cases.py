"""The tables of cases: what the specification says, section by section, on one small mesh (lab.py).

A row `says` one thing. It has

- `given`: objects, `Kind [namespace/]name: spec`, the oldest first; `behaves`: facts about pods by workload;
  `mesh`: fields of MeshConfig; `version`: of Istio; `tokens`: what is known of the tokens in requests;
- `asks`: questions (lab.request) and the distribution of outcomes: a workload's name, or kind and status.

What more is expected holds for all questions of the row:

- `sees`: what every workload sees that is reached: path, host, principal, headers (null: taken away);
- `answers`: what every client gets: headers, `body`, `upstream-time` (yes, no); `because`: the reason it is told;
- `takes`, `attempts`: seconds before the answer, and how often workloads see the request; also distributions;
- `mirrors`: who gets copies beside every outcome, with what chance; `none`. `ratings as HOST` tells its Host too;
- `tells`: what one of the lines has that traces.py makes of the answer.

`pending` says why the router does not yet answer so.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from conformance.router.prediction import Prediction
from conformance.router.world import World
from tests.router.lab import answered, attempts, duration, mirrored, put, rows, seen, shares, world
from tests.router.traces import lines

TABLES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
FIELDS = frozenset(
    "says given behaves mesh version tokens asks sees answers because takes attempts mirrors tells pending".split(),
)


def cases() -> Iterator[Any]:
    for table in TABLES:
        for row in rows(table):
            marks = [pytest.mark.xfail(reason=row["pending"])] if "pending" in row else []
            for question, expected in row["asks"].items():
                yield pytest.param(row, question, expected, id=f"{table.stem}: {row['says']}: {question}", marks=marks)


def _several() -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows with more than one question."""
    for table in TABLES:
        for row in rows(table):
            if len(row["asks"]) > 1 and "pending" not in row:
                yield f"{table.stem}: {row['says']}", row


def distribution(text: object) -> dict[str, Fraction]:
    """`reviews-v1`, or `1/3 reviews-v1, 2/3 cluster_missing 503`."""
    found: dict[str, Fraction] = {}
    for part in str(text).split(", "):
        share, _, name = part.partition(" ")
        if name and share[0].isdigit():
            found[name] = Fraction(share)
        else:
            found[part] = Fraction(1)
    return found


@pytest.mark.parametrize(("row", "question", "expected"), [*cases()])
def test_the_router_answers_as_specified(row: dict[str, Any], question: str, expected: str) -> None:
    predicted = put(_world(row), question, row.get("tokens"))
    trace = "\n".join(map(str, predicted.trace))

    assert shares(predicted) == distribution(expected), trace
    for found, wanted in _more(row, predicted):
        assert found == wanted, trace


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in _several()])
def test_what_a_world_was_asked_before_is_nothing_to_the_next_question(row: dict[str, Any]) -> None:
    mesh = _world(row)
    questions = [*row["asks"], *reversed(row["asks"])]

    found = {(place, each): shares(put(mesh, each, row.get("tokens"))) for place, each in enumerate(questions)}

    assert found == {(place, each): distribution(row["asks"][each]) for place, each in enumerate(questions)}


def _world(row: dict[str, Any]) -> World:
    version = str(row.get("version", "1.32"))
    return world(row.get("given", ()), version=version, behaves=row.get("behaves"), **row.get("mesh", {}))


def _more(row: dict[str, Any], predicted: Prediction) -> Iterator[tuple[object, object]]:
    """What else the row expects: what is found, and what is wanted."""
    if "takes" in row:
        yield shares(predicted, duration), distribution(row["takes"])
    if "attempts" in row:
        yield shares(predicted, attempts), distribution(row["attempts"])
    if "tells" in row:
        yield [row["tells"]] * any(row["tells"] in line for line in lines(predicted)), [row["tells"]]
    for outcome in predicted.outcomes:
        if "mirrors" in row:
            wanted = {} if row["mirrors"] == "none" else distribution(row["mirrors"])
            found = mirrored(outcome)
            names = {name for name in found if any(" as " in each for each in wanted) == (" as " in name)}
            yield {name: found[name] for name in names}, wanted
        if outcome.sight:
            yield from _compared(row.get("sees", {}), seen(outcome.sight))
        yield from _compared(row.get("answers", {}), answered(outcome))
        if "because" in row:
            yield outcome.reason, row["because"]


def _compared(wanted: dict[str, Any], found: dict[str, str | None]) -> Iterator[tuple[object, object]]:
    for name, value in wanted.items():
        yield (name, found.get(name, "nothing said")), (name, value if value is None else str(value))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_a_table_is_well_formed(table: Path) -> None:
    found = rows(table)

    assert [row["says"] for row in found if row.keys() - FIELDS] == []
    said = [row["says"] for row in found]
    assert len(set(said)) == len(said)
    assert [says for says in said if len(says) >= 100] == []
