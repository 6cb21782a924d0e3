"""Draws requests near a configuration: made to match something in it, then changed a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster.api import Object
from conformance.differential.arena import (
    HEADLESS,
    HTTP,
    INGRESS,
    INTERNET,
    ONLY_B,
    OTHER_HTTP,
    OUTSIDE,
    SERVICES,
    SNIFFED,
    TCP,
    WORKLOADS,
    Arena,
)
from conformance.differential.arenas import AUTHORITY
from conformance.differential.config import pod_address, service_address
from conformance.differential.dice import Dice
from conformance.differential.grammar.hosts import made_up, service_host
from conformance.differential.grammar.matches import HEADERS, REGEXES, VALUES
from conformance.differential.grammar.plan import Plan
from conformance.differential.tokens import token
from conformance.router.request import Certificate, Handshake, Request, Scheme, Token

_PATHS = (
    "/",
    "/x",
    "/x/",
    "/x/y",
    "/xy",
    "/y",
    "/X",
    "/z",
    "/x/1",
    "/x%20y",
    "/%78",
    "/x/../y",
    "/x//y",
    "/x%2Fy",
    "/x/y/z",
)
_SAMPLES = {"[0-9]+": "12", ".*": "", "1|2": "2", "1.*": "12"}


@dataclass(frozen=True)
class Wish:
    """What a request needs so that some part of the configuration applies to it."""

    hosts: tuple[str, ...]
    is_for_gateway: bool
    match: Object


def requests(dice: Dice, plan: Plan, objects: Sequence[Object], count: int) -> tuple[Request, ...]:
    return tuple(request(dice, plan, objects) for _ in range(count))


def request(dice: Dice, plan: Plan, objects: Sequence[Object]) -> Request:
    wish = _wish(dice, plan, objects)
    made = _at_gateway(dice, plan, objects, wish) if wish.is_for_gateway else _in_mesh(dice, plan, objects, wish)
    made = _matching(dice, made, wish.match)
    if any(each["kind"] == "RequestAuthentication" for each in objects) and dice.chance(0.7):
        made = _with_token(dice, made)
    if dice.chance(0.45):
        made = _changed(dice, plan.arena, made)
    return made


def _wish(dice: Dice, plan: Plan, objects: Sequence[Object]) -> Wish:
    """A rule of some VirtualService, or just a service."""
    candidates = [each for each in objects if each["kind"] == "VirtualService" and each["spec"].get("hosts")]
    entries = [each for each in objects if each["kind"] == "ServiceEntry"]
    if entries and dice.chance(0.5):
        return Wish(tuple(dice.one(entries)["spec"]["hosts"]), is_for_gateway=False, match={})
    has_gateway = bool(plan.of_kind("Gateway"))
    if not candidates or dice.chance(0.1):
        return Wish((service_host(dice, plan.arena),), is_for_gateway=has_gateway and dice.chance(0.3), match={})
    chosen = dice.one(candidates)
    spec = chosen["spec"]
    gateways = spec.get("gateways") or ["mesh"]
    is_for_gateway = gateways != ["mesh"] and ("mesh" not in gateways or dice.chance(0.5))
    rules = [*spec["http"], *(rule for name in _delegates(spec) for rule in _rules_of(objects, name))]
    blocks = [block for rule in rules for block in rule.get("match") or [{}]]
    resolved = tuple(_resolved(host, chosen["metadata"]["namespace"]) for host in spec["hosts"])
    return Wish(resolved, is_for_gateway and has_gateway, dice.one(blocks))


def _resolved(host: str, namespace: str) -> str:
    return host if "." in host or host == "*" else f"{host}.{namespace}.svc.cluster.local"


def _delegates(spec: Object) -> list[str]:
    return [rule["delegate"]["name"] for rule in spec["http"] if "delegate" in rule]


def _rules_of(objects: Sequence[Object], name: str) -> list[Object]:
    return [
        rule
        for each in objects
        if each["kind"] == "VirtualService" and each["metadata"]["name"] == name
        for rule in each["spec"]["http"]
    ]


# --- where it is sent -------------------------------------------------------------------------------------------------


def _concrete(dice: Dice, arena: Arena, host: str) -> str:
    """A name that a wildcard matches."""
    if host in ("*", "*.example"):
        return made_up(dice, arena)
    if host.startswith("*") and host.endswith(".svc.cluster.local"):
        return service_host(dice, arena)
    return f"{dice.one(('web', 'api', 'a.b'))}{host[1:]}" if host.startswith("*") else host


def _at_gateway(dice: Dice, plan: Plan, objects: Sequence[Object], wish: Wish) -> Request:
    servers = [
        server
        for each in objects
        if each["kind"] == "Gateway"
        for server in each["spec"]["servers"]
        if server["port"]["number"] != 8080 or dice.chance(0.5)
    ]
    port: Object = dice.one(servers)["port"] if servers else {"number": 80, "protocol": "HTTP"}
    scheme: Scheme = "https" if port["protocol"] == "HTTPS" else "http"
    number: int = 80 if port["number"] == 8080 else port["number"]
    host = _concrete(dice, plan.arena, dice.one(wish.hosts)) if dice.chance(0.85) else _server_host(dice, plan, servers)
    made = Request(client=INTERNET, host=host, port=number, scheme=scheme, dial=(INGRESS, number))
    if scheme == "https" and dice.chance(0.5):
        shown = dice.weighted({AUTHORITY: 7, "stranger": 2})
        made = replace(made, handshake=Handshake(sni=host, certificate=Certificate(authority=shown)))
    if dice.chance(0.08):
        made = replace(made, authority=f"{host}:{dice.one((80, 8080, number))}")
    return made


def _server_host(dice: Dice, plan: Plan, servers: Sequence[Object]) -> str:
    hosts = [host.rpartition("/")[2] for server in servers for host in server["hosts"]] or [made_up(dice, plan.arena)]
    return _concrete(dice, plan.arena, dice.one(hosts))


def _in_mesh(dice: Dice, plan: Plan, objects: Sequence[Object], wish: Wish) -> Request:
    arena = plan.arena
    host = _concrete(dice, arena, dice.one(wish.hosts)).lower()
    client = _client(dice, plan)
    for service in SERVICES:
        if arena.host(service) == host:
            return _to_service(dice, arena, client, service)
    numbers = [port["number"] for each in objects if each["kind"] == "ServiceEntry" for port in each["spec"]["ports"]]
    number = dice.one(numbers) if numbers and dice.chance(0.8) else dice.weighted({HTTP: 8, OTHER_HTTP: 2})
    # No DNS knows it: the connection goes to some service's address, as a client with a hosts file would do.
    stand_in = dice.one((service_address(f"{arena.near}/a"), pod_address(f"{arena.near}/c-v1")))
    return Request(client=client, host=host, port=number, dial=(stand_in, _dialled(stand_in, number)))


def _dialled(address: str, number: int) -> int:
    """A port on which somebody listens, so that nothing waits for a connection that never comes."""
    known = (HTTP, OTHER_HTTP, TCP, SNIFFED) if "service" in address else (8080, 9080, TCP, SNIFFED)
    return number if number in known or number == HTTP else OTHER_HTTP


def _client(dice: Dice, plan: Plan) -> str:
    arena = plan.arena
    b, plain, client, far = (arena.client(WORKLOADS[index]) for index in (2, 3, 4, 5))
    is_about_identity = plan.focus in ("peers", "policies", "mixed")
    weights = {client: 60, far: 20, b: 10, plain: 5, OUTSIDE: 5}
    if is_about_identity:
        weights = {client: 40, far: 20, b: 10, plain: 15, OUTSIDE: 15}
    if plan.focus == "visibility":
        weights = {client: 50, far: 45, b: 5}
    return dice.weighted(weights)


def _to_service(dice: Dice, arena: Arena, client: str, service: Any) -> Request:
    host = arena.host(service)
    namespace = arena.namespace(service)
    short = service.name if client.startswith(f"{namespace}/") else f"{service.name}.{namespace}"
    name = dice.weighted(
        {host: 6, short: 4, f"{service.name}.{namespace}": 2, f"{service.name}.{namespace}.svc": 1, f"{host}.": 0.5}
    )
    ports = [port.number for port in service.ports]
    number = dice.weighted(
        {port: {HTTP: 8.0, OTHER_HTTP: 4.0, HEADLESS: 4.0, ONLY_B: 3.0}.get(port, 1.0) for port in ports}
    )
    made = Request(client=client, host=name, port=number)
    if dice.chance(0.06):
        # To the pod itself, past the Service.
        pod = pod_address(f"{namespace}/{'far-v1' if service.is_far else f'{service.app}-v1'}")
        target = dice.one((8080, 9080, TCP, SNIFFED))
        made = replace(made, host=pod, port=target)
    return made


# --- what it says -----------------------------------------------------------------------------------------------------


def _matching(dice: Dice, made: Request, match: Object) -> Request:
    path = _path(dice, match.get("uri"))
    if match.get("ignoreUriCase") and dice.chance(0.5):
        path = path.upper()
    queries = [f"{name}={_value(dice, wanted)}" for name, wanted in (match.get("queryParams") or {}).items()]
    if not queries and dice.chance(0.12):
        queries = [dice.one(("q=1", "Q=2", "q", "a=b&q=1", ""))]
    if queries:
        path = f"{path}?{'&'.join(queries)}"
    headers = tuple((name, _value(dice, wanted)) for name, wanted in (match.get("headers") or {}).items())
    if dice.chance(0.2):
        headers += ((dice.one(HEADERS), dice.one(VALUES)),)
    method = (match.get("method") or {}).get("exact") or dice.weighted({"GET": 12, "POST": 2, "OPTIONS": 1, "HEAD": 1})
    if method == "OPTIONS" or dice.chance(0.06):
        headers += (("origin", dice.one(("http://one.example", "http://two.example", "https://three.example"))),)
        if method == "OPTIONS" and dice.chance(0.9):
            headers += (("access-control-request-method", dice.one(("GET", "POST", "DELETE"))),)
    authority = (match.get("authority") or {}).get("exact")
    return replace(made, path=path, headers=headers, method=method, authority=authority or made.authority)


def _path(dice: Dice, wanted: Object | None) -> str:
    if wanted is None:
        return dice.one(_PATHS)
    if "exact" in wanted:
        return str(wanted["exact"])
    if "regex" in wanted:
        return dice.one(REGEXES[wanted["regex"]])
    prefix = str(wanted["prefix"])
    path = prefix + dice.weighted({"": 5, "/y": 2, "y": 2, "/": 1, "/1": 1})
    return path if path.startswith("/") else f"/{path}"


def _value(dice: Dice, wanted: Object) -> str:
    if "exact" in wanted:
        return str(wanted["exact"]).replace(" ", "%20" if dice.chance(0.5) else "+")
    if "regex" in wanted:
        return _SAMPLES[wanted["regex"]]
    return f"{wanted.get('prefix', '')}{dice.one(('', '2'))}"


def _changed(dice: Dice, arena: Arena, made: Request) -> Request:
    """One thing is different now, so that a match may become a near miss."""
    headers = list(made.headers)
    ways: list[tuple[float, Callable[[], Request]]] = [
        (4, lambda: replace(made, path=dice.one(_PATHS))),
        (2, lambda: replace(made, headers=tuple(headers[1:]))),
        (2, lambda: replace(made, headers=(*headers, (dice.one(HEADERS), dice.one(VALUES))))),
        (1, lambda: replace(made, headers=tuple((name.upper(), value) for name, value in headers))),
        (1.5, lambda: replace(made, method=dice.one(("GET", "POST", "PUT", "DELETE")))),
        (1, lambda: replace(made, path=made.path.upper() if made.path != "/" else "/?Q=1")),
    ]
    if made.client != INTERNET:
        ways.append(
            (2, lambda: replace(made, authority=dice.one((made_up(dice, arena), "a", service_host(dice, arena)))))
        )
    else:
        other = made_up(dice, arena)
        ways.append((2, lambda: replace(made, host=other)))
        ways.append((0.7, lambda: replace(made, authority=other)))
    return dice.draw(*ways)


def _with_token(dice: Dice, made: Request) -> Request:
    shown = _token(dice)
    if shown is None:
        # Three parts, but none of them says anything: nobody can describe it.
        return replace(made, headers=(*made.headers, ("authorization", "Bearer neither.a.token")))
    place = dice.weighted({"authorization": 8, "x-token": 2, "prefixed": 1.5, "access_token": 1, "token": 1})
    if place == "authorization":
        return _token_header(made, shown, "authorization", "Bearer ")
    if place in ("x-token", "prefixed"):
        return _token_header(made, shown, "x-token", "Token " if place == "prefixed" else "")
    path = f"{made.path}{'&' if '?' in made.path else '?'}{place}={shown.raw}"
    return replace(made, path=path, tokens=(shown,))


def _token_header(made: Request, shown: Token, name: str, prefix: str) -> Request:
    return replace(made, headers=(*made.headers, (name, f"{prefix}{shown.raw}")), tokens=(shown,))


def _token(dice: Dice) -> Token | None:
    return dice.draw(
        (8, lambda: token("first", "one", claims={"group": dice.one(("admins", "users"))})),
        (3, lambda: token("first", "two", audiences=(dice.one(("shop", "office", "street")),))),
        (2, lambda: token("second", "one", audiences=("shop", "street"))),
        (1, lambda: token("stranger", "one")),
        (1, lambda: token("first", "three")),
        (1, lambda: token("first", "one", is_expired=True)),
        (1, lambda: None),
        (1, lambda: token("first", "one", subject=None, claims={"group": ["users", "admins"]})),
    )
