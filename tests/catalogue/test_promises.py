"""The project's own catalogue: every promise is there, and every scenario belongs to one."""

from __future__ import annotations

from conformance.catalogue.join import Joined, entry
from conformance.catalogue.load import read_catalogue
from conformance.commands import SCENARIOS
from conformance.language.load import load_catalogue

PROMISES = {
    "Gateways": 21,
    "Routing in the mesh": 15,
    "Destinations and load balancing": 6,
    "Splits and mirrors": 4,
    "Faults, timeouts, retries, circuit breaking": 6,
    "Leaving the mesh": 8,
    "Sidecar scope": 4,
    "Security": 16,
    "Old names": 2,
}
DEPARTING = (
    "gateway/before-configuration routing/guestbook names/short load-balancing/least-request fault/delay-10 "
    "egress/service-entry-timeout jwt/legacy-policy legacy/kinds"
).split()

CATALOGUE = read_catalogue()


def project() -> Joined:
    # Of every file, and not of those that git knows: also a scenario that is just being written has its promise.
    return Joined(CATALOGUE, tuple(map(entry, load_catalogue(SCENARIOS))))


def test_every_promise_is_there_once() -> None:
    ids = [promise.id for promise in CATALOGUE.promises()]
    assert {area.name: len(area.promises) for area in CATALOGUE.areas} == PROMISES
    assert len(ids) == len(set(ids)) == 82


def test_the_documents_that_are_wrong_today_are_marked() -> None:
    assert [promise.id for promise in CATALOGUE.promises() if promise.departs] == DEPARTING


def test_the_five_documents_are_there() -> None:
    assert [document.id for document in CATALOGUE.documents] == ["000", "001", "002", "003", "004"]


def test_no_promise_is_below_another() -> None:
    # Otherwise its scenario would be a second one of the other, too.
    ids = [promise.id for promise in CATALOGUE.promises()]
    assert not [(one, other) for one in ids for other in ids if one.startswith(f"{other}/")]


def test_every_promise_with_a_file_is_joined() -> None:
    joined = project()
    for promise in CATALOGUE.promises():
        files = {*SCENARIOS.glob(f"{promise.id}.yaml"), *(SCENARIOS / promise.id).rglob("*.yaml")}
        assert {each.path for each in joined.of_promise(promise.id)} == {str(path) for path in files}


def test_every_scenario_belongs_to_a_promise() -> None:
    lost = [each.id for each in project().of_nobody()]
    assert not lost, "rename them to the id of a promise in promises.yaml, or to one below it"


def test_every_scenario_is_of_a_document_that_makes_its_promise() -> None:
    joined = project()
    for promise in CATALOGUE.promises():
        for each in joined.of_promise(promise.id):
            assert each.document in promise.documents, f"{each.path}: {promise.id} is no promise of {each.document}"
