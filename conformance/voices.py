"""The two voices that speak before anything is tried: what the document promises, what the router predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from conformance.explain import Explanation, as_text
from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.language.behaviours import Behaviour
from conformance.language.load import Loaded
from conformance.language.models import Case, Stage
from conformance.router.predict import predict
from conformance.router.prediction import Kind, Outcome, Prediction
from conformance.router.request import Request
from conformance.router.versions import Version
from conformance.router.world import World
from conformance.worlds import MODELLED, request_of, scenario_world


def predicted_cases(
    loaded: Loaded, version: Version | None = None, *, has_istio_proxy: bool = True
) -> tuple[CaseExpectation, ...]:
    """The cases of a scenario with both voices; where its configuration is beyond the router, with the document's only.

    Raises BadInput for configuration that is no object of Istio's API.
    """
    return tuple(
        case
        for stage in loaded.scenario.stages
        for case in _predicted(loaded, stage, version, has_istio_proxy=has_istio_proxy)
    )


def traced(loaded: Loaded, stage: Stage, version: Version | None = None, *, has_istio_proxy: bool = True) -> str:
    """What the router says of each request of a stage, and why, for a person."""
    return "\n".join(
        f"case: {case.name}\n{as_text(Explanation(request, prediction, ()))}\n"
        for case, request, prediction in _predictions(loaded, stage, version, has_istio_proxy=has_istio_proxy)
    )


def _predicted(
    loaded: Loaded, stage: Stage, version: Version | None, *, has_istio_proxy: bool
) -> Iterator[CaseExpectation]:
    if any(each["kind"] not in MODELLED for each in stage.config):
        yield from (case.expected() for case in stage.cases)
        return
    for case, request, found in _predictions(loaded, stage, version, has_istio_proxy=has_istio_proxy):
        is_fickle = any(each.first is not None for each in (*stage.behaviours, *case.behaviours))
        outcomes = (_FICKLE,) if is_fickle else found.outcomes
        yield replace(case.expected(), predicted=Predicted(request, outcomes))


def _predictions(
    loaded: Loaded, stage: Stage, version: Version | None, *, has_istio_proxy: bool
) -> Iterator[tuple[Case, Request, Prediction]]:
    """Each case in the world in which workloads behave as it says."""

    @cache
    def world(behaviours: tuple[Behaviour, ...]) -> World:
        return scenario_world(loaded, stage, version, has_istio_proxy=has_istio_proxy, behaviours=behaviours)

    for case in stage.cases:
        request = request_of(case, loaded.scenario.namespace)
        yield case, request, predict(world((*stage.behaviours, *case.behaviours)), request)


_FICKLE = Outcome(Kind.UNDEFINED, reason="a workload that changes its mind between two attempts is not modelled")
