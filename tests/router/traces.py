"""What predictions say, word by word: the texts of a few questions of the tables, kept in traces/*.txt.

The tables themselves ask what happens; these files hold how it is told: every kind of step, its object, field and
value, and all that an outcome has. `python -m tests.router.traces` writes them anew, choosing as few questions as
have every kind of line; read what changed before committing it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.router.prediction import Outcome, Prediction, Sight
from tests.router.lab import ask, attempts, duration, rows

HERE = Path(__file__).parent
KEPT = HERE / "traces"
ROUTER = HERE.parents[1] / "conformance" / "router"


def questions() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Table, `what the row says: the question`, and the row."""
    for table in sorted((HERE / "cases").glob("*.yaml")):
        for row in rows(table):
            for question in row["asks"]:
                yield table.stem, f"{row['says']}: {question}", row


def told(row: Mapping[str, Any], name: str) -> list[str]:
    """What the router says to a question of the row."""
    question = name.removeprefix(f"{row['says']}: ")
    return lines(
        ask(
            row.get("given", ()),
            question,
            version=str(row.get("version", "1.32")),
            behaves=row.get("behaves"),
            tokens=row.get("tokens"),
            **row.get("mesh", {}),
        )
    )


def lines(prediction: Prediction) -> list[str]:
    return [*_steps(prediction), *(" | ".join(_outcome(each)) for each in prediction.outcomes)]


def _steps(prediction: Prediction) -> Iterator[str]:
    for step in prediction.trace:
        yield str(step)
        for reason in step.rejected:
            yield f"  not {reason}"


def _outcome(outcome: Outcome) -> Iterator[str]:
    """Everything that an outcome has and that is not as usual."""
    yield f"= {outcome.probability} {outcome.kind} {outcome.status or ''}".rstrip()
    if outcome.sight:
        yield _sight(outcome.sight)
    if outcome.at_least:
        yield f"after {duration(outcome)}s"
    if outcome.attempts != (1, 1):
        yield f"attempts {attempts(outcome)}"
    if outcome.body is not None:
        yield f"body {outcome.body!r}"
    yield from (f"mirror {each.probability} {_sight(each.sight)}" for each in outcome.mirrors)
    yield from (f"sets {name}: {value}" for name, value in outcome.response_set)
    yield from (f"adds {name}: {value}" for name, value in outcome.response_added)
    yield from (f"removes {name}" for name in outcome.response_removed)
    if outcome.upstream_time is not None:
        yield "upstream-time" if outcome.upstream_time else "no upstream-time"
    if outcome.reason:
        yield f"because {outcome.reason}"


def _sight(sight: Sight) -> str:
    parts = [f"{sight.pod} of {sight.namespace}/{sight.workload} at {sight.address}:{sight.port}"]
    parts += [f"sees {sight.method} {sight.path} of {sight.host}" if sight.method else ""]
    parts += [f"from {sight.principal}" if sight.principal else ""]
    parts += [f"{name}: {value}" for name, value in sight.set_headers]
    parts += [f"+{name}: {value}" for name, value in sight.added_headers]
    parts += [f"-{name}" for name in sight.removed_headers]
    return " ".join(filter(None, parts))


def kept() -> Iterator[tuple[str, str, list[str]]]:
    """Table, name of the question, and lines, of all files."""
    for path in sorted(KEPT.glob("*.txt")):
        for block in path.read_text().split("\n\n"):
            title, *wanted = block.strip().split("\n")
            yield path.stem, title.removeprefix("# "), wanted


def _words() -> frozenset[str]:
    """Of the router's own texts; what else stands in a line are names and numbers of the row."""
    found: set[str] = set()
    for path in ROUTER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"[A-Za-z-]+", node.value))
    return frozenset(found)


def _shapes(found: Iterable[str], words: frozenset[str]) -> set[str]:
    """Lines of an outcome have many parts, each of which is a line's worth."""
    parts = (part for line in found for part in (line.split(" | ") if line.startswith("= ") else [line]))
    return {" ".join(each for each in part.split() if each.strip(",:;()") in words) for part in parts}


def chosen(told_by: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[tuple[str, str]]:
    """A few questions that have every shape of line: greedily, each the one with most that is new for its length."""
    words = _words()
    left = {key: _shapes(found, words) for key, found in told_by.items()}
    while left:
        best = max(left, key=lambda key: len(left[key]) / (len(told_by[key]) + 2))
        gained = left.pop(best)
        yield best
        left = {key: rest for key, shapes in left.items() if (rest := shapes - gained)}


def write() -> None:
    told_by = {(table, name): told(row, name) for table, name, row in questions() if "pending" not in row}
    picked = frozenset(chosen(told_by))
    KEPT.mkdir(exist_ok=True)
    for table in sorted({table for table, _ in told_by}):
        blocks = [
            "\n".join((f"# {key[1]}", *found)) for key, found in told_by.items() if key in picked and key[0] == table
        ]
        path = KEPT / f"{table}.txt"
        path.unlink(missing_ok=True)
        if blocks:
            path.write_text("\n\n".join(blocks) + "\n")


if __name__ == "__main__":
    write()
