"""The two voices that speak before anything is tried: what the document promises, what the router predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from conformance.explain import Explanation, as_text
from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.language.load import Loaded
from conformance.language.models import Case, Flow, Stage
from conformance.router.predict import predict
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
        for before, stage in pairwise((NOTHING, *loaded.scenario.stages))
        for case in _predicted(loaded, before, stage, version, has_istio_proxy=has_istio_proxy)
    )


NOTHING = Stage(config=(), cases=())
"""What holds before the first stage."""


def _predicted(
    loaded: Loaded, before: Stage, stage: Stage, version: Version | None, *, has_istio_proxy: bool
) -> Iterator[CaseExpectation]:
    namespace = loaded.scenario.namespace
    world = _world(loaded, stage, version, has_istio_proxy=has_istio_proxy)
    for case in stage.cases:
        yield replace(case.expected(), predicted=_of(world, case, namespace))
    if not stage.meanwhile:
        return
    old = _world(loaded, before, version, has_istio_proxy=has_istio_proxy)
    for flow in stage.meanwhile:
        expected = flow.expected()
        assert expected.flow is not None, "a flow is promised something of a flow"
        promised = replace(expected.flow, before=_of(old, flow, namespace))
        yield replace(expected, predicted=_of(world, flow, namespace), flow=promised)


def _world(loaded: Loaded, stage: Stage, version: Version | None, *, has_istio_proxy: bool) -> World | None:
    """None where the configuration is beyond the router."""
    if any(each["kind"] not in MODELLED for each in stage.config):
        return None
    return scenario_world(loaded, stage, version, has_istio_proxy=has_istio_proxy)


def _of(world: World | None, case: Case | Flow, namespace: str) -> Predicted | None:
    if world is None:
        return None
    request = request_of(case, namespace)
    return Predicted(request, predict(world, request).outcomes)


def traced(loaded: Loaded, stage: Stage, version: Version | None = None, *, has_istio_proxy: bool = True) -> str:
    """What the router says of each request of a stage, and why, for a person."""
    world = scenario_world(loaded, stage, version, has_istio_proxy=has_istio_proxy)
    texts = []
    for case in stage.sent:
        request = request_of(case, loaded.scenario.namespace)
        texts.append(f"case: {case.name}\n{as_text(Explanation(request, predict(world, request), ()))}\n")
    return "\n".join(texts)
