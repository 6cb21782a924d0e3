"""HTTP rules: what is done with a request that matches."""

from __future__ import annotations

from typing import Any

from conformance.differential.arena import HTTP, ONLY_B, OTHER_HTTP, TCP, Arena
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import made_up, service_host, spelled
from conformance.differential.grammar.matches import match
from conformance.differential.grammar.plan import DELEGATE, Plan

Rule = dict[str, Any]

_STATUSES = (200, 201, 404, 418, 503)


def rules(dice: Dice, plan: Plan, gateways: list[str], *, is_delegate: bool = False) -> list[Rule]:
    """One to four, the first match wins; the last one often takes all the rest."""
    count = dice.weighted({1: 3, 2: 4, 3: 2, 4: 1})
    found = [rule(dice, plan, gateways, is_delegate=is_delegate) for _ in range(count)]
    if dice.chance(0.35):
        found[-1].pop("match", None)
    return found


def rule(dice: Dice, plan: Plan, gateways: list[str], *, is_delegate: bool = False) -> Rule:
    blocks = dice.weighted({0: 2, 1: 6, 2: 2})
    made: Rule = {"match": [match(dice, plan, gateways) for _ in range(blocks)]} if blocks else {}
    if dice.chance(0.15):
        made["name"] = dice.one(("first", "second"))
    delegates = plan.of_kind(DELEGATE)
    if delegates and not is_delegate and dice.chance(0.7):
        chosen = dice.one(delegates)
        made["delegate"] = {"name": dice.weighted({chosen.name: 12, "ghost": 1})}
        if dice.chance(0.6):
            made["delegate"]["namespace"] = chosen.namespace
        return {**made, **_extras(dice, plan, made)}
    kind = dice.weighted({"route": 78, "redirect": 9, "directResponse": 13})
    if kind == "redirect":
        made["redirect"] = redirect(dice, plan.arena)
    elif kind == "directResponse":
        made["directResponse"] = {"status": dice.one(_STATUSES), "body": {"string": dice.one(("one", "two"))}}
        if dice.chance(0.3):
            made["headers"] = header_operations(dice)
    else:
        made["route"] = destinations(dice, plan)
        made |= _extras(dice, plan, made)
    if dice.chance(0.06):
        made["corsPolicy"] = cors(dice)
    return made


def _extras(dice: Dice, plan: Plan, made: Rule) -> Rule:
    """What goes with a route or a delegate."""
    extras: Rule = {}
    if dice.chance(0.16):
        extras["rewrite"] = rewrite(dice, plan.arena)
    if dice.chance(0.2):
        extras["headers"] = header_operations(dice)
    if dice.chance(0.08):
        extras["fault"] = fault(dice)
    if dice.chance(0.07):
        extras["mirror"] = destination(dice, plan)
        if dice.chance(0.4):
            extras["mirrorPercentage"] = {"value": dice.one((0, 100, 50))}
    if dice.chance(0.04) and "route" in made:
        extras["retries"] = {"attempts": dice.one((0, 2))}
    if dice.chance(0.03) and "route" in made:
        extras["timeout"] = "2s"
    return extras


# --- destinations -----------------------------------------------------------------------------------------------------


def destination(dice: Dice, plan: Plan) -> Rule:
    """Of any service by any name, sometimes of one that does not exist."""
    arena = plan.arena
    host = dice.draw(
        (88, lambda: spelled(dice, service_host(dice, arena))),
        (4, lambda: made_up(dice, arena)),
        (4, lambda: f"ext.{arena.domain}"),
        (4, lambda: "ghost"),
    )
    made: Rule = {"host": host}
    if dice.chance(0.45 if plan.of_kind("DestinationRule") else 0.05):
        made["subset"] = dice.weighted({"v1": 6, "v2": 6, "empty": 1, "ghost": 1})
    if dice.chance(0.4):
        made["port"] = {"number": dice.weighted({HTTP: 8, OTHER_HTTP: 6, ONLY_B: 3, TCP: 1, 8080: 1, 9999: 1})}
    return made


