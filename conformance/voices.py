"""The two voices that speak before anything is tried: what the document promises, what the router predicts."""

from __future__ import annotations

from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.language.load import Loaded
from conformance.router.predict import predict
from conformance.router.versions import Version
from conformance.worlds import MODELLED, request_of, scenario_world


def predicted_cases(
    loaded: Loaded, version: Version | None = None, *, has_istio_proxy: bool = True
) -> tuple[CaseExpectation, ...]:
    """The cases of a scenario with both voices; where its configuration is beyond the router, with the document's only.

    Raises BadInput for configuration that is no object of Istio's API.
    """
    if any(each["kind"] not in MODELLED for each in loaded.scenario.config):
        return tuple(case.expected() for case in loaded.scenario.cases)
    world = scenario_world(loaded, version, has_istio_proxy=has_istio_proxy)
    cases = []
    for case in loaded.scenario.cases:
        request = request_of(case, loaded.scenario.namespace)
        predicted = Predicted(request, predict(world, request).outcomes)
        cases.append(CaseExpectation(case.name, case.expect.expected(), predicted))
    return tuple(cases)
