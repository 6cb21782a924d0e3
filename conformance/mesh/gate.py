"""The gate: waits until every involved proxy runs the configuration, and knows nothing of the property under test.

It is the only place of a run that polls. Once after an application was deployed: every proxy sees all of its endpoints
as healthy. Then for each configuration three steps, each needed (sentinel alone: 1 of 150 was judged too early): istiod
has exactly the objects that were applied; an object applied after that, the sentinel, is served by every involved
proxy, so it runs a later push; and every proxy has acknowledged what it was sent, none refused anything. A refused
push (NACK) never becomes effective, so it is looked for while waiting, and ends the wait.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from cluster.api import Api, Object, Reference
from cluster.model import ClusterError
from cluster.readiness import wait_until_available
from conformance.mesh.applications import SYSTEM
from conformance.mesh.istiod import Istiod, Mark, identity_of
from conformance.mesh.labels import as_scenario_object
from conformance.mesh.proxies import GATEWAYS, Proxies
from conformance.mesh.secret_gate import SecretGate, name_certificates
from conformance.mesh.workloads import Pod, Question, Workloads, url_at

LIMIT_SECONDS = 30
"""A push has been effective after 0.1 s here; a machine under load has needed 0.5 s."""
_PATIENCE_SECONDS = 0.7
"""A push that is not refused is nearly always effective earlier, so refusals are looked for only then."""

_SENTINEL = Reference("v1", "Service", SYSTEM, "sentinel")
_SENTINEL_PORT = 80
_SENTINEL_GATEWAY_PORT = 15099
_ASK_SECONDS = 0.3
_PUSH_SECONDS = 0.13
"""No push is effective earlier: istiod waits for 0.1 s after a change (PILOT_DEBOUNCE_AFTER), then needs a moment."""
_PAUSE_SECONDS = 0.02
"""Between two looks at what is missing: the machine has the mesh to run, too."""


class NotConverged(Exception):  # noqa: N818 - the state of the mesh, not a fault of the program
    """The mesh does not run the configuration; the scenario is blocked, never judged."""


class Refused(NotConverged):
    """A proxy refused what istiod sent."""


class Gate:
    """One per worker; workers do not disturb each other, each has a sentinel of its own."""

    def __init__(self, api: Api, workloads: Workloads, istiod: Istiod, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._api = api
        self._workloads = workloads
        self._proxies = Proxies(workloads)
        self._istiod = istiod
        self._host = f"{uuid.uuid4().hex[:12]}.sentinel.invalid"
        self._generations = itertools.count(1)
        self._gateways = tuple(pod for pod in workloads.pods("istio-system") if pod.app in GATEWAYS)
        self._deployed: dict[str, frozenset[str]] = {}
        self._limit = limit_seconds
        self._secrets = SecretGate(api, workloads, self._proxies, self._gateways, self._until)

    def close(self) -> None:
        """Takes the sentinel away."""
        self._secrets.close()
        self._api.delete(Reference.of(self._sentinel("", ())))

    def pass_deployed(self, namespace: str, pods: Sequence[Pod]) -> None:
        """Waits until every proxy sees every ready endpoint of the namespace's services as healthy.

        Does nothing when it has already passed with the same pods: endpoints change with pods only.
        """
        names = frozenset(pod.name for pod in pods)
        if self._deployed.get(namespace) != names:
            self._see_endpoints(namespace, self._complete_services(namespace), pods)
            self._deployed[namespace] = names

    def pass_brought(self, objects: Sequence[Object], pods: Callable[[], Sequence[Pod]], *, may_hide: bool) -> None:
        """Waits for Deployments and Services that a scenario brings: pods available, endpoints seen as healthy.

        `pods` are those that must see them, asked when all are available. With a Sidecar in place (`may_hide`) nobody
        can be asked for endpoints, since it may hide them.
        """
        places = {each["metadata"]["namespace"] for each in objects if each["kind"] in ("Deployment", "Service")}
        for namespace in sorted(places):
            own = [each for each in objects if each["metadata"]["namespace"] == namespace]
            names = [each["metadata"]["name"] for each in own if each["kind"] == "Deployment"]
            try:
                wait_until_available(self._api, namespace, names, limit_seconds=self._limit)
            except ClusterError as error:
                raise NotConverged(error.problem) from error
            services = self._complete_services(namespace)
            if not may_hide:
                self._see_endpoints(namespace, services, pods())

    def pass_secrets(self, applied: Sequence[Object] = (), pods: Sequence[Pod] = ()) -> None:
        """Waits until the gateways know what was done to Secrets, the deletion of one too.

        Those that pods have as files are on their way then: `pass_applied` waits for them.
        """
        for secret in applied:
            self._secrets.hasten(secret, (*pods, *self._gateways))
        self._secrets.pass_secrets()

    def pass_gone(self, references: Sequence[Reference]) -> None:
        """Waits until the API server has nothing of these any more."""
        self._until(
            lambda: [str(each) for each in references if self._api.get(each)],
            "deleted objects are still there",
        )

    def _complete_services(self, namespace: str) -> list[Object]:
        """The services, as soon as each has the pods that it selects as its endpoints.

        A Deployment is available before they are all there: Kubernetes makes them in its own time.
        """
        services = self._api.items("v1", "Service", namespace)
        selectors = {each["metadata"]["name"]: each["spec"].get("selector") for each in services}

        def differing() -> list[str]:
            pods = [each["metadata"] for each in self._api.items("v1", "Pod", namespace)]
            alive = [pod.get("labels") or {} for pod in pods if not pod.get("deletionTimestamp")]
            ready = self._ready_by_service(namespace)
            return [
                name
                for name, selector in selectors.items()
                if selector and ready[name] != sum(selector.items() <= labels.items() for labels in alive)
            ]

        self._until(differing, "services do not have their pods as endpoints")
        return services

    def _see_endpoints(self, namespace: str, services: Sequence[Object], pods: Sequence[Pod]) -> None:
        expected = self._ready_endpoints(namespace, services)
        waiting = {*(pod for pod in pods if pod.has_proxy), *self._gateways}

        def incomplete() -> list[str]:
            asked = sorted(waiting, key=lambda pod: pod.name)
            for pod, seen in zip(asked, self._proxies.healthy_endpoints(asked), strict=True):
                if all(seen.get(cluster) == count for cluster, count in expected.items()):
                    waiting.discard(pod)
            return [pod.name for pod in waiting]

        self._until(incomplete, "proxies do not see all endpoints as healthy")

    def _ready_endpoints(self, namespace: str, services: Sequence[Object]) -> dict[str, int]:
        """Envoy's name of each service's cluster, and how many endpoints Kubernetes says are ready.

        Without headless services: sidecars send to the dialled address there, and know no endpoints. Nor those that
        are not for everybody.
        """
        ready = self._ready_by_service(namespace)
        return {
            f"outbound|{port['port']}||{each['metadata']['name']}.{namespace}.svc.cluster.local": ready[
                each["metadata"]["name"]
            ]
            for each in services
            if _is_known_to_all(each)
            for port in each["spec"].get("ports") or ()
        }

    def _ready_by_service(self, namespace: str) -> Counter[str]:
        ready: Counter[str] = Counter()
        for each in self._api.items("discovery.k8s.io/v1", "EndpointSlice", namespace):
            service = (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
            ready[service] += sum(bool(one.get("conditions", {}).get("ready")) for one in each["endpoints"] or ())
        return ready

    def pass_deletion(self, references: Sequence[Reference]) -> None:
        """Waits until istiod has forgotten the objects; the next gate's sentinel then proves the proxies have, too."""
        gone = {(each.kind, each.namespace or "", each.name) for each in references}
        self._until(
            lambda: sorted(map(str, gone & self._istiod.identities().keys())), "istiod still has deleted objects"
        )

    def pass_applied(self, applied: Sequence[Object], pods: Sequence[Pod], before: Mark) -> None:
        """Waits until `pods` (those with a proxy) and the gateways run what was applied.

        `before` is from before the apply. Raises NotConverged with what is missing.
        """
        involved = {f"{pod.name}.{pod.namespace}" for pod in (*pods, *self._gateways) if pod.has_proxy}

        def refuse() -> None:
            self._refuse_rejections(before, involved)

        self._wait_for_istiod(applied)
        token = self._apply_sentinel(pods)
        time.sleep(_PUSH_SECONDS)
        waiting = {*(pod for pod in pods if pod.has_proxy), *self._gateways}

        def not_served() -> list[str]:
            # istiod first: one question for all, and who has not acknowledged a push does not serve a later one.
            if behind := self._unacknowledged(involved):
                return behind
            asked = sorted(waiting, key=lambda pod: pod.name)
            for pod, served in zip(asked, self._workloads.answers([*map(self._sentinel_at, asked)]), strict=True):
                if served == token:
                    waiting.discard(pod)
            return [pod.name for pod in waiting]

        self._until(not_served, "proxies still run an older configuration", refuse)
        self._until(lambda: self._unacknowledged(involved), "proxies have not acknowledged what istiod sent", refuse)
        refuse()

    def pass_warm(
        self, applied: Sequence[Object], senders: Sequence[Pod], namespaces: Iterable[str], *, at_gateways: bool
    ) -> None:
        """Waits until the proxies that requests go through use what they know of these namespaces' services and hosts.

        A cluster is acknowledged at once, but there is none, or its forerunner goes on, until its endpoints are known,
        from istiod or from DNS.
        """
        asked = self._on_the_way(senders, at_gateways=at_gateways)
        entries = [each["spec"] for each in applied if each["kind"] == "ServiceEntry"]
        hosts = tuple(f"|{host}" for spec in entries for host in spec.get("hosts", ()))
        ends = (*hosts, *(f".{namespace}.svc.cluster.local" for namespace in namespaces))

        def cold() -> list[str]:
            found = [*zip(asked, self._proxies.warming_clusters(asked), strict=True)]
            silent = [f"{pod.name} (does not say)" for pod, names in found if names is None]
            waiting = [f"{pod.name} ({name})" for pod, names in found for name in names or () if name.endswith(ends)]
            return silent + waiting

        self._until(cold, "proxies wait for the endpoints of clusters that changed")

    def _on_the_way(self, senders: Sequence[Pod], *, at_gateways: bool) -> list[Pod]:
        return [pod for pod in (*senders, *(self._gateways if at_gateways else ())) if pod.has_proxy]

    def pass_certificates(self, applied: Sequence[Object], senders: Sequence[Pod], *, at_gateways: bool) -> None:
        """Waits until the proxies that requests go through have all certificates that they will get.

        Of all others some may wait in vain, for files that only the senders have, and nothing depends on them.
        """
        if not name_certificates(applied):
            return
        asked = self._on_the_way(senders, at_gateways=at_gateways)
        self._until(lambda: self._proxies.warming(asked), "proxies wait for certificates")
        for secret in (each for each in applied if each["kind"] == "Secret"):
            self._secrets.pass_files(secret, asked)

    def pass_asked(self, unasked: Callable[[], list[str]], pods: Sequence[Pod], before: Mark) -> None:
        """Waits until istiod has asked for what it must know from elsewhere, and the proxies run a later push."""

        def missing() -> list[str]:
            found = unasked()
            if found:
                # istiod asks by itself in a while; what it failed to get it has forgotten, and asks when it pushes.
                time.sleep(_ASK_SECONDS)
                self._apply_sentinel(pods)
            return found

        self._until(missing, "istiod has not fetched what there is now at")
        self.pass_applied([], pods, before)

    def _wait_for_istiod(self, objects: Sequence[Object]) -> None:
        wanted = {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): identity_of(each)
            for each in objects
            if "istio.io/" in each["apiVersion"]
        }

        def missing() -> list[str]:
            known = self._istiod.identities()
            return ["/".join(key) for key, identity in wanted.items() if known.get(key) != identity]

        if wanted:
            self._until(missing, "istiod does not have the objects as applied")

    def _sentinel_at(self, pod: Pod) -> Question:
        """A gateway serves it to others, a sidecar to its own pod."""
        if pod.app in GATEWAYS:
            return Question(pod.url(_SENTINEL_GATEWAY_PORT), {"Host": self._host})
        return Question(self._address, {"Host": self._host}, by=pod)

    @cached_property
    def _address(self) -> str:
        """Of the sentinel's Service as a number: by its name each pod would ask the DNS eight times."""
        service = self._api.get(_SENTINEL)
        if service is None:
            raise NotConverged(f"{_SENTINEL} is gone, which everything else stands on")
        return url_at(service["spec"]["clusterIP"], _SENTINEL_PORT)

    def _unacknowledged(self, involved: set[str]) -> list[str]:
        states = {state.proxy: state.pending for state in self._istiod.proxies()}
        missing = [f"{proxy} (not connected)" for proxy in involved - states.keys()]
        return missing + [
            f"{proxy} ({', '.join(states[proxy])})" for proxy in involved & states.keys() if states[proxy]
        ]

    def _refuse_rejections(self, before: Mark, involved: set[str]) -> None:
        """Refusals of proxies that are not involved, such as another worker's, do not count; istiod's log tells."""
        new = self._istiod.rejections() - before.rejections
        if not new:
            return
        lines = self._istiod.refusals(before)
        own = [line for line in lines if any(proxy in line for proxy in involved)]
        if own or not lines:
            said = own[-1].strip() if own else "istiod's log does not say whose"
            raise Refused(f"proxies refused what istiod sent (NACK), so they run an older configuration: {said}")

    def _until(self, missing: Callable[[], list[str]], problem: str, refuse: Callable[[], None] | None = None) -> None:
        begun = looked = time.monotonic()
        while remaining := missing():
            now = time.monotonic()
            if refuse and now - looked > _PATIENCE_SECONDS:
                looked = now
                refuse()
            if now - begun > self._limit:
                raise NotConverged(f"{problem} after {self._limit:g} s: {', '.join(sorted(remaining))}")
            time.sleep(_PAUSE_SECONDS)

    def _apply_sentinel(self, pods: Sequence[Pod]) -> str:
        """A new one for these pods and the gateways: the token that they will serve."""
        token = f"{self._host}/{next(self._generations)}"
        self._api.apply(self._sentinel(token, (*pods, *self._gateways)))
        return token

    def _sentinel(self, token: str, pods: Sequence[Pod]) -> Object:
        """For the proxies of these pods; istiod has nothing to tell all others."""
        # Marked like a scenario's: a killed worker's is taken away with the rest; the living apply theirs each time.
        manifest: Object = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": self._host.split(".")[0], "namespace": SYSTEM},
            "spec": {
                "hosts": [self._host],
                "gateways": ["mesh", "sentinel"],
                "exportTo": sorted({pod.namespace for pod in pods if pod.has_proxy}) or ["."],
                "http": [{"directResponse": {"status": 200, "body": {"string": token}}}],
            },
        }
        return as_scenario_object(manifest)


_VISIBILITY = "networking.istio.io/exportTo"


def _is_known_to_all(service: Object) -> bool:
    is_headless = service["spec"].get("clusterIP") == "None"
    is_alias = service["spec"].get("type") == "ExternalName"
    return not is_headless and not is_alias and _VISIBILITY not in (service["metadata"].get("annotations") or {})
