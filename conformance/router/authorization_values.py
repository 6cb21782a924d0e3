"""What values of AuthorizationPolicy mean, attribute by attribute, as tests of one request (specification, section 22).

Each attribute is a function from the values of one field to a test that holds if any of them fits. It raises ValueError
for a value that istiod cannot make anything of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from conformance.router.message import Message
from conformance.router.versions import Since, Version

_SPIFFE = "spiffe://"
_LOCAL_DOMAIN = "cluster.local"
_MAXIMUM_PORT = 65535
_TEMPLATE_SEGMENT = "[a-zA-Z0-9._~%!$&'()+,;:@=*-]+"
_TEMPLATE_REST = "[a-zA-Z0-9._~%!$&'()+,;:@=*/-]*"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of the connection."""

    principal: str | None = None
    """The name that its certificate proved: spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT. None for plaintext."""
    address: str = ""
    """Of the connection's other end (AuthorizationPolicy.rules.from.source.ipBlocks)."""
    remote_address: str = ""
    """Of the client behind trusted proxies (remoteIpBlocks); "" where it is the same."""
    sni: str | None = None

    @property
    def namespace(self) -> str | None:
        return self._part("ns")

    @property
    def service_account(self) -> str | None:
        return self._part("sa")

    def _part(self, key: str) -> str | None:
        parts = (self.principal or "").removeprefix(_SPIFFE).split("/")
        return dict(zip(parts[1::2], parts[2::2], strict=False)).get(key)


class Seen(NamedTuple):
    """All that rules may look at. On a TCP port there is no message, and no test asks for one."""

    caller: Caller
    port: int
    """The workload's own, not its Service's."""
    address: str
    """The workload's."""
    message: Message


class Setting(NamedTuple):
    """What the meaning of values depends on beside themselves."""

    namespace: str
    """The policy's."""
    version: Version
    trust_domain: str


Test = Callable[[Seen], bool]
Attribute = Callable[[Sequence[str], Setting], Test]


@dataclass(frozen=True, slots=True)
class Texts:
    """Values with at most one star: exact, prefix*, *suffix, * for anything but nothing."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    any: bool = False

    @staticmethod
    def of(values: Iterable[str]) -> Texts:
        first: list[str] = []
        others: list[str] = []
        for each in values:
            (first if each.startswith("*") else others).append(each)
        return Texts(
            exact=frozenset(each for each in others if not each.endswith("*")),
            prefixes=tuple(each[:-1] for each in others if each.endswith("*")),
            suffixes=tuple(each[1:] for each in first if each != "*"),
            any="*" in first,
        )

    @property
    def match(self) -> Callable[[str], bool]:
        """The cheapest test; to be kept, not asked for anew."""
        has_stars = self.prefixes or self.suffixes or self.any
        return self._match if has_stars else self.exact.__contains__

    def _match(self, text: str) -> bool:
        return (
            text in self.exact
            or text.startswith(self.prefixes)
            or text.endswith(self.suffixes)
            or (self.any and text != "")
        )


def principal(values: Sequence[str], setting: Setting) -> Test:
    """source.principals, source.principal: without spiffe://, and cluster.local is whatever the trust domain is."""
    texts = Texts.of(_at_home(each, setting.trust_domain) for each in values)
    match, start = texts.match, len(_SPIFFE)

    def test(seen: Seen) -> bool:
        name = seen.caller.principal
        if not name:
            return False
        return texts.any or (name.startswith(_SPIFFE) and match(name[start:]))

    return test


def _at_home(name: str, trust_domain: str) -> str:
    domain, slash, rest = name.partition("/")
    return f"{trust_domain}/{rest}" if domain == _LOCAL_DOMAIN and name.count("/") == 4 else domain + slash + rest


def namespace(values: Sequence[str], _: Setting) -> Test:
    """source.namespaces, source.namespace: a star may stand anywhere."""
    return _named(".*/ns/" + ".*".join(map(re.escape, each.split("*"))) + "/.*" for each in values)


def service_account(values: Sequence[str], setting: Setting) -> Test:
    """source.serviceAccounts, source.serviceAccount: ACCOUNT of the policy's namespace, or NAMESPACE/ACCOUNT."""
    pairs = [each.split("/", 1) if "/" in each else (setting.namespace, each) for each in values]
    return _named(f"spiffe://.+/ns/{re.escape(home)}/(.+/|)sa/{re.escape(name)}(/.+)?" for home, name in pairs)


def trust_domain(values: Sequence[str], _: Setting) -> Test:
    """source.trustDomain."""
    patterns = ("[^/]*".join(map(re.escape, each.split("*", 1))) for each in values)
    return _named(f"spiffe://{each}/.*" for each in patterns)


def _named(patterns: Iterable[str]) -> Test:
    match = re.compile("|".join(patterns)).fullmatch
    return lambda seen: bool(seen.caller.principal and match(seen.caller.principal))


def source_ip(values: Sequence[str], _: Setting) -> Test:
    """source.ipBlocks, source.ip: the connection's other end."""
    within = _within(values)
    return lambda seen: within(seen.caller.address)


