"""The effective PeerAuthentication: one row for each statement of section 20, server mode, that changes an outcome."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from conformance.router.objects.metadata import LabelSelector, Metadata
from conformance.router.objects.security import MutualTLS, PeerAuthentication, PeerAuthenticationSpec
from conformance.router.peer_authentication import Mode, modes_for

ROOT = "istio-system"
SHOP = {"app": "shop"}
STRICT, PERMISSIVE, DISABLE = Mode.STRICT, Mode.PERMISSIVE, Mode.DISABLE


def of(
    mode: str | None,
    *,
    namespace: str = "town",
    selector: Mapping[str, str] | None = None,
    ports: Mapping[int, str | None] | None = None,
    name: str = "default",
    age: int = 0,
) -> PeerAuthentication:
    spec = PeerAuthenticationSpec(
        selector=None if selector is None else LabelSelector(selector),
        mtls=MutualTLS(mode) if mode else None,
        port_level_mtls={port: MutualTLS(each) for port, each in ports.items()} if ports else None,
    )
    return PeerAuthentication(Metadata(name, namespace, age=age), spec)


def mesh(mode: str) -> PeerAuthentication:
    return of(mode, namespace=ROOT, name="mesh")


def shop(mode: str | None, ports: Mapping[int, str | None] | None = None) -> PeerAuthentication:
    return of(mode, selector=SHOP, name="shop", ports=ports)


MTLS = "spec.mtls.mode"


@pytest.mark.parametrize(
    ("policies", "port", "mode", "decided_by"),
    [
        pytest.param([], 8080, PERMISSIVE, None, id="without a policy both are taken"),
        pytest.param([mesh("STRICT")], 8080, STRICT, f"mesh {MTLS}", id="the root namespace speaks for the mesh"),
        pytest.param([of("STRICT")], 8080, STRICT, f"default {MTLS}", id="a namespace speaks for its workloads"),
        pytest.param([of("STRICT", namespace="sea")], 8080, PERMISSIVE, None, id="another namespace does not speak"),
        pytest.param([shop("STRICT")], 8080, STRICT, f"shop {MTLS}", id="a selector speaks for what has the labels"),
        pytest.param(
            [of("STRICT", selector={"app": "inn"})], 8080, PERMISSIVE, None, id="a selector of others does not speak"
        ),
        pytest.param(
            [of("STRICT", selector={})], 8080, STRICT, f"default {MTLS}", id="an empty selector is one of a namespace"
        ),
        pytest.param(
            [of("STRICT", namespace=ROOT, selector=SHOP)],
            8080,
            PERMISSIVE,
            None,
            id="a selector in the root namespace selects nothing",
        ),
        pytest.param(
            [mesh("STRICT"), of("DISABLE")], 8080, DISABLE, f"default {MTLS}", id="the namespace beats the mesh"
        ),
        pytest.param(
            [of("STRICT"), shop("PERMISSIVE")], 8080, PERMISSIVE, f"shop {MTLS}", id="the workload beats the namespace"
        ),
        pytest.param([mesh("STRICT"), of("UNSET")], 8080, STRICT, f"mesh {MTLS}", id="UNSET inherits from the mesh"),
        pytest.param([of("STRICT"), shop(None)], 8080, STRICT, f"default {MTLS}", id="absent inherits likewise"),
        pytest.param([mesh("UNSET")], 8080, PERMISSIVE, None, id="UNSET of the mesh is the default"),
        pytest.param(
            [of("DISABLE", name="new", age=2), of("STRICT", name="old", age=1)],
            8080,
            STRICT,
            f"old {MTLS}",
            id="of two in a namespace the older wins",
        ),
        pytest.param(
            [of("STRICT", age=2), of("UNSET", name="old", age=1)],
            8080,
            PERMISSIVE,
            None,
            id="the older wins even when it says nothing",
        ),
        pytest.param(
            [of("DISABLE", name="b"), of("STRICT", name="a")],
            8080,
            STRICT,
            f"a {MTLS}",
            id="of equal age the first by name wins",
        ),
        pytest.param(
            [shop("STRICT", {8080: "DISABLE"})],
            8080,
            DISABLE,
            "shop spec.portLevelMtls[8080].mode",
            id="a port beats its workload",
        ),
        pytest.param([shop("STRICT", {8080: "DISABLE"})], 9090, STRICT, f"shop {MTLS}", id="only that port does"),
        pytest.param([shop("STRICT", {80: "DISABLE"})], 8080, STRICT, f"shop {MTLS}", id="a port of a Service is none"),
        pytest.param(
            [shop("STRICT", {8080: "UNSET"})],
            8080,
            STRICT,
            f"shop {MTLS}",
            id="an UNSET port inherits from its workload",
        ),
        pytest.param(
            [of("STRICT"), shop(None, {8080: None})],
            8080,
            STRICT,
            f"default {MTLS}",
            id="an empty port inherits through its workload",
        ),
        pytest.param(
            [of("STRICT", ports={8080: "DISABLE"})],
            8080,
            STRICT,
            f"default {MTLS}",
            id="ports of a namespace are nothing",
        ),
        pytest.param(
            [mesh("STRICT"), shop(None, {8080: "PERMISSIVE"})],
            8080,
            PERMISSIVE,
            "shop spec.portLevelMtls[8080].mode",
            id="a port beats the mesh",
        ),
    ],
)
def test_the_narrowest_and_oldest_policy_decides(
    policies: list[PeerAuthentication], port: int, mode: Mode, decided_by: str | None
) -> None:
    modes = modes_for(policies, namespace="town", labels={"app": "shop", "version": "v1"}, root_namespace=ROOT)

    found, by, field = modes.of(port)

    assert found is mode
    assert (f"{by.name} {field}" if by else None) == decided_by


def test_a_selector_may_name_all_labels_of_a_workload() -> None:
    assert modes_for([shop("STRICT")], namespace="town", labels=SHOP, root_namespace=ROOT).of(8080)[0] is STRICT


def test_in_the_root_namespace_itself_only_the_mesh_speaks() -> None:
    policies = [mesh("STRICT"), of("DISABLE", namespace=ROOT, selector=SHOP, name="shop")]

    assert modes_for(policies, namespace=ROOT, labels=SHOP, root_namespace=ROOT).of(8080)[0] is STRICT
