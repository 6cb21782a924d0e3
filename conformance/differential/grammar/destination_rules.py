"""DestinationRules: subsets, TLS modes, and several for one host."""

from __future__ import annotations

from typing import Any

from conformance.differential.arena import DOMAIN, HTTP, OTHER_HTTP, TCP
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import export_to, made_up, service_host, spelled
from conformance.differential.grammar.plan import Plan

Spec = dict[str, Any]

_BALANCERS = ("ROUND_ROBIN", "RANDOM", "LEAST_REQUEST", "PASSTHROUGH")


def destination_rule(dice: Dice, plan: Plan) -> Spec:
    arena = plan.arena
    spec: Spec = {
        "host": dice.draw(
            (82, lambda: spelled(dice, service_host(dice, arena))),
            (6, lambda: f"*.{arena.near}.{DOMAIN}"),
            (4, lambda: f"*.{arena.far}.{DOMAIN}"),
            (4, lambda: made_up(dice, arena)),
            (4, lambda: f"ext.{arena.domain}"),
        )
    }
    if dice.chance(0.8):
        spec["subsets"] = [subset(dice, plan, name) for name in dice.some(("v1", "v2", "empty"), 1, 3)]
    if dice.chance(0.5 if plan.focus == "peers" else 0.3) or "subsets" not in spec:
        spec["trafficPolicy"] = policy(dice, plan)
    if dice.chance(0.06):
        spec["workloadSelector"] = {"matchLabels": {"app": dice.one(("client", "b"))}}
        if dice.chance(0.8):
            return spec
    exported = export_to(dice, plan)
    return spec if exported is None else {**spec, "exportTo": exported}


def subset(dice: Dice, plan: Plan, name: str) -> Spec:
    made: Spec = {"name": name}
    if dice.chance(0.95):
        made["labels"] = {"version": dice.weighted({name: 12, "v1": 1})}
    if dice.chance(0.12):
        made["trafficPolicy"] = policy(dice, plan)
    return made


def policy(dice: Dice, plan: Plan) -> Spec:
    made: Spec = {}
    if dice.chance(0.8 if plan.focus == "peers" else 0.4):
        made["tls"] = tls(dice)
    if dice.chance(0.35):
        made["loadBalancer"] = dice.draw(
            (70, lambda: {"simple": dice.one(_BALANCERS)}),
            (30, lambda: {"consistentHash": {"httpHeaderName": "x-a"}}),
        )
    if dice.chance(0.2):
        made["portLevelSettings"] = [
            {"port": {"number": number}, **_port_policy(dice)} for number in dice.some((HTTP, OTHER_HTTP, TCP), 1, 2)
        ]
    return made or {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}


def _port_policy(dice: Dice) -> Spec:
    return {"tls": tls(dice)} if dice.chance(0.7) else {"loadBalancer": {"simple": dice.one(_BALANCERS[:3])}}


def tls(dice: Dice) -> Spec:
    mode = dice.weighted({"ISTIO_MUTUAL": 5, "DISABLE": 5, "SIMPLE": 1.5})
    if mode == "SIMPLE" and dice.chance(0.5):
        return {"mode": mode, "insecureSkipVerify": True}
    return {"mode": mode}
