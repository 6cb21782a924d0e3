"""The router's voice on a scenario, before anything is applied: what it predicts of every request, and refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from conformance.judgement.admission import ExpectedRejection
from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.judgement.profile import FULL, Profile
from conformance.language.behaviours import Behaviour
from conformance.language.load import Loaded
from conformance.language.models import NOTHING, Sender, Stage
from conformance.language.objects import Untyped, is_istio, typed
from conformance.language.rejections import Rejection
from conformance.predictions.explain import Explanation, as_text
from conformance.predictions.worlds import MODELLED, request_of, scenario_world
from conformance.router.admission.examine import examine
from conformance.router.predict import predict
from conformance.router.prediction import Kind, Outcome, Prediction
from conformance.router.request import Request
from conformance.router.versions import Version
from conformance.router.world import World
from conformance.tokens.wallet import Wallet


@dataclass(frozen=True)
class Router:
    """The reference router with a scenario before it, as the mesh that runs it is: its version, whose proxies.

    The wallet is the one whose tokens are sent, if any are sent.
    """

    loaded: Loaded
    wallet: Wallet
    version: Version | None = None
    has_istio_proxy: bool = True
    profile: Profile = FULL

    def cases(self) -> tuple[CaseExpectation, ...]:
        """Both voices on every case and every flow: the document's promise and the prediction.

        A stage that configures what the router does not model has no predictions. Raises BadInput for configuration
        that is no object of Istio's API.
        """
        return tuple(
            case
            for before, stage in pairwise((NOTHING, *self.loaded.scenario.stages))
            for case in self._of_stage(before, stage)
        )

    def rejections(self) -> tuple[ExpectedRejection, ...]:
        """The objects that must be refused; on kinds that were never Istio's the router has no voice."""
        return tuple(
            _foreseen(each, self.loaded.scenario.namespace, self.version or Version())
            for stage in self.loaded.scenario.stages
            for each in stage.rejected
        )

    def traced(self, stage: Stage) -> str:
        """What is predicted of each request of a stage, and why, for a person."""
        texts = []
        for case in stage.cases:
            world = self._world(stage, (*stage.behaviours, *case.behaviours))
            if world is None:
                texts.append(f"case: {case.name}\nthe router does not model this configuration\n")
                continue
            request, prediction = self._prediction(world, case)
            texts.append(f"case: {case.name}\n{as_text(Explanation(request, prediction, ()))}\n")
        return "\n".join(texts)

    def _of_stage(self, before: Stage, stage: Stage) -> Iterator[CaseExpectation]:
        world = cache(lambda behaviours: self._world(stage, behaviours))
        for case in stage.cases:
            behaviours = (*stage.behaviours, *case.behaviours)
            predicted = self._predicted(world(behaviours), case)
            if predicted is not None and any(each.first is not None for each in behaviours):
                predicted = replace(predicted, outcomes=(_FICKLE,))
            yield replace(case.expected(self.profile.effect), predicted=predicted)
        old = self._world(before, ()) if stage.meanwhile else None
        for flow in stage.meanwhile:
            expected = flow.expected()
            assert expected.flow is not None, "a flow is promised something of a flow"
            promised = replace(expected.flow, before=self._predicted(old, flow))
            yield replace(expected, predicted=self._predicted(world(stage.behaviours), flow), flow=promised)

    def _world(self, stage: Stage, behaviours: tuple[Behaviour, ...]) -> World | None:
        """None where the configuration is beyond the router."""
        if any(each["kind"] not in MODELLED for each in stage.config):
            return None
        return scenario_world(
            self.loaded,
            self.wallet.completed(stage),
            self.version,
            has_istio_proxy=self.has_istio_proxy,
            key_sets=self.wallet.key_sets(stage),
            behaviours=behaviours,
        )

    def _predicted(self, world: World | None, sender: Sender) -> Predicted | None:
        if world is None:
            return None
        request, prediction = self._prediction(world, sender)
        return Predicted(request, prediction.outcomes)

    def _prediction(self, world: World, sender: Sender) -> tuple[Request, Prediction]:
        wallet, scenario = self.wallet, self.loaded.scenario
        shown = wallet.shown(sender)
        request = request_of(wallet.furnished(sender), scenario.namespace, scenario.certificates, shown)
        return request, predict(world, request)


_FICKLE = Outcome(Kind.UNDEFINED, reason="a workload that changes its mind between two attempts is not modelled")


def predicted_cases(loaded: Loaded, version: Version | None = None) -> tuple[CaseExpectation, ...]:
    """Both voices on every case, for who sends nothing."""
    return Router(loaded, Wallet(loaded.scenario), version).cases()


def foreseen_rejections(loaded: Loaded, version: Version | None = None) -> tuple[ExpectedRejection, ...]:
    """The same of the objects that must be refused."""
    return Router(loaded, Wallet(loaded.scenario), version).rejections()


def _foreseen(rejection: Rejection, namespace: str, version: Version) -> ExpectedRejection:
    manifest = rejection.object
    metadata = manifest["metadata"]
    described = f"{manifest['kind']} {metadata.get('namespace') or namespace}/{metadata['name']}"
    reasons = _reasons(manifest, namespace, version) if is_istio(manifest) else None
    return ExpectedRejection(rejection.name, described, rejection.because, reasons)


def _reasons(manifest: Mapping[str, Any], namespace: str, version: Version) -> tuple[str, ...]:
    try:
        remarks = examine(typed(manifest, age=0, where="", namespace=namespace), version)
    except Untyped as untyped:
        return tuple(fault.text for fault in untyped.faults)
    return tuple(remark.text for remark in remarks if remark.severity == "refused")
