"""What holds for any objects and any request: changes that change nothing, and that there is always an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.language.objects import Untyped, typed
from conformance.router.admission import examine
from conformance.router.predict import predict
from conformance.router.prediction import Outcome, Prediction
from conformance.router.request import Request
from tests.router.lab import EGRESS, INGRESS, ask, objects, shares, spoken, world

Row = Mapping[str, Any]
Spec = dict[str, Any]

same_every_time = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


# Changes that change nothing.

DESTINATIONS: Sequence[Spec] = (
    {"host": "reviews", "subset": "v1", "port": {"number": 9080}},
    {"host": "reviews", "subset": "v2", "port": {"number": 9080}},
    {"host": "reviews", "port": {"number": 9080}},
    {"host": "ratings", "port": {"number": 80}},
    {"host": "bare", "port": {"number": 80}},
    {"host": "empty", "port": {"number": 80}},
    {"host": "nobody", "port": {"number": 80}},
    {"host": "ratings", "subset": "v1", "port": {"number": 80}},
)
FACTS: Row = {"reviews-v1": {"status": 503}, "bare": {"resets": True}}

weights = st.integers(1, 100)
splits = st.lists(st.tuples(st.sampled_from(DESTINATIONS), weights), min_size=1, max_size=4)
retries = st.sampled_from([None, {"attempts": 0}, {"attempts": 1, "retryOn": "5xx"}, {"attempts": 2, "retryOn": "503"}])


def rule(split: Sequence[tuple[Spec, int]], retry: Spec | None, *match: Spec) -> Spec:
    route = [{"destination": destination, "weight": weight} for destination, weight in split]
    found: Spec = {"route": route, "match": list(match)} if match else {"route": route}
    return {**found, "retries": retry} if retry else found


rules = st.builds(rule, splits, retries)


def subsets(*names: str) -> Row:
    made = [{"name": name, "labels": {"version": f"v{number}"}} for number, name in enumerate(names, 1)]
    return {"DestinationRule reviews": {"host": "reviews", "subsets": made}}


SUBSETS = subsets("v1", "v2")


def outcomes(*http: Spec, path: str = "/", rest: Row = SUBSETS) -> dict[str, Fraction]:
    """Chance by outcome and workload, of a request that these rules are for."""
    given_rows = [{"VirtualService v": {"hosts": ["ratings"], "http": list(http)}}, rest]
    return told(ask(given_rows, f"http://ratings{path}", behaves=FACTS))


def told(prediction: Prediction) -> dict[str, Fraction]:
    def name(outcome: Outcome) -> str:
        return f"{spoken(outcome)} at {outcome.sight.workload if outcome.sight else 'nobody'}"

    return shares(prediction, name)


@same_every_time
@given(st.lists(rules, min_size=2, max_size=4), st.randoms(use_true_random=False), st.integers(0, 4))
def test_rules_that_exclude_each_other_may_stand_in_any_order(listed: list[Spec], dice: Any, asked: int) -> None:
    apart = [{**each, "match": [{"uri": {"exact": f"/{number}"}}]} for number, each in enumerate(listed)]
    shuffled = dice.sample(apart, len(apart))

    assert outcomes(*shuffled, path=f"/{asked}") == outcomes(*apart, path=f"/{asked}")


@same_every_time
@given(rules, rules, st.sampled_from([[], [{}], [{"uri": {"prefix": "/"}}]]), st.sampled_from(["/", "/a"]))
def test_a_rule_after_a_catch_all_changes_nothing(first: Spec, late: Spec, match: list[Spec], path: str) -> None:
    catching = {**first, "match": match}
    later = {**late, "match": [{"uri": {"exact": "/a"}}]}

    assert outcomes(catching, later, path=path) == outcomes(catching, path=path)


@same_every_time
@given(rules, st.permutations(["v1", "v2", "one", "two"]))
def test_subsets_may_be_renamed_everywhere(each: Spec, names: list[str]) -> None:
    renamed = dict(zip(("v1", "v2"), names[:2], strict=True))

    def with_new_names(member: Spec) -> Spec:
        destination = member["destination"]
        named = destination["host"] == "reviews" and "subset" in destination
        changed = {**destination, "subset": renamed[destination["subset"]]} if named else destination
        return {**member, "destination": changed}

    other = {**each, "route": [with_new_names(member) for member in each["route"]]}

    assert outcomes(other, rest=subsets(*names[:2])) == outcomes(each)


@same_every_time
@given(splits, retries, st.integers(2, 1000))
def test_weights_may_be_multiplied(split: list[tuple[Spec, int]], retry: Spec | None, by: int) -> None:
    larger = [(destination, weight * by) for destination, weight in split]

    assert outcomes(rule(larger, retry)) == outcomes(rule(split, retry))


@same_every_time
@given(splits, retries, st.integers(0, 3))
def test_a_destination_may_be_split_into_equal_halves(
    split: list[tuple[Spec, int]], retry: Spec | None, number: int
) -> None:
    doubled = [(destination, 2 * weight) for destination, weight in split]
    destination, weight = doubled.pop(number % len(doubled))
    halves = [(destination, weight // 2), *doubled, (destination, weight // 2)]

    assert outcomes(rule(halves, retry)) == outcomes(rule(split, retry))


@same_every_time
@given(splits, retries)
def test_two_blocks_of_one_match_are_two_rules(split: list[tuple[Spec, int]], retry: Spec | None) -> None:
    blocks: list[Spec] = [{"uri": {"prefix": "/a"}}, {"headers": {"x-a": {"exact": "1"}}}]
    joined = rule(split, retry, *blocks)
    apart = [rule(split, retry, block) for block in blocks]

    for path in ("/a", "/b"):
        assert outcomes(*apart, path=path) == outcomes(joined, path=path)


# There is always an answer.

EGRESS_HOST, INGRESS_HOST = f"{EGRESS}.svc.cluster.local", f"{INGRESS}.svc.cluster.local"
KNOWN = "reviews ratings bare empty stock pods accounts.bank ratings.shop.svc.cluster.local RATINGS".split()
UNKNOWN = "site.example other.example a.wild.example nobody x.y.z 10.1.2.3 -bad- ..".split()
WILDCARDS = "* *.local *.shop.svc.cluster.local *.example *.wild.example".split()
names = st.sampled_from([*KNOWN, *UNKNOWN, *WILDCARDS, EGRESS_HOST, INGRESS_HOST])
plain_names = st.sampled_from([*KNOWN, "site.example", "other.example", "a.wild.example", "nobody", EGRESS_HOST])
ports = st.sampled_from([80, 80, 443, 7000, 7070, 8000, 8001, 8080, 8443, 9080, 9080, 9081, 27017, 31400, 1, 65535])
paths = st.sampled_from(["/", "/a", "/a/b", "/A", "//", "/a?b=c", "/%2F", "/\u00e9", "*", "", "/" + "x" * 2000])
texts = st.sampled_from(["/", "/a", "/A", "GET", "http", "ratings", "1"])
labels = st.dictionaries(st.sampled_from(["app", "version"]), st.sampled_from(["client", "reviews", "v1"]), max_size=2)
gateways = st.lists(st.sampled_from(["mesh", "g", "bank/g", "nobody", "g.shop.svc.cluster.local"]), max_size=3)
durations = st.sampled_from(["1s", "10ms", "1h", "999h"])
percentages = st.fixed_dictionaries({}, optional={"value": st.sampled_from([0, 0.0001, 12.5, 50, 100])})


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """Any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def few(of: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=2)


