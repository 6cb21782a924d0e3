"""One configuration with its requests, as generator, mesh, router and shrinker pass it around. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.api import Object
from conformance.differential.arena import Arena, moved
from conformance.router.request import Request

_PLACEHOLDER = re.compile(r"<(pod|service) ([a-z0-9-]+/[a-z0-9-]+)>")


def pod_address(place: str) -> str:
    """Stands for the address of the one pod of namespace/workload, which is known on the cluster only."""
    return f"<pod {place}>"


def service_address(place: str) -> str:
    """Stands for the ClusterIP of namespace/service."""
    return f"<service {place}>"


@dataclass(frozen=True)
class Config:
    """Objects in the order in which they are created, then requests in the order in which they are sent."""

    name: str
    arena: Arena
    objects: tuple[Object, ...]
    requests: tuple[Request, ...]

    def moved(self, arena: Arena) -> Config:
        """The same configuration in another arena."""
        requests = tuple(_each_field(request, lambda value: moved(value, arena)) for request in self.requests)
        return Config(self.name, arena, moved(self.objects, arena), requests)

    def filled(self, addresses: Mapping[str, str]) -> Config:
        """With addresses in place of what stands for them; `addresses` maps the inside of the brackets."""
        requests = tuple(_each_field(request, lambda value: filled(value, addresses)) for request in self.requests)
        return Config(self.name, self.arena, filled(self.objects, addresses), requests)


def filled(value: Any, addresses: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: addresses[f"{match[1]} {match[2]}"], value)
    if isinstance(value, Mapping):
        return {key: filled(each, addresses) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(filled(each, addresses) for each in value)
    return value


def _each_field(request: Request, change: Any) -> Request:
    """Tokens stay: moving one to another arena would break its signature."""
    names = ("client", "host", "authority", "dial", "path", "headers")
    handshake = request.handshake
    if handshake is not None:
        handshake = dataclasses.replace(handshake, sni=change(handshake.sni))
    fields = {name: change(getattr(request, name)) for name in names}
    return dataclasses.replace(request, **fields, handshake=handshake)
