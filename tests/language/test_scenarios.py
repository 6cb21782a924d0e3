"""The catalogue itself: every file is a scenario whose id is its place."""

from __future__ import annotations

from pathlib import Path

import conformance.language
from conformance.language.applications import Application
from conformance.language.load import load_catalogue, load_scenario

ROOT = Path(conformance.language.__path__[0]).parent / "scenarios"

SERVICES = frozenset({"productpage", "details", "reviews", "ratings"})
BOOKINFO = Application(
    name="bookinfo",
    clients=SERVICES | {"client", "outside", "internet"},
    workloads=frozenset({"productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3"})
    | {"ratings-v1", "ratings-v2"},
    servers=frozenset({"google", "ext-svc", "unregistered"}),
)


def test_every_file_is_a_scenario_and_its_id_is_its_place() -> None:
    for loaded in load_catalogue(ROOT):
        assert Path(loaded.source.path) == ROOT / f"{loaded.scenario.id}.yaml"


def test_bookinfo_scenarios_name_its_clients_and_workloads_only() -> None:
    # Other applications' files are left out: their names are not known here.
    for loaded in load_catalogue(ROOT):
        if loaded.scenario.app == BOOKINFO.name and not loaded.scenario.beside:
            load_scenario(Path(loaded.source.path), {BOOKINFO.name: BOOKINFO})


def test_every_scenario_says_what_does_not_happen_too() -> None:
    for loaded in load_catalogue(ROOT):
        cases = [case for stage in loaded.scenario.stages for case in stage.cases]
        # A distribution says how many there are of everything, what does not happen included.
        is_complete = any(case.expect.is_distribution for case in cases)
        assert is_complete or len({case.expect.expected() for case in cases}) > 1, f"{loaded.where()}: all the same"