def having(needed: Mapping[str, st.SearchStrategy[Any]], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """All of what is needed, any of the fields."""
    return st.fixed_dictionaries(dict(needed), optional=fields)


matches = (
    st.fixed_dictionaries({"exact": texts})
    | st.fixed_dictionaries({"prefix": texts})
    | st.fixed_dictionaries({"regex": st.sampled_from(["/.*", ".*", "[0-9]+", "(a|b)*"])})
)
headers = st.dictionaries(st.sampled_from(["x-a", ":method", "cookie"]), matches, max_size=2)
destinations = having(
    {"host": plain_names},
    subset=st.sampled_from(["v1", "v2"]),
    port=st.fixed_dictionaries({"number": ports}),
)
operations = some(
    set=st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from(["1", "%REQ(x)%", ""]), max_size=2),
    add=st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from(["1", "2"]), max_size=2),
    remove=few(st.sampled_from(["x-a", "cookie"])),
)
routed = having(
    {"destination": destinations, "weight": st.sampled_from([0, 1, 50, 100, 2**31 - 1])},
    headers=some(request=operations, response=operations),
)
http_matches = some(
    uri=matches,
    method=matches,
    authority=matches,
    scheme=matches,
    headers=headers,
    withoutHeaders=headers,
    queryParams=headers,
    port=ports,
    gateways=gateways,
    sourceLabels=labels,
    ignoreUriCase=st.booleans(),
)
retry_policies = having(
    {"attempts": st.sampled_from([1, 3, 1000, 2**31 - 1])},
    perTryTimeout=durations,
    retryOn=st.sampled_from(["5xx", "503", "reset,connect-failure", "gateway-error"]),
    retryIgnorePreviousHosts=st.booleans(),
)
faults = having(
    {"delay": having({"fixedDelay": durations}, percent=st.integers(0, 100), percentage=percentages)},
    abort=having({"httpStatus": st.sampled_from([200, 503])}, percentage=percentages),
)
forwards = having(
    {"route": few(routed, 1)},
    match=few(http_matches),
    rewrite=having({"uri": st.sampled_from(["/", "/b"])}, authority=plain_names),
    timeout=durations,
    retries=retry_policies | st.just({"attempts": 0}),
    fault=faults,
    mirrors=few(having({"destination": destinations}, percentage=percentages)),
    corsPolicy=having({"allowOrigins": few(matches)}),
    headers=some(request=operations, response=operations),
)
redirects = having(
    {
        "redirect": having(
            {"uri": st.sampled_from(["/", "b", "/?c"])},
            authority=plain_names,
            port=ports,
            redirectCode=st.sampled_from([301, 304, 308]),
        )
    },
    match=few(http_matches),
)
direct_responses = having({"directResponse": having({"status": st.integers(200, 599)})}, match=few(http_matches))
delegations = having({"delegate": having({"name": st.sampled_from(["d", "v", "g"])}, namespace=st.just("bank"))})
http_rules = forwards | forwards | redirects | direct_responses | delegations
stream_routes = few(having({"destination": destinations, "weight": st.integers(1, 100)}), 1)
export_to = st.sampled_from([[], ["."], ["*"], ["bank"], ["shop", "istio-system"]])
hosts = few(names, 1)
virtual_services = having(
    {"hosts": hosts, "http": few(http_rules, 1)},
    gateways=gateways,
    tcp=few(
        having({"route": stream_routes}, match=few(some(port=ports, destinationSubnets=few(st.just("10.0.0.0/8")))))
    ),
    exportTo=export_to,
)
delegates = having({"http": few(forwards | redirects, 1)}, exportTo=export_to)


