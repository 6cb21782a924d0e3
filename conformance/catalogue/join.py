"""Promises and scenarios, joined by their ids. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.catalogue.models import Area, Catalogue
from conformance.language.load import Loaded


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A scenario, as far as a list tells of it."""

    id: str
    title: str
    document: str
    section: str
    kinds: tuple[str, ...]
    """Of the Istio objects in its configuration, in their order."""
    cases: int
    path: str


@dataclass(frozen=True)
class Joined:
    catalogue: Catalogue
    entries: tuple[Entry, ...]
    """In the order they were given."""

    @cached_property
    def _owned(self) -> Mapping[str | None, tuple[Entry, ...]]:
        known = frozenset(promise.id for promise in self.catalogue.promises())
        owned: dict[str | None, tuple[Entry, ...]] = {}
        for each in self.entries:
            owner = _owner(each.id, known)
            owned[owner] = (*owned.get(owner, ()), each)
        return owned

    def of_promise(self, promise: str) -> tuple[Entry, ...]:
        return self._owned.get(promise, ())

    def of_nobody(self) -> tuple[Entry, ...]:
        """Scenarios that belong to no promise: someone's own."""
        return self._owned.get(None, ())

    def of_area(self, area: Area) -> tuple[Entry, ...]:
        """In the order of the promises."""
        return tuple(entry for promise in area.promises for entry in self.of_promise(promise.id))

    def covered(self, promises: Iterable[str]) -> int:
        """How many of them have a scenario."""
        return sum(bool(self.of_promise(promise)) for promise in promises)


def entry(loaded: Loaded) -> Entry:
    scenario = loaded.scenario
    objects = [item for stage in scenario.stages for item in stage.config]
    return Entry(
        id=scenario.id,
        title=scenario.title,
        document=scenario.source.document,
        section=scenario.source.section,
        kinds=tuple(dict.fromkeys(item["kind"] for item in objects if _is_istio(item["apiVersion"]))),
        cases=sum(len(stage.cases) for stage in scenario.stages),
        path=loaded.source.path,
    )


def _is_istio(api_version: str) -> bool:
    return api_version.rpartition("/")[0].endswith(".istio.io")


def _owner(scenario: str, promises: frozenset[str]) -> str | None:
    """The promise whose id the scenario has, or the nearest one that it is below."""
    name = scenario
    while name and name not in promises:
        name = name.rpartition("/")[0]
    return name or None