def remote_ip(values: Sequence[str], _: Setting) -> Test:
    """source.remoteIpBlocks, remote.ip: the client, as trusted proxies tell it."""
    within = _within(values)
    return lambda seen: within(seen.caller.remote_address or seen.caller.address)


def destination_ip(values: Sequence[str], _: Setting) -> Test:
    """destination.ip."""
    within = _within(values)
    return lambda seen: within(seen.address)


def _within(blocks: Iterable[str]) -> Callable[[str], bool]:
    networks = [ip_network(each, strict=False) for each in blocks]

    def test(text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in each for each in networks)

    return test


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def port(values: Sequence[str], _: Setting) -> Test:
    """operation.ports, destination.port."""
    numbers = frozenset(map(int, values))
    if max(numbers) > _MAXIMUM_PORT:
        raise ValueError(f"no ports: {values}")
    return lambda seen: seen.port in numbers


def sni(values: Sequence[str], _: Setting) -> Test:
    """connection.sni: what the client named in the handshake; with the mesh's own TLS that is istiod's name."""
    match = Texts.of(values).match
    return lambda seen: match(seen.caller.sni or "")


def host(values: Sequence[str], _: Setting) -> Test:
    """operation.hosts: the Host header as it was sent, with its port, in any case."""
    match = Texts.of(each.lower() for each in values).match
    return lambda seen: match(seen.message.authority.lower())


def method(values: Sequence[str], _: Setting) -> Test:
    """operation.methods."""
    match = Texts.of(values).match
    return lambda seen: match(seen.message.method)


def path(values: Sequence[str], setting: Setting) -> Test:
    """operation.paths: without query; templates with {*} for a segment and {**} for any rest."""
    templates = [each for each in values if is_template(each, setting.version)]
    match = Texts.of(each for each in values if each not in templates).match
    if not templates:
        return lambda seen: match(seen.message.path)
    fits = re.compile("|".join(map(_template_pattern, templates))).fullmatch
    return lambda seen: match(seen.message.path) or bool(fits(seen.message.path))


def is_template(value: str, version: Version) -> bool:
    return version.has(Since.PATH_TEMPLATES) and ("{*}" in value or "{**}" in value)


def _template_pattern(template: str) -> str:
    escaped = re.escape(template)
    return escaped.replace(r"\{\*\*\}", _TEMPLATE_REST).replace(r"\{\*\}", _TEMPLATE_SEGMENT)


def header(name: str) -> Attribute:
    """request.headers[name]; a star means that it is there, even empty."""
    key = name.lower()

    def attribute(values: Sequence[str], setting: Setting) -> Test:
        texts = Texts.of(values)
        match = texts.match
        one_by_one = setting.version.has(Since.RBAC_SINGLE_HEADER_VALUES)

        def test(seen: Seen) -> bool:
            found = _header_values(seen.message, key)
            if not found or texts.any:
                return bool(found)
            return any(map(match, found if one_by_one else (",".join(found),)))

        return test

    return attribute


def _header_values(message: Message, name: str) -> tuple[str, ...]:
    if name in (":authority", "host"):
        return (message.authority,)
    pseudo = {":method": message.method, ":path": message.target, ":scheme": message.scheme}.get(name)
    return message.headers.get(name, ()) if pseudo is None else (pseudo,)


def claim(*names: str) -> Attribute:
    """request.auth.claims[name][name], request.auth.audiences, request.auth.presenter: a text, or one in a list."""

    def attribute(values: Sequence[str], _: Setting) -> Test:
        match = Texts.of(values).match

        def test(seen: Seen) -> bool:
            value: object = seen.message.claims
            for name in names:
                value = value.get(name) if isinstance(value, Mapping) else None
            found = value if isinstance(value, list | tuple) else (value,)
            return any(isinstance(each, str) and match(each) for each in found)

        return test

    return attribute


def request_principal(values: Sequence[str], _: Setting) -> Test:
    """source.requestPrincipals, request.auth.principal: ISSUER/SUBJECT, parted at the last slash."""
    pairs = [_issuer_and_subject(each) for each in values]

    def test(seen: Seen) -> bool:
        claims = seen.message.claims or {}
        issuer, subject = claims.get("iss"), claims.get("sub")
        if not (isinstance(issuer, str) and isinstance(subject, str)):
            return False
        return any(of_issuer.match(issuer) and of_subject.match(subject) for of_issuer, of_subject in pairs)

    return test


def _issuer_and_subject(value: str) -> tuple[Texts, Texts]:
    """A star counts at one end of the whole value only: the subject of */* is a star."""
    anything = Texts(any=True)
    if "/" not in value:
        if value.startswith("*"):
            return anything, Texts.of([value])
        return Texts.of([value]), anything if value.endswith("*") else Texts.of([""])
    issuer, subject = value.rsplit("/", 1)
    if value.startswith("*"):
        return Texts.of([issuer]), Texts(exact=frozenset([subject]))
    if value.endswith("*"):
        return Texts(exact=frozenset([issuer])), Texts.of([subject])
    return Texts(exact=frozenset([issuer])), Texts(exact=frozenset([subject]))
