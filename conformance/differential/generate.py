"""From a seed to configurations: the same seed and number make the same objects and requests, in any process."""

from __future__ import annotations

from collections.abc import Callable

from cluster.api import Object
from conformance.differential.arena import Arena
from conformance.differential.config import Config
from conformance.differential.dice import Dice
from conformance.differential.grammar import security
from conformance.differential.grammar.destination_rules import destination_rule
from conformance.differential.grammar.entries import service_entry
from conformance.differential.grammar.gateways import gateway
from conformance.differential.grammar.plan import DELEGATE, Plan, Slot, assembled, plan
from conformance.differential.grammar.sidecars import sidecar
from conformance.differential.grammar.virtual_services import delegate, virtual_service
from conformance.differential.requests import requests

REQUESTS = 5

_KINDS: dict[str, Callable[[Dice, Plan, Slot], Object]] = {
    "VirtualService": virtual_service,
    DELEGATE: lambda dice, plan, _: delegate(dice, plan),
    "DestinationRule": lambda dice, plan, _: destination_rule(dice, plan),
    "Gateway": lambda dice, plan, _: gateway(dice, plan),
    "ServiceEntry": lambda dice, plan, _: service_entry(dice, plan),
    "Sidecar": lambda dice, plan, _: sidecar(dice, plan),
    "PeerAuthentication": security.peer_authentication,
    "RequestAuthentication": security.request_authentication,
    "AuthorizationPolicy": security.authorization_policy,
}


def config(seed: int, number: int, arena: Arena) -> Config:
    """Number `number` of a seed. The arena changes names in it, nothing else."""
    dice = Dice("differential", seed, number)
    planned = plan(dice, arena)
    objects = tuple(assembled(slot, _KINDS[slot.kind](dice, planned, slot)) for slot in planned.slots)
    return Config(f"{seed}-{number}", arena, objects, requests(dice, planned, objects, REQUESTS))
