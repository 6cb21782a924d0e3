"""What a configuration will consist of, before any of it is drawn: objects mention each other by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.api import Object
from conformance.differential.arena import ROOT, Arena
from conformance.differential.dice import Dice

DELEGATE = "Delegate"
"""A VirtualService without hosts."""

_NETWORKING, _SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
_GROUPS = {"AuthorizationPolicy": _SECURITY, "PeerAuthentication": _SECURITY, "RequestAuthentication": _SECURITY}

_SHORT = {
    "VirtualService": "vs",
    DELEGATE: "part",
    "DestinationRule": "dr",
    "Gateway": "gw",
    "ServiceEntry": "se",
    "Sidecar": "sidecar",
    "PeerAuthentication": "peers",
    "RequestAuthentication": "tokens",
    "AuthorizationPolicy": "policy",
}

FOCI: Mapping[str, tuple[float, Mapping[str, tuple[int, int]]]] = {
    "mesh": (24, {"VirtualService": (1, 3), "DestinationRule": (0, 2)}),
    "gateway": (20, {"Gateway": (1, 2), "VirtualService": (1, 3), "DestinationRule": (0, 1)}),
    "delegates": (9, {"VirtualService": (1, 2), DELEGATE: (1, 3), "Gateway": (0, 1), "DestinationRule": (0, 1)}),
    "visibility": (11, {"VirtualService": (0, 3), "DestinationRule": (1, 3), "Sidecar": (0, 1)}),
    "entries": (8, {"ServiceEntry": (1, 2), "VirtualService": (0, 2), "DestinationRule": (0, 1)}),
    "sidecars": (6, {"Sidecar": (1, 2), "VirtualService": (0, 2), "ServiceEntry": (0, 1)}),
    "peers": (8, {"PeerAuthentication": (1, 2), "DestinationRule": (0, 2), "VirtualService": (0, 1)}),
    "policies": (
        10,
        {
            "AuthorizationPolicy": (1, 3),
            "RequestAuthentication": (0, 1),
            "PeerAuthentication": (0, 1),
            "Gateway": (0, 1),
        },
    ),
    "mixed": (
        4,
        {
            "VirtualService": (0, 2),
            "DestinationRule": (0, 2),
            "Gateway": (0, 1),
            "ServiceEntry": (0, 1),
            "Sidecar": (0, 1),
            "PeerAuthentication": (0, 1),
            "RequestAuthentication": (0, 1),
            "AuthorizationPolicy": (0, 1),
        },
    ),
}
"""What configurations are about: weight, and how many objects of each kind, at least and at most."""


@dataclass(frozen=True)
class Slot:
    """An object to be drawn."""

    kind: str
    name: str
    namespace: str


@dataclass(frozen=True)
class Plan:
    """All objects of a configuration, in the order in which they will be created."""

    arena: Arena
    focus: str
    slots: tuple[Slot, ...]

    def of_kind(self, kind: str) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.kind == kind)


def plan(dice: Dice, arena: Arena) -> Plan:
    focus = dice.weighted({name: weight for name, (weight, _) in FOCI.items()})
    kinds: list[str] = []
    while not kinds:
        kinds = [kind for kind, (low, high) in FOCI[focus][1].items() for _ in range(dice.number(low, high))]
    slots = tuple(
        _slot(arena, index, kind, _namespace(dice, arena, focus, kind))
        for index, kind in enumerate(dice.shuffled(kinds))
    )
    return Plan(arena, focus, slots)


def _slot(arena: Arena, index: int, kind: str, namespace: str) -> Slot:
    """Names sort as they are created: objects of the same second are ordered by their names."""
    name = f"o{index}-{_SHORT[kind]}"
    # All arenas have the root namespace in common: of one name there, one would replace the other's.
    return Slot(kind, f"{name}-{arena.near}" if namespace == ROOT else name, namespace)


def _namespace(dice: Dice, arena: Arena, focus: str, kind: str) -> str:
    weights: dict[str, float] = {arena.near: 78, arena.far: 18, ROOT: 4}
    if focus == "visibility":
        weights = {arena.near: 45, arena.far: 40, ROOT: 15}
    if kind in ("PeerAuthentication", "Sidecar", "RequestAuthentication"):
        # In the root namespace these would speak for the whole mesh.
        del weights[ROOT]
    return dice.weighted(weights)


def assembled(slot: Slot, spec: Object) -> Object:
    """The native object."""
    return {
        "apiVersion": _GROUPS.get(slot.kind, _NETWORKING),
        "kind": "VirtualService" if slot.kind == DELEGATE else slot.kind,
        "metadata": {"name": slot.name, "namespace": slot.namespace},
        "spec": spec,
    }
