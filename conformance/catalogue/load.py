"""promises.yaml in, checked catalogue out: what one part says of another is true, or it is refused with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from conformance.catalogue.models import Area, Catalogue, Document, Promise, Remark, Section
from conformance.errors import BadInput, Problem
from conformance.language.invalid import Vocabulary, nearest, problem_of
from conformance.language.source import Source, Steps, read_source

PROMISES = Path(__file__).parent / "promises.yaml"

_ID = "write lower-case segments joined by slashes, such as routing/headers/end-user"
WORDS = Vocabulary(
    whole="the catalogue",
    root=Catalogue,
    models={"areas": Area, "promises": Promise, "documents": Document, "sections": Section, "besides": Remark},
    patterns={"id": _ID, "promises": _ID},
)


def read_catalogue(path: Path = PROMISES) -> Catalogue:
    """Raises BadInput with every problem of the file."""
    source = read_source(path)
    try:
        catalogue = Catalogue.model_validate(source.value)
    except ValidationError as invalid:
        problems = [problem_of(error, source, WORDS) for error in invalid.errors(include_url=False)]
        raise BadInput.joined(sorted(problems, key=lambda problem: problem.line or 0)) from invalid
    problems = sorted(_contradictions(catalogue, source), key=lambda problem: problem.line or 0)
    if problems:
        raise BadInput.joined(problems)
    return catalogue


def _contradictions(catalogue: Catalogue, source: Source) -> Iterator[Problem]:
    promises: dict[Steps, Promise] = {
        ("areas", at, "promises", index): promise
        for at, area in enumerate(catalogue.areas)
        for index, promise in enumerate(area.promises)
    }
    documents: dict[Steps, Document] = {
        ("documents", index): document for index, document in enumerate(catalogue.documents)
    }
    yield from _repeated("promise", {steps: promise.id for steps, promise in promises.items()}, source)
    yield from _repeated("document", {steps: document.id for steps, document in documents.items()}, source)
    for steps, promise in promises.items():
        yield from _of_promise(promise, steps, catalogue.documents, source)
    makers = {promise.id: promise.documents for promise in promises.values()}
    for steps, document in documents.items():
        sections = {(*steps, "sections", index): section for index, section in enumerate(document.sections)}
        yield from _repeated("section", {place: section.heading for place, section in sections.items()}, source)
        for place, section in sections.items():
            yield from _of_section(section, place, document.id, makers, source)


def _of_promise(promise: Promise, steps: Steps, documents: Sequence[Document], source: Source) -> Iterator[Problem]:
    made = {document.id: {id_ for each in document.sections for id_ in each.promises} for document in documents}
    for index, name in enumerate(promise.documents):
        place = (*steps, "documents", index)
        if name not in made:
            yield source.problem(*place, problem=f"there is no document {name!r}", hint=nearest(name, made))
        elif promise.id not in made[name]:
            hint = "name it at the section that makes it, or remove the document here"
            yield source.problem(*place, problem=f"no section of {name} promises {promise.id}", hint=hint)


def _of_section(
    section: Section, steps: Steps, document: str, makers: Mapping[str, Sequence[str]], source: Source
) -> Iterator[Problem]:
    if bool(section.promises) == bool(section.none):
        both = "both promises and none" if section.none else "neither promises nor none"
        problem = f"{section.heading} has {both}"
        yield source.problem(*steps, problem=problem, hint="write the promises it makes, or none: and the reason")
    promises = {(*steps, "promises", index): id_ for index, id_ in enumerate(section.promises)}
    yield from _repeated("promise", promises, source)
    for place, id_ in promises.items():
        if id_ not in makers:
            yield source.problem(*place, problem=f"there is no promise {id_}", hint=_like(id_, makers))
        elif document not in makers[id_]:
            hint = f"add {document} to its documents, or remove it here"
            yield source.problem(*place, problem=f"{id_} is no promise of document {document}", hint=hint)


def _repeated(what: str, named: Mapping[Steps, str], source: Source) -> Iterator[Problem]:
    seen: dict[str, Steps] = {}
    for steps, name in named.items():
        first = seen.setdefault(name, steps)
        if first != steps:
            problem = f"the {what} {name} is in line {source.line(*first)} already"
            yield source.problem(*steps, problem=problem, hint="keep one of the two")


def _like(id_: str, known: Iterable[str]) -> str:
    """Only those of the same beginning: there are too many for one line."""
    beginning = id_.partition("/")[0]
    return nearest(id_, [each for each in known if each.startswith(f"{beginning}/")] or known)
