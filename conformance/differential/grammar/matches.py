"""Conditions of HTTP rules, over pools so small that rules overlap."""

from __future__ import annotations

from typing import Any

from conformance.differential.dice import Dice
from conformance.differential.grammar.plan import Plan

EXACT_PATHS = ("/", "/x", "/x/", "/x/y", "/y", "/x%20y", "/xy")
PREFIXES = ("/", "/x", "/x/", "/x/y", "/y", "/xy", "")
REGEXES = {
    ".*": ("/", "/x"),
    "/x.*": ("/x", "/x/y", "/xy"),
    "/[xy]": ("/x", "/y", "/xy"),
    "/x/[0-9]+": ("/x/1", "/x/a", "/x/12/"),
    "/(x|y)/.+": ("/x/", "/x/y", "/y/1"),
    "/x": ("/x", "/x/"),
}
"""Each with paths that it matches or nearly does."""

HEADERS = ("x-a", "x-b", "X-C")
VALUES = ("1", "2", "12", "one two")
VALUE_REGEXES = ("[0-9]+", ".*", "1|2", "1.*")

Match = dict[str, Any]


def uri(dice: Dice) -> dict[str, str]:
    return dice.draw(
        (60, lambda: {"prefix": dice.weighted(dict(zip(PREFIXES, (4.0, 8, 4, 5, 4, 2, 0.5), strict=True)))}),
        (27, lambda: {"exact": dice.one(EXACT_PATHS)}),
        (13, lambda: {"regex": dice.one(tuple(REGEXES))}),
    )


def value(dice: Dice, *, is_presence_possible: bool = True) -> dict[str, str]:
    """A StringMatch for headers and query parameters."""
    ways = [
        (55, lambda: {"exact": dice.one(VALUES)}),
        (15, lambda: {"prefix": dice.one(("1", "o", "2"))}),
        (15, lambda: {"regex": dice.one(VALUE_REGEXES)}),
    ]
    if is_presence_possible:
        ways.append((15, dict[str, str]))
    return dice.draw(*ways)


def match(dice: Dice, plan: Plan, gateways: list[str]) -> Match:  # noqa: C901 - a list of independent choices
    """One block: what it names must hold together. `gateways` are those of its VirtualService."""
    block: Match = {}
    if dice.chance(0.85):
        block["uri"] = uri(dice)
        if dice.chance(0.06):
            block["ignoreUriCase"] = True
    if dice.chance(0.22):
        block["headers"] = {name: value(dice) for name in dice.some(HEADERS, 1, 2)}
    if dice.chance(0.07):
        block["withoutHeaders"] = {name: value(dice) for name in dice.some(HEADERS, 1, 1)}
    if dice.chance(0.1):
        block["queryParams"] = {name: value(dice) for name in dice.some(("q", "Q"), 1, 1)}
    if dice.chance(0.1):
        block["method"] = {"exact": dice.one(("GET", "POST", "PUT"))}
    if dice.chance(0.03):
        block["authority"] = _authority(dice, plan)
    if dice.chance(0.02):
        block["scheme"] = {"exact": dice.one(("http", "https"))}
    if dice.chance(0.05):
        block["port"] = dice.weighted({80: 5, 9080: 4, 8080: 1, 443: 1})
    if dice.chance(0.05):
        block["sourceLabels"] = dice.one(({"app": "client"}, {"app": "b"}, {"istio": "ingressgateway"}))
    if dice.chance(0.04):
        block["sourceNamespace"] = dice.one((*plan.arena.namespaces, "istio-system"))
    if gateways and dice.chance(0.3 if len(gateways) > 1 else 0.02):
        block["gateways"] = [dice.one(gateways)]
    return block


def _authority(dice: Dice, plan: Plan) -> dict[str, str]:
    host = f"web.{plan.arena.domain}"
    return dice.one(({"exact": host}, {"prefix": "web."}, {"regex": ".*:9080"}, {"exact": f"{host}:9080"}))