def destinations(dice: Dice, plan: Plan) -> list[Rule]:
    if dice.chance(0.75):
        one: Rule = {"destination": destination(dice, plan)}
        if dice.chance(0.1):
            one["weight"] = dice.one((0, 1, 100))
        return [_with_headers(dice, one)]
    weights = dice.one(((50, 50), (0, 100), (100, 0), (1, 3), (30, 30, 40), (0, 5, 0), (1, 0, 1)))
    return [_with_headers(dice, {"destination": destination(dice, plan), "weight": weight}) for weight in weights]


def _with_headers(dice: Dice, made: Rule) -> Rule:
    return {**made, "headers": header_operations(dice)} if dice.chance(0.12) else made


# --- actions ----------------------------------------------------------------------------------------------------------


def redirect(dice: Dice, arena: Arena) -> Rule:
    made: Rule = {}
    if dice.chance(0.6):
        made["uri"] = dice.one(("/new", "/", "/new?from=rule"))
    if dice.chance(0.4):
        made["authority"] = f"new.{arena.domain}"
    if dice.chance(0.3):
        made["scheme"] = dice.one(("https", "http"))
    if dice.chance(0.25):
        made["port"] = dice.one((80, 443, 8443, 9080))
    elif dice.chance(0.15):
        made["derivePort"] = dice.one(("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"))
    if dice.chance(0.4):
        made["redirectCode"] = dice.one((301, 302, 303, 307, 308))
    return made or {"uri": "/new"}


def rewrite(dice: Dice, arena: Arena) -> Rule:
    made: Rule = {}
    if dice.chance(0.75):
        made["uri"] = dice.one(("/", "/new", "/new/", "/x"))
    elif dice.chance(0.5):
        pattern, text = dice.one((("^/x/(.*)$", r"/new/\1"), ("x", "z"), ("/+", "/"), ("([a-z])y", r"y\1")))
        made["uriRegexRewrite"] = {"match": pattern, "rewrite": text}
    if not made or dice.chance(0.25):
        made["authority"] = dice.one((f"new.{arena.domain}", "a", "new"))
    return made


def header_operations(dice: Dice) -> Rule:
    made: Rule = {}
    for side in dice.weighted({("request",): 6, ("response",): 4, ("request", "response"): 3}):
        operations: Rule = {}
        if dice.chance(0.6):
            operations["set"] = {name: dice.one(("set", "set2")) for name in dice.some(("x-a", "X-Set", "x-b"), 1, 2)}
        if dice.chance(0.4):
            operations["add"] = dict.fromkeys(dice.some(("x-a", "x-set", "x-d"), 1, 2), "added")
        if not operations or dice.chance(0.3):
            operations["remove"] = dice.some(("x-a", "x-b", "x-answered-by" if side == "response" else "x-d"), 1, 1)
        made[side] = operations
    return made


def fault(dice: Dice) -> Rule:
    made: Rule = {}
    if dice.chance(0.75):
        made["abort"] = {"httpStatus": dice.one((418, 503, 400))}
        if dice.chance(0.9):
            made["abort"]["percentage"] = {"value": dice.weighted({100: 7, 0: 1, 50: 1})}
    if not made or dice.chance(0.2):
        made["delay"] = {"fixedDelay": "0.2s", "percentage": {"value": dice.weighted({100: 4, 0: 1})}}
    return made


def cors(dice: Dice) -> Rule:
    made: Rule = {
        "allowOrigins": [dice.one(({"exact": "http://one.example"}, {"regex": "http://.*"}, {"prefix": "http://two"}))]
    }
    if dice.chance(0.7):
        made["allowMethods"] = dice.some(("GET", "POST", "PUT"), 1, 2)
    if dice.chance(0.4):
        made["allowHeaders"] = ["x-a"]
    if dice.chance(0.3):
        made["exposeHeaders"] = ["x-b"]
    if dice.chance(0.3):
        made["maxAge"] = "24h"
    if dice.chance(0.3):
        made["allowCredentials"] = dice.chance(0.7)
    if dice.chance(0.25):
        made["unmatchedPreflights"] = dice.one(("FORWARD", "IGNORE"))
    return made
