"""ServiceEntries, for hosts of the outside that live inside the cluster."""

from __future__ import annotations

from typing import Any

from conformance.differential.arena import DOMAIN, HTTP, OTHER_HTTP, Arena
from conformance.differential.config import pod_address
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import export_to
from conformance.differential.grammar.plan import Plan

Spec = dict[str, Any]

ENTRY_TCP = 7100
"""No service has it: a TCP port without addresses takes all connections to its number."""


def service_entry(dice: Dice, plan: Plan) -> Spec:
    arena = plan.arena
    host = dice.weighted(
        {f"ext.{arena.domain}": 10, f"web.{arena.domain}": 3, f"*.{arena.domain}": 3, f"a.{arena.near}.{DOMAIN}": 0.7}
    )
    resolution = dice.weighted({"STATIC": 6, "DNS": 3, "NONE": 2})
    if host.startswith("*") and resolution == "DNS":
        resolution = "STATIC"
    spec: Spec = {
        "hosts": [host],
        "ports": [_port(dice, number) for number in dice.some((HTTP, OTHER_HTTP, 8443), 1, 2)],
        "resolution": resolution,
        "location": dice.weighted({"MESH_EXTERNAL": 7, "MESH_INTERNAL": 3}),
    }
    if dice.chance(0.08):
        spec["ports"].append({"number": ENTRY_TCP, "name": "tcp", "protocol": "TCP", "targetPort": 8080})
    if resolution == "STATIC":
        if dice.chance(0.2):
            spec["workloadSelector"] = {"labels": {"app": dice.one(("a", "b"))}}
        else:
            spec["endpoints"] = [_static(dice, arena, spec["ports"]) for _ in range(dice.weighted({1: 7, 2: 2}))]
    elif resolution == "DNS":
        spec["endpoints"] = [
            {"address": f"c.{arena.near}.{DOMAIN}", "ports": {each["name"]: 9080 for each in spec["ports"]}}
        ]
    # A TCP port without addresses would take connections of the whole mesh.
    exported = ["."] if any(port["protocol"] == "TCP" for port in spec["ports"]) else export_to(dice, plan)
    return spec if exported is None else {**spec, "exportTo": exported}


def _port(dice: Dice, number: int) -> Spec:
    made: Spec = {"number": number, "name": f"http-{number}", "protocol": "HTTP"}
    if number == HTTP or dice.chance(0.3):
        made["targetPort"] = 8080
    return made


def _static(dice: Dice, arena: Arena, ports: list[Spec]) -> Spec:
    workload = dice.weighted({"c-v1": 6, "a-v1": 2, "b-v1": 2})
    made: Spec = {"address": pod_address(f"{arena.near}/{workload}")}
    if dice.chance(0.6):
        made["ports"] = {port["name"]: dice.one((8080, 9080)) for port in ports}
    if workload != "c-v1" and dice.chance(0.5):
        made["labels"] = {"security.istio.io/tlsMode": "istio", "version": dice.one(("v1", "v2"))}
    return made
