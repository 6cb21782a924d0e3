"""Performs configurations on a real mesh, as many at once as there are arenas; what came of each is data."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.api import Api, ApiError, Object, Reference
from cluster.readiness import wait_until_available
from conformance.differential.arena import INTERNET, OUTSIDE, ROOT, Arena
from conformance.differential.arenas import deploy
from conformance.differential.config import Config
from conformance.differential.sending import Numbered, Sender
from conformance.judgement.history import Exchange
from conformance.mesh.gate import Gate, NotConverged
from conformance.mesh.istiod import Istiod
from conformance.mesh.labels import SCENARIO_KINDS
from conformance.mesh.territory import INGRESS, Territory, held
from conformance.mesh.workloads import Workloads
from conformance.router.request import Request

LABEL = "conformance/differential"
"""By it the objects of a killed run are found."""

_RECOVERY_SECONDS = 60
_LIMIT_SECONDS = 10
"""A proxy that needs longer waits for something that does not come, such as endpoints of a cluster it warms."""
_OUTSIDE_NAMESPACE = "outside"
_ARENA = re.compile(r"arena-\d+")


@dataclass(frozen=True)
class Refusal:
    """An object that the API server did not take."""

    manifest: Object
    message: str


@dataclass(frozen=True)
class Performed:
    """What came of one configuration. `blocked` says why there are no exchanges."""

    config: Config
    requests: tuple[Request, ...]
    """As they were sent: with real addresses."""
    applied: tuple[Object, ...]
    """As the API server returned them."""
    refused: tuple[Refusal, ...]
    around: tuple[Object, ...]
    """All other Istio objects of the mesh at that time."""
    exchanges: tuple[Exchange, ...]
    blocked: str | None = None


class Stage:
    """Arenas on a running cluster."""

    def __init__(self, kubeconfig: Path, locks: Path, arenas: Sequence[Arena]) -> None:
        self.api = Api(kubeconfig)
        self._locks = locks
        self.arenas = tuple(arenas)
        self._workloads = Workloads(self.api)
        certificates = deploy(self.api, arenas)
        self._istiod = Istiod(self.api, self._workloads)
        self._gate = Gate(self.api, self._workloads, self._istiod, _LIMIT_SECONDS)
        self._pods = {space: self._workloads.pods(space) for arena in arenas for space in arena.namespaces}
        outside = self._workloads.pods(_OUTSIDE_NAMESPACE)
        inside = [pod for pods in self._pods.values() for pod in pods]
        self._sender = Sender(
            api=self.api,
            workloads=self._workloads,
            clients={f"{pod.namespace}/{pod.workload}": pod for pod in (*inside, *outside)},
            servers=tuple(
                pod for pod in (*inside, *outside) if pod.workload not in ("client", *_names(OUTSIDE, INTERNET))
            ),
            certificates=certificates,
        )
        self._addresses = dict(self._find_addresses())
        self._threads = ThreadPoolExecutor(max(4, len(self.arenas)))
        self._run = f"d{int(time.time() * 1000):x}"
        self._batches = 0
        self._present: dict[Arena, list[Reference]] = defaultdict(list)
        self._sweep()
        for space, pods in self._pods.items():
            self._gate.pass_deployed(space, pods)

    def close(self) -> None:
        """Leaves the arenas empty."""
        self._clear()
        self._gate.close()
        self._threads.shutdown()
        self.api.close()

    def _find_addresses(self) -> Iterator[tuple[str, str]]:
        for space, pods in self._pods.items():
            for pod in pods:
                yield f"pod {space}/{pod.workload}", pod.address
            for each in self.api.items("v1", "Service", space):
                yield f"service {space}/{each['metadata']['name']}", each["spec"]["clusterIP"]

    def _sweep(self) -> None:
        spaces = (ROOT, *self._pods)
        for api_version, kinds in SCENARIO_KINDS.items():
            for kind in kinds:
                for each in self.api.items(api_version, kind, label_selector=LABEL):
                    metadata = each["metadata"]
                    if metadata["namespace"] in spaces:
                        self.api.delete(Reference(api_version, kind, metadata["namespace"], metadata["name"]))

    # --- one batch ----------------------------------------------------------------------------------------------------

    def perform(self, configs: Sequence[Config]) -> list[Performed]:
        """All at once, each in its own arena; if that does not work, those that are not to blame once more."""
        assert len({config.arena for config in configs}) == len(configs), "one configuration for each arena"
        try:
            return self._together(configs)
        except NotConverged as blocked:
            self._clear()
            for space in self._pods:
                # A proxy that died is started again; until then nothing would get through the gate.
                wait_until_available(self.api, space, limit_seconds=_RECOVERY_SECONDS)
            if len(configs) == 1:
                return [_blocked(configs[0], blocked)]
            guilty = [config for config in configs if config.arena.near in _ARENA.findall(str(blocked))]
            if guilty and len(guilty) < len(configs):
                parts = [[config for config in configs if config not in guilty], *([each] for each in guilty)]
            else:
                parts = [list(configs[: len(configs) // 2]), list(configs[len(configs) // 2 :])]
            found = {performed.config.arena: performed for part in parts for performed in self.perform(part)}
            return [found[config.arena] for config in configs]

    def _together(self, configs: Sequence[Config]) -> list[Performed]:
        with self._mesh_is_ours():
            self._batches += 1
            before = self._istiod.mark()
            old = [reference for references in self._present.values() for reference in references]
            self._take_away([arena for arena in self.arenas if arena not in [config.arena for config in configs]])
            filled = [config.filled(self._addresses) for config in configs]
            applied = list(self._threads.map(self._replace, filled))
            created = [each for objects, _ in applied for each in objects]
            # A name that is taken again is the next step's: it waits for the new resourceVersion.
            self._gate.pass_deletion([*{*old} - {Reference.of(each) for each in created}])
            involved = [pod for config in configs for space in config.arena.namespaces for pod in self._pods[space]]
            self._gate.pass_applied(created, involved, before)
            present = self._istiod.objects()
            prefix = f"{self._run}-{self._batches}-"
            numbered = {
                config.arena: [
                    Numbered(f"{prefix}{config.arena.number}-{number}", request)
                    for number, request in enumerate(config.requests)
                ]
                for config in filled
            }
            exchanges = self._sender.send([each for group in numbered.values() for each in group], prefix)
        return [
            Performed(
                config=config,
                requests=ready.requests,
                applied=tuple(objects),
                refused=tuple(refused),
                around=_others(present, created, objects),
                exchanges=tuple(exchanges[each.token] for each in numbered[config.arena]),
            )
            for config, ready, (objects, refused) in zip(configs, filled, applied, strict=True)
        ]

    @contextmanager
    def _mesh_is_ours(self) -> Iterator[None]:
        """Some objects act on every proxy: scenarios on the same cluster take turns with these."""
        with held(Territory(frozenset({INGRESS}), is_whole_mesh=True), self._locks):
            yield

    def _replace(self, config: Config) -> tuple[list[Object], list[Refusal]]:
        """In place of what the arena had; one object after the other, since their age is their order."""
        self._take_away([config.arena])
        applied: list[Object] = []
        refused: list[Refusal] = []
        for manifest in config.objects:
            labelled = _labelled(manifest)
            if is_namesake(manifest, applied):
                _wait_for_next_second()
            try:
                applied.append(self.api.apply(labelled))
            except ApiError as error:
                refused.append(Refusal(manifest, error.message))
                continue
            self._present[config.arena].append(Reference.of(labelled))
        return applied, refused

    def _take_away(self, arenas: Sequence[Arena]) -> None:
        for arena in arenas:
            for reference in self._present.pop(arena, ()):
                self.api.delete(reference)

    def _clear(self) -> None:
        old = [reference for references in self._present.values() for reference in references]
        self._take_away(self.arenas)
        self._gate.pass_deletion(old)


def is_namesake(manifest: Object, earlier: Sequence[Object]) -> bool:
    """Whether it is a ServiceEntry for a host that an earlier one of its namespace has.

    Of the same second istiod would order them by chance (SortServicesByCreationTime).
    """
    if manifest["kind"] != "ServiceEntry":
        return False
    place, hosts = manifest["metadata"]["namespace"], {*manifest["spec"].get("hosts", ())}
    return any(
        each["kind"] == "ServiceEntry"
        and each["metadata"]["namespace"] == place
        and not hosts.isdisjoint(each["spec"].get("hosts", ()))
        for each in earlier
    )


def _wait_for_next_second() -> None:
    """By the clock that the API server shares."""
    time.sleep(1 - time.time() % 1)


def _blocked(config: Config, reason: NotConverged) -> Performed:
    return Performed(config, (), (), (), (), (), str(reason))


def _names(*clients: str) -> list[str]:
    return [client.partition("/")[2] for client in clients]


def _labelled(manifest: Object) -> Object:
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), LABEL: "true"}}}


def _identity(manifest: Object) -> tuple[str, str, str]:
    return manifest["kind"], manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _others(present: Sequence[Object], created: Sequence[Object], own: Sequence[Object]) -> tuple[Object, ...]:
    """As the API server returned them where it did: istiod leaves zero values out."""
    returned: Mapping[tuple[str, str, str], Object] = {_identity(each): each for each in created}
    mine = {_identity(each) for each in own}
    return tuple(returned.get(_identity(each), each) for each in present if _identity(each) not in mine)
