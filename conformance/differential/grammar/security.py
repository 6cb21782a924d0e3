"""PeerAuthentication, RequestAuthentication and AuthorizationPolicy."""

from __future__ import annotations

from typing import Any

from conformance.differential.arena import ROOT, WORKLOADS
from conformance.differential.config import pod_address
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import made_up, service_host
from conformance.differential.grammar.plan import Plan, Slot
from conformance.differential.tokens import issuer, key_set

Spec = dict[str, Any]

_MODES = {"STRICT": 5, "PERMISSIVE": 3, "DISABLE": 3, "UNSET": 1}
_GATEWAY = {"istio": "ingressgateway"}


def _selector(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    """Some workloads of the namespace; in the root namespace those of this arena only."""
    app = dice.one([each.app for each in WORKLOADS if plan.arena.namespace(each) == slot.namespace] or ["a", "b"])
    labels = {"arena": plan.arena.near} if slot.namespace == ROOT else {}
    return {"matchLabels": {**labels, "app": app}}


def peer_authentication(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    spec: Spec = {"mtls": {"mode": dice.weighted(_MODES)}}
    if dice.chance(0.55):
        spec["selector"] = _selector(dice, plan, slot)
        if dice.chance(0.4):
            ports = dice.some((8080, 9080, 7000, 80), 1, 2)
            spec["portLevelMtls"] = {str(port): {"mode": dice.weighted(_MODES)} for port in ports}
            if dice.chance(0.3):
                del spec["mtls"]
    return spec


def request_authentication(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    spec: Spec = {"jwtRules": [_jwt_rule(dice, name) for name in dice.some(("one", "two"), 1, 2)]}
    if dice.chance(0.6):
        spec["selector"] = _selector(dice, plan, slot)
    return spec


def _jwt_rule(dice: Dice, name: str) -> Spec:
    made: Spec = {"issuer": issuer(name), "jwks": key_set(*dice.one((("first",), ("first", "second"))))}
    if dice.chance(0.3):
        made["audiences"] = dice.some(("shop", "office"), 1, 2)
    if dice.chance(0.15):
        made["fromHeaders"] = [{"name": "x-token", **({"prefix": "Token "} if dice.chance(0.5) else {})}]
    if dice.chance(0.1):
        made["fromParams"] = ["token"]
    if dice.chance(0.3):
        made["forwardOriginalToken"] = True
    if dice.chance(0.15):
        made["outputClaimToHeaders"] = [{"header": "x-group", "claim": "group"}]
    if dice.chance(0.1):
        made["outputPayloadToHeader"] = "x-payload"
    return made


# --- authorization ----------------------------------------------------------------------------------------------------


def authorization_policy(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    if slot.namespace == ROOT and plan.of_kind("Gateway"):
        return _at_the_gateway(dice, plan)
    action = dice.weighted({"ALLOW": 55, "DENY": 40, "AUDIT": 5})
    spec: Spec = {"action": action} if action != "ALLOW" or dice.chance(0.5) else {}
    if slot.namespace == ROOT or dice.chance(0.6):
        spec["selector"] = _selector(dice, plan, slot)
    count = dice.weighted({0: 1, 1: 6, 2: 3}) if action == "ALLOW" else dice.weighted({1: 7, 2: 3})
    if count:
        spec["rules"] = [rule(dice, plan, slot) for _ in range(count)]
    return spec


def _at_the_gateway(dice: Dice, plan: Plan) -> Spec:
    """It guards the gateway of all arenas, so it denies, and only for a host of this one."""
    operation: Spec = {"hosts": [made_up(dice, plan.arena)]}
    if dice.chance(0.6):
        operation["paths"] = [dice.one(("/x", "/x*", "*/y"))]
    return {"action": "DENY", "selector": {"matchLabels": _GATEWAY}, "rules": [{"to": [{"operation": operation}]}]}


def rule(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    made: Spec = {}
    if dice.chance(0.55):
        made["from"] = [{"source": source(dice, plan)} for _ in range(dice.weighted({1: 8, 2: 2}))]
    if dice.chance(0.65):
        made["to"] = [{"operation": operation(dice, plan)} for _ in range(dice.weighted({1: 8, 2: 2}))]
    if dice.chance(0.25):
        made["when"] = [condition(dice, plan, slot)]
    return made


def source(dice: Dice, plan: Plan) -> Spec:
    arena = plan.arena
    people = [arena.principal(each) for each in WORKLOADS if each.has_sidecar]
    ways: dict[str, list[str]] = {
        "principals": dice.some((*people, "*", f"cluster.local/ns/{arena.near}/*", "*/sa/client"), 1, 2),
        "namespaces": dice.some((*arena.namespaces, "arena-*", "istio-system"), 1, 2),
        "requestPrincipals": [dice.one(("*", f"{issuer('one')}/someone", f"{issuer('one')}/*", "*/someone"))],
        "ipBlocks": [dice.one((pod_address(f"{arena.near}/client"), pod_address(f"{arena.near}/c-v1"), "10.0.0.0/8"))],
        "serviceAccounts": [dice.one(("client", f"{arena.near}/client", "far"))],
    }
    weights = {"principals": 6, "namespaces": 5, "requestPrincipals": 4, "ipBlocks": 2, "serviceAccounts": 1}
    made: Spec = {}
    for _ in range(dice.weighted({1: 7, 2: 2})):
        name = dice.weighted(weights)
        negated = dice.chance(0.25)
        made[f"not{name[0].upper()}{name[1:]}" if negated else name] = ways[name]
    if any("erviceAccounts" in name for name in made):
        made = {name: values for name, values in made.items() if "erviceAccounts" in name}
    return made


def operation(dice: Dice, plan: Plan) -> Spec:
    ways: dict[str, list[str]] = {
        "paths": dice.some(("/", "/x", "/x*", "*/y", "*", "/x/{*}", "/{**}", "/x/y"), 1, 2),
        "methods": dice.some(("GET", "POST", "G*"), 1, 2),
        "ports": [dice.one(("8080", "9080", "80", "7000"))],
        "hosts": [dice.one((service_host(dice, plan.arena), "a", "*", "a*", f"*.{plan.arena.near}.svc.cluster.local"))],
    }
    weights = {"paths": 7, "methods": 4, "ports": 3, "hosts": 2}
    made: Spec = {}
    for _ in range(dice.weighted({1: 6, 2: 3})):
        name = dice.weighted(weights)
        made[f"not{name[0].upper()}{name[1:]}" if dice.chance(0.2) else name] = ways[name]
    return made


def condition(dice: Dice, plan: Plan, slot: Slot) -> Spec:
    del slot
    arena = plan.arena
    key, values = dice.one(
        (
            ("request.headers[x-a]", ["1", "2*", "*"]),
            ("source.namespace", [*arena.namespaces]),
            ("source.principal", [arena.principal(WORKLOADS[4])]),
            ("destination.port", ["8080", "9080"]),
            ("request.auth.claims[group]", ["admins", "users"]),
            ("request.auth.claims[iss]", [issuer("one"), "*"]),
            ("request.auth.audiences", ["shop"]),
            ("request.auth.principal", [f"{issuer('one')}/*"]),
        )
    )
    return {"key": key, "notValues" if dice.chance(0.2) else "values": [dice.one(values)]}
