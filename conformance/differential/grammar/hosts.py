"""How services and made-up hosts are spelled, right and wrong."""

from __future__ import annotations

from conformance.differential.arena import DOMAIN, SERVICES, Arena
from conformance.differential.dice import Dice
from conformance.differential.grammar.plan import Plan

MADE_UP = ("web", "api")


def service_host(dice: Dice, arena: Arena) -> str:
    """The full name of a service, mostly of the one with two versions."""
    weights = dict(zip(SERVICES, (10.0, 4.0, 2.0, 2.0, 3.0), strict=True))
    return arena.host(dice.weighted(weights))


def made_up(dice: Dice, arena: Arena) -> str:
    return f"{dice.weighted({'web': 5, 'api': 3, 'deep.web': 1})}.{arena.domain}"


def spelled(dice: Dice, host: str) -> str:
    """A service's full name, or one of the shorter ones that only seem to mean the same."""
    name, namespace, *_ = host.split(".")
    return dice.weighted({host: 10, name: 9, f"{name}.{namespace}": 1.5, f"{name}.{namespace}.svc": 0.7})


def mesh_host(dice: Dice, arena: Arena) -> str:
    """For VirtualServices that sidecars follow."""
    return dice.draw(
        (70, lambda: spelled(dice, service_host(dice, arena))),
        (16, lambda: made_up(dice, arena)),
        (7, lambda: f"*.{arena.domain}"),
        (4, lambda: f"*.{arena.near}.{DOMAIN}"),
        (1, lambda: f"*.web.{arena.domain}"),
        (1, lambda: f"Web.{arena.domain}"),
        (1, lambda: f"ghost.{arena.near}.{DOMAIN}"),
    )


def gateway_host(dice: Dice, arena: Arena) -> str:
    """For VirtualServices that gateways follow; what catches more than this arena's hosts is cut by the Gateway."""
    return dice.draw(
        (60, lambda: made_up(dice, arena)),
        (15, lambda: f"*.{arena.domain}"),
        (5, lambda: f"*.web.{arena.domain}"),
        (5, lambda: "*.example"),
        (5, lambda: "*"),
        (10, lambda: spelled(dice, service_host(dice, arena))),
    )


def server_host(dice: Dice, plan: Plan) -> str:
    """For Gateways: never a name that another arena could use."""
    arena = plan.arena
    host = dice.draw(
        (50, lambda: made_up(dice, arena)),
        (35, lambda: f"*.{arena.domain}"),
        (7, lambda: f"*.web.{arena.domain}"),
        (8, lambda: service_host(dice, arena)),
    )
    place = dice.weighted({"": 80, "./": 6, "*/": 5, f"{arena.near}/": 5, f"{arena.far}/": 4})
    return f"{place}{host}"


def export_to(dice: Dice, plan: Plan) -> list[str] | None:
    """Absent most of the time, unless visibility is what the configuration is about."""
    if not dice.chance(0.6 if plan.focus == "visibility" else 0.08):
        return None
    near, far = plan.arena.near, plan.arena.far
    ways = {"*": 4, ".": 5, near: 3, far: 3, f"{near} {far}": 1.5, f". {far}": 1, f"nowhere-{near}": 1}
    return dice.weighted(ways).split()
