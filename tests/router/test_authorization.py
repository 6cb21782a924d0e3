"""AuthorizationPolicy: one row for each statement of section 22 that changes an outcome.

Nearly all of them were compared with Istio 1.32 and Envoy 1.39.1; the root namespace and authorizers were not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from conformance.router.authorization import Authorization, Authorizer, Caller, Decision, policies_for
from conformance.router.message import Message
from conformance.router.objects.metadata import LabelSelector, Metadata, Reference
from conformance.router.objects.security import (
    AuthorizationPolicy,
    AuthorizationPolicySpec,
    Condition,
    ExtensionProvider,
    From,
    Operation,
    Rule,
    Source,
    To,
)
from conformance.router.versions import Version

ROOT = "istio-system"
WORKLOAD = "10.244.0.7"
SNI = "outbound_.80_._.shop.town.svc.cluster.local"
AMY = Caller("spiffe://cluster.local/ns/town/sa/amy", "10.0.0.1", sni=SNI)
BOB = Caller("spiffe://cluster.local/ns/sea/sa/bob", "10.0.0.2", sni=SNI)
PLAIN = Caller(address="10.0.0.9", remote_address="192.0.2.1")


def policy(
    *rules: Rule,
    action: str | None = None,
    name: str = "p",
    namespace: str = "town",
    selector: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    provider: str | None = None,
) -> AuthorizationPolicy:
    return AuthorizationPolicy(
        Metadata(name, namespace, annotations=annotations or {}),
        AuthorizationPolicySpec(
            rules=rules,
            action=action,
            selector=None if selector is None else LabelSelector(selector),
            provider=ExtensionProvider(provider) if provider else None,
        ),
    )


def deny(*rules: Rule, **more: Any) -> AuthorizationPolicy:
    return policy(*rules, action="DENY", name="d", **more)


def custom(*rules: Rule, provider: str = "gate", **more: Any) -> AuthorizationPolicy:
    return policy(*rules, action="CUSTOM", provider=provider, **more)


def source(**fields: tuple[str, ...]) -> Rule:
    return Rule(from_=(From(Source(**fields)),))


def operation(**fields: tuple[str, ...]) -> Rule:
    return Rule(to=(To(Operation(**fields)),))


def when(key: str, *values: str, but: tuple[str, ...] = ()) -> Rule:
    return Rule(when=(Condition(key, values or None, but or None),))


ANYTHING = Rule()


def guard(
    *policies: AuthorizationPolicy,
    version: str = "1.32",
    trust_domain: str = "cluster.local",
    authorizers: Mapping[str, Authorizer] | None = None,
) -> Authorization:
    return policies_for(
        policies,
        namespace="town",
        labels={"app": "shop"},
        root_namespace=ROOT,
        version=Version.of(version),
        trust_domain=trust_domain,
        authorizers=authorizers or {},
    )


def request(path: str = "/", method: str = "GET", host: str = "shop", **headers: str | tuple[str, ...]) -> Message:
    named = {
        name.replace("_", "-"): (values,) if isinstance(values, str) else values for name, values in headers.items()
    }
    return Message(method, "http", host, path, None, named)


def with_claims(**claims: object) -> Message:
    return replace(request(), claims=claims)


def decide(
    guarded: Authorization, caller: Caller = AMY, message: Message | None = None, checked: Message | None = None
) -> Decision:
    """Of a request as it arrived, and as the check of tokens left it."""
    sent = message or request()
    asked = guarded.decide_custom(caller, sent, 8080, destination_address=WORKLOAD)
    return guarded.decide_http(caller, checked or sent, 8080, destination_address=WORKLOAD) if asked.allowed else asked


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        pytest.param(source(principals=("cluster.local/ns/town/sa/amy",)), "AMY", id="a principal without its scheme"),
        pytest.param(source(principals=("spiffe://cluster.local/ns/town/sa/amy",)), "", id="not with its scheme"),
        pytest.param(source(principals=("cluster.local/ns/town/*",)), "AMY", id="the beginning of a principal"),
        pytest.param(source(principals=("*/sa/bob",)), "BOB", id="the end of a principal"),
        pytest.param(source(principals=("amy",)), "", id="not just its name"),
        pytest.param(source(principals=("*",)), "AMY BOB", id="any principal takes mutual TLS"),
        pytest.param(source(not_principals=("*/amy",)), "BOB PLAIN", id="notPrincipals holds without mutual TLS"),
        pytest.param(source(not_principals=("*",)), "PLAIN", id="no principal at all"),
        pytest.param(source(principals=("*/amy", "*/bob")), "AMY BOB", id="values are alternatives"),
        pytest.param(source(namespaces=("town",)), "AMY", id="a namespace"),
        pytest.param(source(namespaces=("to*",)), "AMY", id="the beginning of a namespace"),
        pytest.param(source(namespaces=("*wn",)), "AMY", id="the end of a namespace"),
        pytest.param(source(namespaces=("t*n", "se.")), "AMY", id="a star in a namespace, no other sign"),
        pytest.param(source(not_namespaces=("town",)), "BOB PLAIN", id="notNamespaces"),
        pytest.param(source(service_accounts=("amy",)), "AMY", id="an account of the policy's namespace"),
        pytest.param(source(service_accounts=("bob",)), "", id="not one of another namespace"),
        pytest.param(source(service_accounts=("sea/bob",)), "BOB", id="an account with its namespace"),
        pytest.param(source(service_accounts=("am",)), "", id="an account's name is whole"),
        pytest.param(source(not_service_accounts=("amy",)), "BOB PLAIN", id="notServiceAccounts"),
        pytest.param(source(ip_blocks=("10.0.0.1",)), "AMY", id="an address"),
        pytest.param(source(ip_blocks=("10.0.0.3/30",)), "AMY BOB", id="a block, its own bits do not count"),
        pytest.param(source(ip_blocks=("10.0.0.4/30",)), "", id="another block"),
        pytest.param(source(ip_blocks=("2001:db8::/32",)), "", id="a block of the other family"),
        pytest.param(source(not_ip_blocks=("10.0.0.1",)), "BOB PLAIN", id="notIpBlocks"),
        pytest.param(source(ip_blocks=("192.0.2.1",)), "", id="ipBlocks is about the connection"),
        pytest.param(source(remote_ip_blocks=("192.0.2.0/24",)), "PLAIN", id="remoteIpBlocks is about the client"),
        pytest.param(source(remote_ip_blocks=("10.0.0.1",)), "AMY", id="which may be the connection's other end"),
        pytest.param(source(not_remote_ip_blocks=("192.0.2.1",)), "AMY BOB", id="notRemoteIpBlocks"),
        pytest.param(source(principals=("*/amy",), ip_blocks=("10.0.0.2",)), "", id="fields of a source add up"),
        pytest.param(source(principals=("*",), not_principals=("*/bob",)), "AMY", id="a field and its negation add up"),
        pytest.param(
            Rule(from_=(From(Source(principals=("*/amy",))), From(Source(ip_blocks=("10.0.0.9",))))),
            "AMY PLAIN",
            id="sources are alternatives",
        ),
        pytest.param(Rule(from_=(From(),)), "AMY BOB PLAIN", id="an empty source is anybody"),
        pytest.param(
            Rule(from_=(From(Source(principals=("*/amy",))), From())), "AMY BOB PLAIN", id="also among others"
        ),
        pytest.param(when("source.principal", "*/amy"), "AMY", id="source.principal"),
        pytest.param(when("source.namespace", "sea"), "BOB", id="source.namespace"),
        pytest.param(when("source.serviceAccount", "amy"), "AMY", id="source.serviceAccount"),
        pytest.param(when("source.trustDomain", "cluster.local"), "AMY BOB", id="source.trustDomain"),
        pytest.param(when("source.trustDomain", "*.local"), "AMY BOB", id="the end of a trust domain"),
        pytest.param(when("source.trustDomain", "cluster"), "", id="a trust domain is whole"),
        pytest.param(when("source.ip", "10.0.0.1"), "AMY", id="source.ip"),
        pytest.param(when("remote.ip", "192.0.2.1"), "PLAIN", id="remote.ip"),
        pytest.param(when("connection.sni", SNI), "AMY BOB", id="connection.sni is the mesh's own"),
        pytest.param(when("connection.sni", "*"), "AMY BOB", id="any connection.sni"),
        pytest.param(when("connection.sni", but=("*",)), "PLAIN", id="no connection.sni"),
        pytest.param(when("destination.ip", WORKLOAD), "AMY BOB PLAIN", id="destination.ip is the workload's"),
        pytest.param(when("destination.ip", "10.96.0.0/12"), "", id="and not its Service's"),
    ],
)
def test_a_rule_allows_callers(rule: Rule, allowed: str) -> None:
    callers = {"AMY": AMY, "BOB": BOB, "PLAIN": PLAIN}
    guarded = guard(policy(rule))

    assert " ".join(name for name, caller in callers.items() if decide(guarded, caller).allowed) == allowed


PATHS = ("/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/A", "/x=1", "/a/b|c")


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        pytest.param(("/a",), "/a", id="exact, with its case"),
        pytest.param(("/a*",), "/a /a/ /a/b /a/b/c /ab /a/b|c", id="a beginning"),
        pytest.param(("*/c",), "/a/b/c", id="an end"),
        pytest.param(("*",), " ".join(PATHS), id="any"),
        pytest.param(("*b*",), "", id="a second star is a star"),
        pytest.param(("/a", "/ab"), "/a /ab", id="alternatives"),
        pytest.param(("/a/{*}",), "/a/b", id="a template for one segment of usual signs"),
        pytest.param(("/{*}",), "/a /ab /A /x=1", id="an equals sign is usual"),
        pytest.param(("/{*}/",), "/a/", id="a slash at the end counts"),
        pytest.param(("/a/{**}",), "/a/ /a/b /a/b/c", id="a template for any rest, after its slash"),
        pytest.param(("/{**}/c",), "/a/b/c", id="a template for any middle"),
        pytest.param(("/a/{*}", "/{**}/c"), "/a/b /a/b/c", id="templates are alternatives"),
        pytest.param(("/a/{*}", "/A", "/ab*"), "/a/b /ab /A", id="templates beside others"),
    ],
)
def test_a_rule_allows_paths(values: tuple[str, ...], allowed: str) -> None:
    guarded = guard(policy(operation(paths=values)))

    assert [path for path in PATHS if decide(guarded, message=request(path)).allowed] == allowed.split()


HOST = "request.headers[host]"


@pytest.mark.parametrize(
    ("rule", "message", "allowed"),
    [
        pytest.param(operation(not_paths=("/a*",)), request("/ab"), False, id="notPaths"),
        pytest.param(operation(not_paths=("/a*",)), request("/b"), True, id="none of notPaths"),
        pytest.param(operation(hosts=("shop",)), request(host="SHOP"), True, id="a host in any case"),
        pytest.param(operation(hosts=("Shop",)), request(), True, id="also in the policy"),
        pytest.param(operation(hosts=("shop",)), request(host="shop:80"), False, id="a host with a port is another"),
        pytest.param(operation(hosts=("shop:*",)), request(host="shop:80"), True, id="the beginning of a host"),
        pytest.param(operation(hosts=("*.town",)), request(host="shop.TOWN"), True, id="the end of a host"),
        pytest.param(operation(hosts=("*.town",)), request(host="town"), False, id="not without its dot"),
        pytest.param(operation(hosts=("*",)), request(), True, id="any host"),
        pytest.param(operation(not_hosts=("shop",)), request(), False, id="notHosts"),
        pytest.param(operation(not_hosts=("shop",)), request(host="shop:80"), True, id="none of notHosts"),
        pytest.param(operation(methods=("GET",)), request(), True, id="a method"),
        pytest.param(operation(methods=("get",)), request(), False, id="in capital letters"),
        pytest.param(operation(methods=("P*",)), request(method="POST"), True, id="the beginning of a method"),
        pytest.param(operation(not_methods=("GET",)), request(), False, id="notMethods"),
        pytest.param(operation(ports=("8080",)), request(), True, id="the workload's port"),
        pytest.param(operation(ports=("80",)), request(), False, id="not the Service's"),
        pytest.param(operation(not_ports=("8080",)), request(), False, id="notPorts"),
        pytest.param(operation(methods=("GET",), paths=("/a",)), request(), False, id="fields of an operation add up"),
        pytest.param(
            Rule(to=(To(Operation(methods=("PUT",))), To(Operation(paths=("/a",))))),
            request("/a"),
            True,
            id="operations are alternatives",
        ),
        pytest.param(Rule(to=(To(),)), request(), True, id="an empty operation is any"),
        pytest.param(when("destination.port", "8080"), request(), True, id="destination.port"),
        pytest.param(when("request.headers[X-A]", "1"), request(x_a="1"), True, id="a header's name has no case"),
        pytest.param(when("request.headers[x-a]", "1"), request(), False, id="a header that is not there"),
        pytest.param(when("request.headers[x-a]", "1*"), request(x_a="12"), True, id="the beginning of a header"),
        pytest.param(when("request.headers[x-a]", "*"), request(x_a=""), True, id="any header, even empty"),
        pytest.param(when("request.headers[x-a]", "*"), request(), False, id="but there"),
        pytest.param(when("request.headers[x-a]", but=("1",)), request(), True, id="notValues holds without a header"),
        pytest.param(when("request.headers[x-a]", "1*", but=("12",)), request(x_a="12"), False, id="both add up"),
        pytest.param(when("request.headers[x-a]", "2"), request(x_a=("1", "2")), True, id="each of repeated headers"),
        pytest.param(when("request.headers[x-a]", "1,2"), request(x_a=("1", "2")), False, id="not together"),
        pytest.param(when(HOST, "shop"), request(), True, id="host is the authority"),
        pytest.param(when("request.headers[:authority]", "shop"), request(), True, id=":authority is the authority"),
        pytest.param(when("request.headers[:authority]", "SHOP"), request(), False, id="here with its case"),
        pytest.param(when("request.headers[:method]", "GET"), request(), True, id=":method"),
        pytest.param(when("request.headers[:scheme]", "http"), request(), True, id=":scheme"),
        pytest.param(
            when("request.headers[:path]", "/?a=1"), replace(request(), query="a=1"), True, id=":path with its query"
        ),
        pytest.param(
            Rule(when=(Condition("destination.port", ("8080",)), Condition("source.ip", ("10.0.0.2",)))),
            request(),
            False,
            id="conditions add up",
        ),
        pytest.param(
            replace(source(principals=("*/amy",)), to=operation(paths=("/a",)).to),
            request(),
            False,
            id="to adds to from",
        ),
        pytest.param(
            replace(operation(paths=("/",)), when=when("source.ip", "10.0.0.2").when),
            request(),
            False,
            id="when adds too",
        ),
    ],
)
def test_a_rule_allows_requests(rule: Rule, message: Message, *, allowed: bool) -> None:
    assert decide(guard(policy(rule)), message=message).allowed is allowed


ISSUER = "https://iss/a"
TOKENS = {
    "none": request(),
    "s": with_claims(iss=ISSUER, sub="s"),
    "deep": with_claims(iss=ISSUER, sub="o/x"),
    "nosub": with_claims(iss=ISSUER),
    "empty": with_claims(iss=ISSUER, sub=""),
    "short": with_claims(iss="me", sub="s"),
}


def principals(*values: str) -> Rule:
    return source(request_principals=values)


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        pytest.param(principals(f"{ISSUER}/s"), "s", id="issuer and subject"),
        pytest.param(principals("*"), "s deep short", id="any token with both"),
        pytest.param(principals(f"{ISSUER}/*"), "s deep", id="any subject"),
        pytest.param(principals(f"{ISSUER}/s*"), "s", id="the beginning of a subject"),
        pytest.param(principals("*/s"), "s short", id="any issuer"),
        pytest.param(principals("*/a/s"), "s", id="the end of an issuer"),
        pytest.param(principals("*/*"), "", id="but a star at one end only"),
        pytest.param(principals("*s"), "s short", id="without a slash, the end of a subject"),
        pytest.param(principals("https*"), "s deep", id="without a slash, the beginning of an issuer"),
        pytest.param(principals("https://*"), "", id="with a slash it is parted at the last one"),
        pytest.param(principals(f"{ISSUER}/o/x"), "", id="so no subject has one"),
        pytest.param(principals("me", "s"), "", id="without a slash or star no token with a subject fits"),
        pytest.param(source(not_request_principals=("*",)), "none nosub empty", id="notRequestPrincipals"),
        pytest.param(when("request.auth.principal", f"{ISSUER}/s"), "s", id="request.auth.principal"),
        pytest.param(when("request.auth.claims[iss]", ISSUER), "s deep nosub empty", id="a claim of all tokens"),
        pytest.param(when("request.auth.claims[sub]", "*"), "s deep short", id="a claim that is not empty"),
        pytest.param(when("request.auth.claims[sub]", but=("s",)), "none deep nosub empty", id="not that claim"),
    ],
)
def test_a_rule_allows_tokens(rule: Rule, allowed: str) -> None:
    guarded = guard(policy(rule))

    assert [name for name, message in TOKENS.items() if decide(guarded, message=message).allowed] == allowed.split()


CLAIMS = with_claims(
    aud=["x", "y"],
    azp="p",
    scope=["read", "write"],
    n=5,
    flag=True,
    nest={"in": {"deep": "v"}},
    **{"a.b": "dotted", "a[b": "odd", "a[b][c": "odder"},
)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        pytest.param("request.auth.audiences", "y", True, id="one of the audiences"),
        pytest.param("request.auth.audiences", "z", False, id="not another"),
        pytest.param("request.auth.presenter", "p", True, id="the presenter is azp"),
        pytest.param("request.auth.claims[scope]", "read", True, id="a word of scope"),
        pytest.param("request.auth.claims[scope]", "read write", False, id="not all of scope"),
        pytest.param("request.auth.claims[scope]", "wr*", True, id="the beginning of a word"),
        pytest.param("request.auth.claims[n]", "5", False, id="a number is no text"),
        pytest.param("request.auth.claims[flag]", "true", False, id="nor is a truth"),
        pytest.param("request.auth.claims[nest][in][deep]", "v", True, id="brackets lead inside"),
        pytest.param("request.auth.claims[nest][in][deep][er]", "v", False, id="not into a text"),
        pytest.param("request.auth.claims[nest.in.deep]", "v", False, id="dots do not"),
        pytest.param("request.auth.claims[a.b]", "dotted", True, id="they are part of a name"),
        pytest.param("request.auth.claims[nest]", "*", False, id="an object is no text"),
        pytest.param("request.auth.claims[Scope]", "read", False, id="a claim's name has its case"),
        pytest.param("request.auth.claims[a[b]", "odd", True, id="odd brackets are a name"),
        pytest.param("request.auth.claims[a[b][c]", "odder", True, id="all of them one"),
    ],
)
def test_a_rule_looks_into_claims(key: str, value: str, *, allowed: bool) -> None:
    assert decide(guard(policy(when(key, value))), message=CLAIMS).allowed is allowed


SECRET, OPEN = operation(paths=("/secret",)), operation(paths=("/open",))


@pytest.mark.parametrize(
    ("policies", "path", "allowed"),
    [
        pytest.param([], "/", True, id="without a policy all is allowed"),
        pytest.param([policy()], "/", False, id="an ALLOW policy without rules denies all"),
        pytest.param([policy(ANYTHING)], "/", True, id="an empty rule matches all"),
        pytest.param([policy(OPEN)], "/open", True, id="ALLOW is the default action"),
        pytest.param([policy(OPEN, action="ALLOW")], "/", False, id="what no rule allows is denied"),
        pytest.param([policy(SECRET, OPEN)], "/open", True, id="rules are alternatives"),
        pytest.param([policy(SECRET), policy(OPEN, name="q")], "/open", True, id="policies are alternatives"),
        pytest.param([deny(SECRET)], "/secret", False, id="DENY denies what it matches"),
        pytest.param([deny(SECRET)], "/", True, id="and nothing else"),
        pytest.param([deny(ANYTHING)], "/", False, id="an empty rule denies all"),
        pytest.param([deny()], "/", True, id="a DENY policy without rules denies nothing"),
        pytest.param([policy(ANYTHING), deny(SECRET)], "/secret", False, id="DENY comes before ALLOW"),
        pytest.param([policy(OPEN), deny(SECRET)], "/", False, id="what DENY lets pass still needs ALLOW"),
        pytest.param([policy(action="AUDIT")], "/", True, id="AUDIT refuses nothing"),
        pytest.param([policy(namespace=ROOT)], "/", False, id="the root namespace speaks for all"),
        pytest.param([policy(namespace="sea")], "/", True, id="another namespace does not speak"),
        pytest.param([policy(selector={"app": "shop"})], "/", False, id="a selector that fits"),
        pytest.param([policy(selector={"app": "inn"})], "/", True, id="a selector that does not"),
        pytest.param([policy(namespace=ROOT, selector={"app": "shop"})], "/", False, id="also of the root namespace"),
        pytest.param([policy(namespace=ROOT), policy(OPEN)], "/open", True, id="both namespaces allow together"),
        pytest.param([policy(annotations={"istio.io/dry-run": "true"})], "/", True, id="a policy on trial"),
        pytest.param([deny(ANYTHING, annotations={"istio.io/dry-run": "T"})], "/", True, id="Go has many truths"),
        pytest.param([deny(ANYTHING, annotations={"istio.io/dry-run": "false"})], "/", False, id="no trial"),
        pytest.param([deny(ANYTHING, annotations={"istio.io/dry-run": "yes"})], "/", False, id="no truth, no trial"),
        pytest.param(
            [policy(OPEN), policy(ANYTHING, name="q", annotations={"istio.io/dry-run": "1"})],
            "/",
            False,
            id="a policy on trial allows nothing either",
        ),
        pytest.param([policy(when("no.such.key", "x"))], "/", False, id="an unknown key drops a rule of ALLOW"),
        pytest.param([deny(when("no.such.key", "x"))], "/", True, id="and one of DENY"),
        pytest.param([policy(source(ip_blocks=("10.0.0.1", "x")))], "/", False, id="a bad value drops a rule of ALLOW"),
        pytest.param([deny(source(ip_blocks=("10.0.0.1", "x")))], "/", False, id="but only itself in DENY"),
        pytest.param([deny(operation(ports=("65536",)))], "/", False, id="with nothing left DENY denies all"),
        pytest.param([deny(operation(ports=("65535",)))], "/", True, id="the highest port is left"),
        pytest.param([custom(SECRET)], "/secret", False, id="an authorizer that is not set up denies"),
        pytest.param([custom(SECRET)], "/", True, id="what its rules match"),
        pytest.param([custom(SECRET, provider="")], "/secret", False, id="as does none"),
    ],
)
def test_policies_decide_together(policies: list[AuthorizationPolicy], path: str, *, allowed: bool) -> None:
    assert decide(guard(*policies), message=request(path)).allowed is allowed


@pytest.mark.parametrize(
    ("policies", "path", "allowed"),
    [
        pytest.param([custom(SECRET)], "/secret", None, id="what an authorizer says is not known"),
        pytest.param([custom(SECRET)], "/", True, id="what it is not asked is allowed"),
        pytest.param([custom(SECRET), deny(ANYTHING)], "/secret", None, id="it is asked first"),
        pytest.param([custom(SECRET), deny(ANYTHING)], "/", False, id="others are asked after it"),
        pytest.param([custom(SECRET), custom(OPEN, name="q")], "/secret", None, id="two policies may name it"),
        pytest.param(
            [custom(SECRET), custom(OPEN, provider="other", name="q")], "/open", False, id="two authorizers are none"
        ),
        pytest.param(
            [custom(SECRET, annotations={"istio.io/dry-run": "true"})], "/secret", True, id="on trial it is not asked"
        ),
    ],
)
def test_an_authorizer_decides(policies: list[AuthorizationPolicy], path: str, *, allowed: bool | None) -> None:
    guarded = guard(*policies, authorizers={"gate": "http", "other": "grpc"})

    assert decide(guarded, message=request(path)).allowed is allowed


def test_custom_policies_see_the_request_before_tokens_are_checked() -> None:
    guarded = guard(custom(when("request.headers[authorization]", "*")))
    arrived = request(authorization="Bearer x")

    assert decide(guarded, message=arrived, checked=request()).allowed is False
    assert decide(guarded, message=request(), checked=arrived).allowed is True


def test_without_policies_nobody_is_asked() -> None:
    guarded = guard(policy(namespace="sea"))

    assert decide(guarded, PLAIN).allowed is True
    assert guarded.is_empty


def test_other_policies_see_the_request_after_tokens_are_checked() -> None:
    guarded = guard(policy(when("request.headers[authorization]", "*")))
    arrived = request(authorization="Bearer x")

    assert decide(guarded, message=arrived, checked=request()).allowed is False
    assert decide(guarded, message=arrived).allowed is True


ONLY_AMY = source(principals=("*/amy",))


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        pytest.param([], "AMY BOB PLAIN", id="without a policy all connect"),
        pytest.param([policy(ONLY_AMY)], "AMY", id="ALLOW by the caller"),
        pytest.param([policy(ONLY_AMY), deny(ANYTHING)], "", id="DENY comes first"),
        pytest.param([policy(operation(ports=("7000",)))], "AMY BOB PLAIN", id="ALLOW by the port"),
        pytest.param([policy(OPEN)], "", id="a rule of ALLOW that asks for HTTP is gone"),
        pytest.param([policy(replace(ONLY_AMY, to=OPEN.to))], "", id="all of it"),
        pytest.param(
            [policy(Rule(to=(To(Operation(ports=("7000",))), To(Operation(paths=("/",))))))],
            "",
            id="even if another operation would do",
        ),
        pytest.param([policy(OPEN, ONLY_AMY)], "AMY", id="but no other rule"),
        pytest.param([policy(operation(not_hosts=("x",)))], "", id="hosts are HTTP"),
        pytest.param([policy(operation(not_methods=("x",)))], "", id="methods are HTTP"),
        pytest.param([policy(operation(not_paths=("x",)))], "", id="paths are HTTP"),
        pytest.param([policy(when("destination.ip", WORKLOAD))], "AMY BOB PLAIN", id="addresses are not"),
        pytest.param([policy(principals("*"))], "", id="tokens are HTTP"),
        pytest.param([policy(source(not_request_principals=("*",)))], "", id="also tokens that are not there"),
        pytest.param([policy(when("request.headers[x]", but=("1",)))], "", id="headers are HTTP"),
        pytest.param([policy(when("request.auth.claims[x]", but=("1",)))], "", id="claims are HTTP"),
        pytest.param([deny(SECRET)], "", id="a rule of DENY loses what asks for HTTP"),
        pytest.param([deny(replace(ONLY_AMY, to=SECRET.to))], "BOB PLAIN", id="and keeps the rest"),
        pytest.param([deny(operation(not_paths=("/",), ports=("1",)))], "AMY BOB PLAIN", id="of each operation"),
        pytest.param([deny(when("request.headers[x]", "1"))], "", id="of each condition"),
        pytest.param(
            [deny(source(request_principals=("*",), ip_blocks=("10.0.0.9",)))], "AMY BOB", id="of each source"
        ),
        pytest.param([policy(), deny(ONLY_AMY)], "", id="an ALLOW policy without rules allows no connection"),
        pytest.param([policy(SECRET, annotations={"istio.io/dry-run": "true"})], "AMY BOB PLAIN", id="on trial"),
        pytest.param([custom(SECRET)], "", id="an authorizer that is not set up denies"),
        pytest.param([custom(SECRET, provider="web")], "AMY BOB PLAIN", id="one for HTTP is not asked"),
        pytest.param([custom(ONLY_AMY, provider="wire")], "BOB PLAIN", id="one for gRPC is"),
    ],
)
def test_connections_are_decided_by_what_is_no_http(policies: list[AuthorizationPolicy], allowed: str) -> None:
    guarded = guard(*policies, authorizers={"web": "http", "wire": "grpc"})
    callers = {"AMY": AMY, "BOB": BOB, "PLAIN": PLAIN}

    found = [
        name for name, each in callers.items() if guarded.decide_tcp(each, 7000, destination_address=WORKLOAD).allowed
    ]

    assert found == allowed.split()


METADATA = "experimental.envoy.filters.network.mysql_proxy[town.people]"


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        pytest.param([policy(when(METADATA, "[insert]"))], None, id="ALLOW may match"),
        pytest.param([deny(when(METADATA, "[insert]"))], None, id="DENY may match"),
        pytest.param([policy(when(METADATA, "x"), ANYTHING)], True, id="another rule is sure"),
        pytest.param([custom(when(METADATA, "x"))], None, id="CUSTOM may match"),
        pytest.param([policy(when(METADATA, "x"), when(METADATA, "y"))], None, id="two that may"),
        pytest.param(
            [policy(replace(when(METADATA, "x"), to=SECRET.to))], False, id="the rest of the rule does not match"
        ),
    ],
)
def test_metadata_of_envoys_filters_are_not_known(policies: list[AuthorizationPolicy], *, allowed: bool | None) -> None:
    assert decide(guard(*policies)).allowed is allowed


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
def test_a_decision_says_that_metadata_are_not_known(action: str) -> None:
    decision = decide(guard(policy(when(METADATA, "x"), action=action)))

    matches = f"a rule of {'an' if action == 'ALLOW' else 'a'} {action} policy matches"
    assert decision.why == f"{matches} if it also fits metadata that Envoy's own filters set"


@pytest.mark.parametrize(
    ("version", "rule", "message", "allowed"),
    [
        pytest.param("1.21", operation(paths=("/{*}",)), request("/a"), False, id="before 1.22 no templates"),
        pytest.param("1.21", operation(paths=("/{*}",)), request("/{*}"), True, id="but such paths"),
        pytest.param("1.22", operation(paths=("/{*}",)), request("/a"), True, id="since 1.22 templates"),
        pytest.param(
            "1.29",
            when("request.headers[x-a]", "2"),
            request(x_a=("1", "2")),
            False,
            id="before 1.30 headers are joined",
        ),
        pytest.param(
            "1.29", when("request.headers[x-a]", "1,2"), request(x_a=("1", "2")), True, id="before 1.30 with a comma"
        ),
        pytest.param(
            "1.30", when("request.headers[x-a]", "2"), request(x_a=("1", "2")), True, id="since 1.30 each is looked at"
        ),
    ],
)
def test_versions_differ(version: str, rule: Rule, message: Message, *, allowed: bool) -> None:
    assert decide(guard(policy(rule), version=version), message=message).allowed is allowed


@pytest.mark.parametrize("path", ["{*}/a", "//a/{*}"])
def test_a_template_that_envoy_refuses_leaves_older_policies_in_force(path: str) -> None:
    guarded = guard(policy(OPEN, operation(not_paths=(path,))))

    for decision in (decide(guarded), guarded.decide_tcp(AMY, 7000, destination_address=WORKLOAD)):
        assert (decision.allowed, decision.field) == (None, "spec.rules[1].to")


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        pytest.param("spiffe://corp/ns/town/sa/amy", True, id="the mesh's own trust domain"),
        pytest.param("spiffe://cluster.local/ns/town/sa/amy", False, id="not the one of that name"),
        pytest.param("spiffe://other/ns/town/sa/amy", False, id="nor another"),
    ],
)
def test_cluster_local_in_a_policy_is_the_trust_domain_of_the_mesh(caller: str, *, allowed: bool) -> None:
    guarded = guard(policy(source(principals=("cluster.local/ns/town/sa/amy",))), trust_domain="corp")

    assert decide(guarded, Caller(caller)).allowed is allowed


def test_another_trust_domain_in_a_policy_is_itself() -> None:
    guarded = guard(policy(source(principals=("other/ns/town/sa/amy",))), trust_domain="corp")

    assert decide(guarded, Caller("spiffe://other/ns/town/sa/amy")).allowed is True
    assert decide(guarded, Caller("spiffe://corp/ns/town/sa/amy")).allowed is False


def test_a_name_of_another_kind_is_any_principal_only() -> None:
    client = Caller("client.example")

    assert decide(guard(policy(source(principals=("*",)))), client).allowed is True
    assert decide(guard(policy(source(principals=("client*",)))), client).allowed is False


RULES = (
    replace(source(principals=("*/bob",)), to=OPEN.to),
    replace(ONLY_AMY, to=operation(methods=("GET",), paths=("/open",)).to, when=when("source.ip", "10.0.0.1").when),
)


@pytest.mark.parametrize(
    ("policies", "message", "policy_name", "field"),
    [
        pytest.param([], request(), None, "", id="nothing decides"),
        pytest.param([policy(*RULES)], request("/open"), "p", "spec.rules[1]", id="the rule that allows"),
        pytest.param([deny(ANYTHING)], request(), "d", "spec.rules[0]", id="the rule that denies"),
        pytest.param(
            [policy(ANYTHING, action="DENY", namespace=ROOT, name="root"), deny(ANYTHING)],
            request(),
            "root",
            "spec.rules[0]",
            id="the root namespace's before the workload's",
        ),
        pytest.param([custom(ANYTHING)], request(), "p", "spec.rules[0]", id="the rule that asks"),
        pytest.param([policy()], request(), "p", "spec.rules", id="no rule at all"),
        pytest.param(
            [policy(*RULES)],
            request("/x"),
            "p",
            "spec.rules[1].to[0].operation.paths",
            id="the field that stops the nearest",
        ),
        pytest.param(
            [policy(*RULES)],
            request("/x", "PUT"),
            "p",
            "spec.rules[1].to[0].operation.methods",
            id="the first field that does",
        ),
        pytest.param(
            [policy(source(not_namespaces=("town",)))],
            request(),
            "p",
            "spec.rules[0].from[0].source.notNamespaces",
            id="a negation",
        ),
        pytest.param(
            [policy(when("source.ip", but=("10.0.0.1",)))],
            request(),
            "p",
            "spec.rules[0].when[0].notValues",
            id="a condition",
        ),
    ],
)
def test_a_decision_says_what_made_it(
    policies: list[AuthorizationPolicy], message: Message, policy_name: str | None, field: str
) -> None:
    decision = decide(guard(*policies), message=message)

    home = ROOT if policy_name == "root" else "town"
    assert decision.policy == (policy_name and Reference("AuthorizationPolicy", home, policy_name))
    assert decision.field == field
    assert decision.why


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (source(principals=("x",)), "from[0].source.principals"),
        (source(request_principals=("x",)), "from[0].source.requestPrincipals"),
        (source(namespaces=("x",)), "from[0].source.namespaces"),
        (source(service_accounts=("x",)), "from[0].source.serviceAccounts"),
        (source(ip_blocks=("192.0.2.0",)), "from[0].source.ipBlocks"),
        (source(remote_ip_blocks=("192.0.2.0",)), "from[0].source.remoteIpBlocks"),
        (source(not_remote_ip_blocks=("10.0.0.1",)), "from[0].source.notRemoteIpBlocks"),
        (operation(hosts=("x",)), "to[0].operation.hosts"),
        (operation(methods=("x",)), "to[0].operation.methods"),
        (operation(paths=("x",)), "to[0].operation.paths"),
        (operation(ports=("1",)), "to[0].operation.ports"),
        (when("source.ip", "192.0.2.0"), "when[0].values"),
    ],
)
def test_a_field_that_stops_a_rule_has_the_name_that_the_api_gives_it(rule: Rule, field: str) -> None:
    assert decide(guard(policy(rule))).field == f"spec.rules[0].{field}"


@pytest.mark.parametrize(
    ("principal", "namespace", "account"),
    [
        pytest.param("spiffe://cluster.local/ns/town/sa/amy", "town", "amy", id="of the mesh"),
        pytest.param("spiffe://ns/ns/sa/sa/ns", "sa", "ns", id="with names like keys"),
        pytest.param("client.example", None, None, id="of another kind"),
        pytest.param("spiffe://cluster.local/ns", None, None, id="unfinished"),
        pytest.param(None, None, None, id="none"),
    ],
)
def test_a_principal_holds_namespace_and_account(
    principal: str | None, namespace: str | None, account: str | None
) -> None:
    caller = Caller(principal)

    assert (caller.namespace, caller.service_account) == (namespace, account)


def test_an_address_that_is_none_is_in_no_block() -> None:
    assert decide(guard(policy(source(ip_blocks=("0.0.0.0/0",)))), Caller(address="unix")).allowed is False
