"""Performing a scenario on a mesh, alone in its territory. What came of it is data for the judge."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from cluster.api import Api
from conformance.judgement.profile import FULL, Profile
from conformance.language.load import Loaded
from conformance.language.models import Scenario
from conformance.mesh import leftovers
from conformance.mesh.applications import deploy, deployed
from conformance.mesh.certificates import Certificates
from conformance.mesh.clock import Clock
from conformance.mesh.credentials import Credentials
from conformance.mesh.evidence import Evidence
from conformance.mesh.gate import Gate
from conformance.mesh.istiod import Istiod
from conformance.mesh.key_server import KeyServer
from conformance.mesh.staging import Performance, Reach, Staging
from conformance.mesh.territory import Territory, held, territory
from conformance.mesh.workloads import Workloads
from conformance.tokens.wallet import Wallet


class Mesh:
    """A running mesh as one worker uses it. `locks` is a folder that all workers of the cluster share."""

    def __init__(self, kubeconfig: Path, locks: Path, profile: Profile = FULL) -> None:
        self.api = Api(kubeconfig)
        self.workloads = Workloads(self.api)
        self.istiod = Istiod(self.api, self.workloads)
        self._reach = Reach(
            api=self.api,
            workloads=self.workloads,
            istiod=self.istiod,
            gate=Gate(self.api, self.workloads, self.istiod),
            key_server=KeyServer(self.workloads),
            profile=profile,
        )
        self._locks = locks

    def close(self) -> None:
        self._reach.gate.close()
        self.api.close()

    def perform(self, loaded: Loaded, wallet: Wallet, evidence: Evidence | None = None) -> Performance:
        """Runs one scenario with a wallet's tokens; raises BadInput when the API server refuses its configuration."""
        scenario, clock = loaded.scenario, Clock()
        leftovers.take_away(self._reach, self._locks)
        with ExitStack() as stack:
            with clock.phase("deploy"):
                self._deploy(scenario)
            with clock.phase("wait"):
                stack.enter_context(held(territory(scenario), self._locks))
            credentials = Credentials(Certificates(self.api, scenario.certificates), wallet)
            return Staging(self._reach, loaded, credentials, clock, evidence).perform()

    def _deploy(self, scenario: Scenario) -> None:
        """Before the rest of the territory is held: what the scenario shares with others is theirs meanwhile."""
        if not {*scenario.applications} - {*deployed(self.api, scenario.namespace)}:
            return
        with held(Territory(frozenset({scenario.namespace})), self._locks):
            for application in scenario.applications:
                deploy(self.api, application, scenario.namespace)