@st.composite
def virtual_services_for_tls(draw: st.DrawFn) -> Spec:
    bound = draw(hosts)
    match = few(having({"sniHosts": st.just(bound)}, port=ports), 1)
    return {
        "hosts": bound,
        "gateways": draw(gateways),
        "tls": draw(few(having({"match": match, "route": stream_routes}))),
    }


tls_settings = some(
    mode=st.sampled_from(["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]), credentialName=st.just("c"), sni=names
)
policies = some(
    tls=tls_settings,
    loadBalancer=some(
        simple=st.sampled_from(["RANDOM", "PASSTHROUGH"]), consistentHash=some(useSourceIp=st.booleans())
    ),
    outlierDetection=some(consecutive5xxErrors=st.integers(0, 9)),
)
destination_rules = having(
    {"host": names},
    trafficPolicy=policies,
    subsets=few(having({"name": st.sampled_from(["v1", "v2"])}, labels=labels, trafficPolicy=policies)),
    workloadSelector=some(matchLabels=labels),
    exportTo=export_to,
)
http_servers = having(
    {
        "port": having({"number": ports, "name": st.just("p"), "protocol": st.sampled_from(["HTTP", "HTTP2", "TCP"])}),
        "hosts": few(names | st.sampled_from(["./*", "shop/ratings.shop.svc.cluster.local"]), 1),
    },
)
tls_servers = having(
    {
        "port": having({"number": ports, "name": st.just("s"), "protocol": st.sampled_from(["HTTPS", "TLS"])}),
        "hosts": few(names, 1),
        "tls": st.sampled_from(
            [
                {"mode": "SIMPLE", "credentialName": "c"},
                {"mode": "MUTUAL", "credentialName": "c"},
                {"mode": "PASSTHROUGH"},
                {"mode": "ISTIO_MUTUAL"},
                {"mode": "AUTO_PASSTHROUGH"},
            ]
        ),
    },
)
gateway_objects = having(
    {"servers": st.tuples(http_servers, tls_servers).map(list) | few(http_servers, 1)},
    selector=st.sampled_from([{"istio": "ingressgateway"}, {"istio": "egressgateway"}, {"istio": "nobody"}, {}]),
)
service_entries = having(
    {
        "hosts": few(names, 1),
        "resolution": st.sampled_from(["NONE", "STATIC", "DNS"]),
        "ports": st.lists(
            having(
                {"number": ports, "name": st.just("a"), "protocol": st.sampled_from(["HTTP", "TCP", "TLS"])},
                targetPort=ports,
            ),
            min_size=1,
            max_size=1,
        ),
    },
    addresses=few(st.sampled_from(["240.0.0.1", "10.0.0.0/8"])),
    location=st.sampled_from(["MESH_INTERNAL", "MESH_EXTERNAL"]),
    endpoints=few(
        having({"address": st.sampled_from(["1.2.3.4", "site.example", "10.244.0.2"])}, weight=st.integers(0, 9))
    ),
    workloadSelector=having({"labels": labels}),
    exportTo=export_to,
)
sidecars = some(
    workloadSelector=some(labels=labels),
    egress=few(
        st.fixed_dictionaries(
            {"hosts": few(st.sampled_from(["*/*", "./*", "~/*", "bank/*", "shop/ratings", "~bank/*", "*/*.example"]))},
            optional={
                "port": st.fixed_dictionaries({"number": ports, "protocol": st.just("HTTP"), "name": st.just("p")})
            },
        )
    ),
    ingress=few(
        some(
            port=st.fixed_dictionaries(
                {"number": ports, "protocol": st.sampled_from(["HTTP", "TCP"]), "name": st.just("p")}
            ),
            defaultEndpoint=st.sampled_from(["127.0.0.1:8080", "[::1]:1", "0.0.0.0:8080", "unix:///x", "nonsense"]),
        )
    ),
    outboundTrafficPolicy=some(mode=st.sampled_from(["ALLOW_ANY", "REGISTRY_ONLY"]), egressProxy=destinations),
)
modes = some(mode=st.sampled_from(["STRICT", "PERMISSIVE", "DISABLE", "UNSET"]))
peer_authentications = some(
    selector=some(matchLabels=labels), mtls=modes, portLevelMtls=st.dictionaries(ports.map(str), modes, max_size=2)
)
request_authentications = some(
    selector=some(matchLabels=labels),
    jwtRules=few(some(issuer=st.just("me"), jwksUri=st.just("https://keys"), fromParams=few(st.just("t")))),
)
authorization_policies = some(
    selector=some(matchLabels=labels),
    action=st.sampled_from(["ALLOW", "DENY", "CUSTOM", "AUDIT"]),
    provider=some(name=st.just("p")),
    rules=few(
        some(
            **{"from": few(some(source=some(principals=few(names), ipBlocks=few(st.just("10.0.0.0/8")))))},
            to=few(some(operation=some(paths=few(texts), methods=few(st.just("GET")), ports=few(ports.map(str))))),
            when=few(some(key=st.just("request.headers[x-a]"), values=few(texts))),
        )
    ),
)
KINDS = {
    "VirtualService": virtual_services | virtual_services | delegates | virtual_services_for_tls(),
    "DestinationRule": destination_rules,
    "Gateway": gateway_objects,
    "ServiceEntry": service_entries,
    "Sidecar": sidecars,
    "PeerAuthentication": peer_authentications,
    "RequestAuthentication": request_authentications,
    "AuthorizationPolicy": authorization_policies,
}
homes = st.sampled_from(["", "", "bank/", "istio-system/"])


@st.composite
def given_rows(draw: st.DrawFn) -> list[Spec]:
    """Objects that the API takes: those that it refuses are left out."""
    kinds = draw(st.lists(st.sampled_from([*KINDS, "VirtualService", "VirtualService", "Gateway"]), max_size=10))
    rows = []
    for number, kind in enumerate(kinds):
        name = draw(st.sampled_from(["g", "d", f"{kind[0].lower()}{number}"]))
        row = {f"{kind} {draw(homes)}{name}": draw(KINDS[kind])}
        if is_taken(row):
            rows.append(row)
    return rows


def is_taken(row: Spec) -> bool:
    try:
        remarks = examine(typed(objects([row])[0], age=0, where=""))
    except Untyped:
        return False
    return all(remark.severity != "refused" for remark in remarks)


def request_to(place: tuple[str, int], dial: tuple[str, int] | None, **rest: Any) -> Request:
    return Request(host=place[0], port=place[1], dial=dial, **rest)


places = st.sampled_from(
    [
        *(
            ("reviews", 9080),
            ("ratings", 80),
            ("bare", 80),
            ("pods", 8000),
            ("accounts.bank", 80),
            ("site.example", 80),
        ),
        *(("stock", 7070), ("stock", 7000), ("stock", 443), ("a.wild.example", 443), (EGRESS_HOST, 80)),
    ]
)
doors = st.sampled_from([None, None, (INGRESS, 80), (INGRESS, 443), (INGRESS, 31400)])
ordinary = st.builds(
    request_to,
    places,
    doors,
    client=st.sampled_from(["shop/client", "bank/teller", "outside/plain"]),
    path=st.sampled_from(["/", "/a", "/a/b"]),
    scheme=st.sampled_from(["http", "http", "https", "tls", "tcp"]),
    headers=few(st.tuples(st.sampled_from(["x-a", "authorization", "origin", "cookie"]), texts)).map(tuple),
    authority=st.none() | names,
)
strange = st.builds(
    request_to,
    st.tuples(names, ports),
    doors,
    client=st.sampled_from(["shop/client", "outside/plain", "shop/reviews-v1"]),
    scheme=st.sampled_from(["http", "https", "tls", "tcp"]),
    method=st.sampled_from(["GET", "OPTIONS", "CONNECT", "get", ""]),
    path=paths,
    authority=st.none() | names | st.just(""),
    http_version=st.sampled_from(["1.1", "1.0", "2"]),
)
requests = ordinary | ordinary | strange


@settings(same_every_time, max_examples=250)
@given(given_rows(), st.lists(requests, min_size=1, max_size=5), st.sampled_from(["1.8", "1.20", "1.32"]))
def test_there_is_always_an_answer_and_always_the_same(rows: list[Spec], asked: list[Request], version: str) -> None:
    began = time.process_time()
    made = world(rows, version=version)
    again = world(rows, version=version)

    for request in asked:
        predicted = predict(made, request)

        assert sum(outcome.probability for outcome in predicted.outcomes) == 1
        assert all(outcome.probability > 0 for outcome in predicted.outcomes)
        assert predict(made, request) == predicted == predict(again, request)
    assert time.process_time() - began < 1 + len(asked)


@same_every_time
@given(st.lists(names, min_size=1, max_size=4), st.integers(0, 3))
def test_gateways_that_lead_to_each_other_come_to_an_end(hosts: list[str], number: int) -> None:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    round_trip: list[Spec] = [
        {"match": [{"gateways": [name]}], "route": [{"destination": {"host": there, "port": {"number": 80}}}]}
        for name, there in (("mesh", EGRESS_HOST), ("e", INGRESS_HOST), ("i", EGRESS_HOST))
    ]
    rows: list[Row] = [
        {"Gateway e": {"selector": {"istio": "egressgateway"}, "servers": [server]}},
        {"Gateway i": {"selector": {"istio": "ingressgateway"}, "servers": [server]}},
        {"VirtualService v": {"hosts": ["site.example", *hosts], "gateways": ["mesh", "e", "i"], "http": round_trip}},
    ]
    if number:
        round_trip.append({"route": [{"destination": {"host": hosts[0]}}]})

    assert shares(ask(rows, "http://site.example/")) == {"upstream_reset 503": Fraction(1)}
