"""The two voices that speak before anything is tried: what the document promises, what the router predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.explain import Explanation, as_text
from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.judgement.profile import FULL, Profile
from conformance.language.load import Loaded
from conformance.language.models import Stage
from conformance.router.predict import predict
from conformance.router.versions import Version
from conformance.worlds import MODELLED, request_of, scenario_world


def predicted_cases(
    loaded: Loaded, version: Version | None = None, *, has_istio_proxy: bool = True, profile: Profile = FULL
) -> tuple[CaseExpectation, ...]:
    """The cases of a scenario with both voices; where its configuration is beyond the router, with the document's only.

    Raises BadInput for configuration that is no object of Istio's API.
    """
    return tuple(
        case
        for stage in loaded.scenario.stages
        for case in _predicted(loaded, stage, version, has_istio_proxy=has_istio_proxy, profile=profile)
    )


def _predicted(
    loaded: Loaded, stage: Stage, version: Version | None, *, has_istio_proxy: bool, profile: Profile
) -> Iterator[CaseExpectation]:
    if any(each["kind"] not in MODELLED for each in stage.config):
        yield from (case.expected(profile.effect) for case in stage.cases)
        return
    world = scenario_world(loaded, stage, version, has_istio_proxy=has_istio_proxy)
    for case in stage.cases:
        request = request_of(case, loaded.scenario.namespace)
        predicted = Predicted(request, predict(world, request).outcomes)
        yield replace(case.expected(profile.effect), predicted=predicted)


def traced(loaded: Loaded, stage: Stage, version: Version | None = None, *, has_istio_proxy: bool = True) -> str:
    """What the router says of each request of a stage, and why, for a person."""
    world = scenario_world(loaded, stage, version, has_istio_proxy=has_istio_proxy)
    texts = []
    for case in stage.cases:
        request = request_of(case, loaded.scenario.namespace)
        texts.append(f"case: {case.name}\n{as_text(Explanation(request, predict(world, request), ()))}\n")
    return "\n".join(texts)
