"""Gateways on the one ingress gateway that all arenas share: every host is the arena's own."""

from __future__ import annotations

from typing import Any

from conformance.differential.arenas import MUTUAL_SECRET, SIMPLE_SECRET
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import server_host
from conformance.differential.grammar.plan import Plan

Spec = dict[str, Any]


def gateway(dice: Dice, plan: Plan) -> Spec:
    count = dice.weighted({1: 7, 2: 3})
    servers = [server(dice, plan, index) for index in range(count)]
    selector = {"istio": "ingressgateway"} if dice.chance(0.95) else {"istio": "nowhere"}
    return {"selector": selector, "servers": servers}


def server(dice: Dice, plan: Plan, index: int) -> Spec:
    hosts = list(dict.fromkeys(server_host(dice, plan) for _ in range(dice.weighted({1: 8, 2: 2}))))
    number, protocol = dice.weighted({(80, "HTTP"): 72, (443, "HTTPS"): 18, (8080, "HTTP"): 5, (31400, "HTTP"): 5})
    made: Spec = {"port": {"number": number, "name": f"port-{index}", "protocol": protocol}, "hosts": hosts}
    if protocol == "HTTPS":
        # A secret that does not exist would keep a new port closed to all arenas for fifteen seconds.
        # A host that is spelled in two ways on a TLS port makes Envoy refuse the listener for everybody.
        made["hosts"] = sorted({host.rpartition("/")[2] for host in hosts})
        made["tls"] = dice.draw(
            (65, lambda: {"mode": "SIMPLE", "credentialName": SIMPLE_SECRET}),
            (25, lambda: {"mode": "MUTUAL", "credentialName": MUTUAL_SECRET}),
            (5, lambda: {"mode": "OPTIONAL_MUTUAL", "credentialName": MUTUAL_SECRET}),
        )
    elif dice.chance(0.1):
        made["tls"] = {"httpsRedirect": True}
    return made
