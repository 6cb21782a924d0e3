"""The two voices that need no mesh: what the document promises, what the router predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.explain import Explanation, as_text
from conformance.judgement.admission import ExpectedRejection
from conformance.judgement.expectation import CaseExpectation, Predicted
from conformance.language.load import Loaded
from conformance.language.models import Case, Stage
from conformance.language.objects import Untyped, is_istio, typed
from conformance.language.rejections import Rejection
from conformance.router.admission.examine import examine
from conformance.router.predict import predict
from conformance.router.request import Request
from conformance.router.versions import Version
from conformance.router.world import World
from conformance.tokens import Wallet
from conformance.worlds import MODELLED, request_of, scenario_world


class Voices:
    """Both voices on one scenario. A stage is heard when it is asked for, and once: asked after its requests were sent,
    the router speaks of the tokens that were in them.
    """

    def __init__(
        self,
        loaded: Loaded,
        version: Version | None = None,
        *,
        has_istio_proxy: bool = True,
        wallet: Wallet | None = None,
    ) -> None:
        self.loaded = loaded
        self.wallet = wallet or Wallet(loaded.scenario)
        self._version = version
        self._has_istio_proxy = has_istio_proxy
        self._heard: dict[int, tuple[CaseExpectation, ...]] = {}

    def cases(self, among: frozenset[str] | None = None) -> tuple[CaseExpectation, ...]:
        """All cases, or those of these names; where the configuration is beyond the router, with the document's voice.

        Raises BadInput for configuration that is no object of Istio's API.
        """
        return tuple(
            case
            for index, stage in enumerate(self.loaded.scenario.stages)
            if among is None or any(each.name in among for each in stage.cases)
            for case in self._of(index, stage)
            if among is None or case.name in among
        )

    def _of(self, index: int, stage: Stage) -> tuple[CaseExpectation, ...]:
        if index not in self._heard:
            self._heard[index] = tuple(self._predicted(stage))
        return self._heard[index]

    def _predicted(self, stage: Stage) -> Iterator[CaseExpectation]:
        if any(each["kind"] not in MODELLED for each in stage.config):
            yield from (case.expected() for case in stage.cases)
            return
        world = self._world(stage)
        for case in stage.cases:
            request = self._request(case)
            predicted = Predicted(request, predict(world, request).outcomes)
            yield CaseExpectation(case.name, case.expect.expected(), predicted)

    def traced(self, stage: Stage) -> str:
        """What the router says of each request of a stage, and why, for a person."""
        world = self._world(stage)
        texts = []
        for case in stage.cases:
            request = self._request(case)
            texts.append(f"case: {case.name}\n{as_text(Explanation(request, predict(world, request), ()))}\n")
        return "\n".join(texts)

    def _world(self, stage: Stage) -> World:
        return scenario_world(
            self.loaded,
            self.wallet.completed(stage),
            self._version,
            has_istio_proxy=self._has_istio_proxy,
            key_sets=self.wallet.key_sets(stage),
        )

    def _request(self, case: Case) -> Request:
        return request_of(self.wallet.furnished(case), self.loaded.scenario.namespace, self.wallet.shown(case))


def predicted_cases(
    loaded: Loaded, version: Version | None = None, *, has_istio_proxy: bool = True, wallet: Wallet | None = None
) -> tuple[CaseExpectation, ...]:
    """The cases of a scenario with both voices."""
    return Voices(loaded, version, has_istio_proxy=has_istio_proxy, wallet=wallet).cases()


def foreseen_rejections(loaded: Loaded, version: Version | None = None) -> tuple[ExpectedRejection, ...]:
    """The objects that must be refused, with both voices; kinds that were never Istio's with the document's only."""
    return tuple(
        _foreseen(each, loaded.scenario.namespace, version or Version())
        for stage in loaded.scenario.stages
        for each in stage.rejected
    )


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
