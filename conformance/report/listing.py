"""The catalogue as text: the scenarios as a tree, and document by document what is shown and what is not. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Container, Iterator, Sequence

from conformance.catalogue.join import Entry, Joined
from conformance.catalogue.models import Document, Promise, Section

WIDTH = 100
"""Columns; only an id or a list of kinds that is longer goes beyond."""

SHOWN, OPEN, LEFT_OUT = "●", "○", "-"
_LEGEND = (
    f"{SHOWN} has scenarios   {OPEN} has none yet   {LEFT_OUT} no promise, and why   ≠ where Istio departs from it"
)


def tree(joined: Joined) -> str:
    """Every scenario below its area, and in the last line how many there are."""
    groups = [(area.name, joined.of_area(area), _counted(joined, area.promises)) for area in joined.catalogue.areas]
    groups.append(("Beyond the catalogue", joined.of_nobody(), ""))
    columns = _Columns(joined.entries)
    lines: list[str] = []
    for name, entries, count in groups:
        if entries:
            lines += [_headed(name, count), *_branches(entries, columns), ""]
    cases = sum(entry.cases for entry in joined.entries)
    total = f"{_counting(len(joined.entries), 'scenario')}, {_counting(cases, 'case')}"
    return "\n".join((*lines, f"{total}: {_counted(joined, list(joined.catalogue.promises()))}"))


def coverage(joined: Joined) -> str:
    """Every section with its promises or the reason why it has none, and in the last line how many are shown."""
    promises = {promise.id: promise for promise in joined.catalogue.promises()}
    lines = [_LEGEND, ""]
    for document in joined.catalogue.documents:
        made = list(dict.fromkeys(id_ for section in document.sections for id_ in section.promises))
        lines.append(_headed(f"{document.id}  {document.title}", _counted(joined, [promises[id_] for id_ in made])))
        told: set[str] = set()
        for section in document.sections:
            lines += _section(section, promises, joined, told)
            told.update(section.promises)
        lines.append("")
    for entry in joined.of_nobody():
        lines += _hanging("", f"{entry.path}: {entry.id} is the id of no promise, nor below one")
    return "\n".join((*lines, _counted(joined, list(promises.values()))))


def tree_json(joined: Joined) -> str:
    """Areas with their scenarios; `scenarios` beside them are those of no promise."""
    areas = [
        {"area": area.name, "promises": len(area.promises), "scenarios": _entries(joined.of_area(area))}
        for area in joined.catalogue.areas
    ]
    return _json({"areas": areas, "scenarios": _entries(joined.of_nobody()), **_totals(joined)})


def coverage_json(joined: Joined) -> str:
    promises = {promise.id: promise for promise in joined.catalogue.promises()}
    documents = [_document_json(document, promises, joined) for document in joined.catalogue.documents]
    return _json({"documents": documents, "scenarios": _entries(joined.of_nobody()), **_totals(joined)})


class _Columns:
    """What stands before the kinds, aligned over all areas."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._id = max((len(entry.id) for entry in entries), default=0)
        self._document = max((len(entry.document) for entry in entries), default=0)

    def row(self, entry: Entry) -> str:
        cases = f"{entry.cases:>3} {'case ' if entry.cases == 1 else 'cases'}"
        kinds = ", ".join(entry.kinds) or "no Istio object"
        return f"{entry.id:<{self._id}}  {entry.document:<{self._document}}  {cases}  {kinds}"


def _branches(entries: Sequence[Entry], columns: _Columns) -> Iterator[str]:
    for entry in entries:
        is_last = entry is entries[-1]
        yield f"{'└─' if is_last else '├─'} {columns.row(entry)}"
        yield from _hanging("   " if is_last else "│  ", entry.title)


def _section(section: Section, promises: dict[str, Promise], joined: Joined, told: Container[str]) -> Iterator[str]:
    """Claims that are told already are not told again."""
    yield f"  {section.heading}: {section.title}"
    for id_ in section.promises:
        yield from _promise(promises[id_], joined.of_promise(id_), is_told=id_ in told)
    if section.none:
        yield from _hanging(f"    {LEFT_OUT} ", f"no promise: {section.none}")
    for remark in section.besides:
        yield from _hanging(f"    {LEFT_OUT} ", f"{remark.says} ({remark.because})")


def _promise(promise: Promise, entries: Sequence[Entry], *, is_told: bool) -> Iterator[str]:
    mark = SHOWN if entries else OPEN
    cases = _counting(sum(entry.cases for entry in entries), "case") if entries else ""
    count = f"{cases} in {len(entries)} scenarios" if len(entries) > 1 else cases
    yield f"    {mark} {promise.id}{'  ' if count else ''}{count}"
    if is_told:
        return
    yield from _hanging("      ", promise.claim)
    if promise.departs:
        yield from _hanging("      ≠ ", promise.departs)


def _headed(name: str, count: str) -> str:
    return f"{name}  {count:>{max(WIDTH - len(name) - 2, 0)}}".rstrip()


def _hanging(lead: str, text: str) -> list[str]:
    """Wrapped; the further lines begin below the first, and a branch of the tree goes on beside them."""
    rest = lead if "│" in lead else " " * len(lead)
    return textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=rest, break_on_hyphens=False)


def _counted(joined: Joined, promises: Sequence[Promise]) -> str:
    return f"{joined.covered(promise.id for promise in promises)}/{len(promises)} promises"


def _counting(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _document_json(document: Document, promises: dict[str, Promise], joined: Joined) -> dict[str, object]:
    return {
        "id": document.id,
        "title": document.title,
        "sections": [
            {
                "heading": section.heading,
                "title": section.title,
                "promises": [_promise_json(promises[id_], joined) for id_ in section.promises],
                "none": section.none or None,
                "besides": [remark.model_dump() for remark in section.besides],
            }
            for section in document.sections
        ],
    }


def _promise_json(promise: Promise, joined: Joined) -> dict[str, object]:
    return {
        "id": promise.id,
        "claim": promise.claim,
        "departs": promise.departs or None,
        "scenarios": _entries(joined.of_promise(promise.id)),
    }


def _entries(entries: Sequence[Entry]) -> list[dict[str, object]]:
    return [
        {
            "id": entry.id,
            "title": entry.title,
            "document": entry.document,
            "section": entry.section,
            "kinds": list(entry.kinds),
            "cases": entry.cases,
            "path": entry.path,
        }
        for entry in entries
    ]


def _totals(joined: Joined) -> dict[str, int]:
    promises = [promise.id for promise in joined.catalogue.promises()]
    return {"promises": len(promises), "covered": joined.covered(promises)}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
