"""Sidecars: what a proxy knows of the mesh."""

from __future__ import annotations

from typing import Any

from conformance.differential.arena import DOMAIN, HTTP, OTHER_HTTP
from conformance.differential.dice import Dice
from conformance.differential.grammar.plan import Plan

Spec = dict[str, Any]

GATE = "conformance-system/*"
"""Every list has it: the gate's sentinel must be in scope, or nobody knows whether the configuration has arrived."""


def sidecar(dice: Dice, plan: Plan) -> Spec:
    spec: Spec = {}
    if dice.chance(0.45):
        spec["workloadSelector"] = {"labels": {"app": dice.one(("client", "a", "b", "far"))}}
    if dice.chance(0.85):
        spec["egress"] = _egress(dice, plan)
    if dice.chance(0.3) or not spec.get("egress"):
        spec["outboundTrafficPolicy"] = {"mode": dice.weighted({"REGISTRY_ONLY": 7, "ALLOW_ANY": 3})}
    if "workloadSelector" in spec and dice.chance(0.2):
        spec["ingress"] = [_ingress(dice, number) for number in dice.some((8080, 9080), 1, 2)]
    return spec


def _egress(dice: Dice, plan: Plan) -> list[Spec]:
    made: list[Spec] = []
    if dice.chance(0.2):
        number = dice.one((HTTP, OTHER_HTTP))
        port = {"number": number, "protocol": "HTTP", "name": f"http-{number}"}
        made.append({"port": port, "hosts": _hosts(dice, plan)})
    return [*made, {"hosts": _hosts(dice, plan)}]


def _hosts(dice: Dice, plan: Plan) -> list[str]:
    arena = plan.arena
    ways = {
        "./*": 6,
        f"{arena.near}/*": 3,
        f"{arena.far}/*": 3,
        "*/*": 1,
        f"./a.{arena.near}.{DOMAIN}": 3,
        f"./b.{arena.near}.{DOMAIN}": 2,
        f"*/a.{arena.far}.{DOMAIN}": 2,
        f"*/*.{arena.domain}": 3,
        f"{arena.far}/web.{arena.domain}": 1,
        f"~{arena.far}/*": 1,
        f"~/a.{arena.near}.{DOMAIN}": 1,
    }
    return [*dict.fromkeys(dice.weighted(ways) for _ in range(dice.number(1, 3))), GATE]


def _ingress(dice: Dice, number: int) -> Spec:
    made: Spec = {"port": {"number": number, "protocol": dice.weighted({"HTTP": 8, "TCP": 2}), "name": f"in-{number}"}}
    if dice.chance(0.7):
        target = dice.one((8080, 9080))
        made["defaultEndpoint"] = f"{dice.weighted({'127.0.0.1': 8, '0.0.0.0': 2})}:{target}"  # noqa: S104 - Istio's word
    return made
