"""VirtualServices: for sidecars, for gateways, for both, and delegates."""

from __future__ import annotations

from typing import Any

from conformance.differential.arena import SNIFFED, TCP
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import export_to, gateway_host, mesh_host
from conformance.differential.grammar.plan import Plan, Slot
from conformance.differential.grammar.routes import destination, rules

Spec = dict[str, Any]

MESH = "mesh"


def virtual_service(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    gateways = _gateways(dice, plan, slot)
    is_for_mesh = not gateways or MESH in gateways
    spec: Spec = {"hosts": _hosts(dice, plan, is_for_mesh=is_for_mesh)}
    if gateways:
        spec["gateways"] = gateways
    spec["http"] = rules(dice, plan, gateways)
    if is_for_mesh and dice.chance(0.05):
        spec["tcp"] = [
            {"match": [{"port": dice.one((TCP, SNIFFED))}], "route": [{"destination": destination(dice, plan)}]}
        ]
    return _exported(dice, plan, spec)


def delegate(dice: Dice, plan: Plan) -> Spec:
    """Without hosts and gateways; its rules join those of whoever names it."""
    return _exported(dice, plan, {"http": rules(dice, plan, [], is_delegate=True)})


def _exported(dice: Dice, plan: Plan, spec: Spec) -> Spec:
    exported = export_to(dice, plan)
    return spec if exported is None else {**spec, "exportTo": exported}


def _hosts(dice: Dice, plan: Plan, *, is_for_mesh: bool) -> list[str]:
    draw = mesh_host if is_for_mesh else gateway_host
    count = dice.weighted({1: 7, 2: 2, 3: 1})
    hosts = list(dict.fromkeys(draw(dice, plan.arena) for _ in range(count)))
    # Several hosts must not overlap, or the object is refused; now and then it may be.
    wide = [host for host in hosts if host.startswith("*")]
    return wide[:1] if wide and len(hosts) > 1 and not dice.chance(0.1) else hosts


def _gateways(dice: Dice, plan: Plan, slot: Slot) -> list[str]:
    """Empty means absent, hence the mesh."""
    present = plan.of_kind("Gateway")
    if not present:
        return dice.draw((93, list[str]), (5, lambda: [MESH]), (2, lambda: ["ghost"]))
    chosen = [_reference(dice, slot, each) for each in dice.some(present, 1, 2)]
    return dice.draw(
        (65, lambda: chosen), (15, lambda: [*chosen, MESH]), (15, list[str]), (5, lambda: ["ghost", *chosen])
    )


def _reference(dice: Dice, slot: Slot, gateway: Slot) -> str:
    full = f"{gateway.namespace}/{gateway.name}"
    if gateway.namespace != slot.namespace:
        return full if dice.chance(0.95) else gateway.name
    legacy = f"{gateway.name}.{gateway.namespace}.svc.cluster.local"
    return dice.weighted({gateway.name: 6, full: 4, legacy: 0.5})
