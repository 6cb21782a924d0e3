"""Document against router: a scenario in the catalogue promises nothing that the reference router contradicts."""

from __future__ import annotations

from pathlib import Path

import pytest

import conformance
from conformance.judgement.admission import broken_rejections
from conformance.judgement.agreement import case_against_router
from conformance.language.load import Loaded, load_catalogue
from conformance.mesh.applications import applications
from conformance.predictions.voice import foreseen_rejections, predicted_cases

CATALOGUE = load_catalogue(Path(conformance.__path__[0]) / "scenarios", applications())


@pytest.mark.parametrize("loaded", CATALOGUE, ids=lambda loaded: loaded.scenario.id)
def test_a_document_promises_what_the_router_predicts(loaded: Loaded) -> None:
    disagreements = [
        f"{loaded.where('cases', index)} {case.name}: {difference}"
        for index, case in enumerate(predicted_cases(loaded))
        for difference in case_against_router(case)
    ]

    assert not disagreements, "\n".join(disagreements)


@pytest.mark.parametrize("loaded", CATALOGUE, ids=lambda loaded: loaded.scenario.id)
def test_the_router_has_an_answer_for_every_case(loaded: Loaded) -> None:
    for case in predicted_cases(loaded):
        assert case.predicted is not None
        assert sum(outcome.probability for outcome in case.predicted.outcomes) == 1


@pytest.mark.parametrize("loaded", CATALOGUE, ids=lambda loaded: loaded.scenario.id)
def test_a_refusal_is_foreseen_for_the_reason_that_is_promised(loaded: Loaded) -> None:
    assert broken_rejections(foreseen_rejections(loaded)) == ()
