"""Header operations and the Host that goes upstream (specification, sections 13.3 and 13.4), as Envoy 1.39.1 does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from conformance.router.header_operations import Changes, Operations, compile_operations
from conformance.router.objects.virtual_service import (
    Destination,
    HeaderOperations,
    Headers,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
)
from conformance.router.request import Headers as Sent
from conformance.router.versions import Version

Texts = Mapping[str, str]

NOTHING = HeaderOperations()


def ops(
    set: Texts | None = None,  # noqa: A002 - the API's own word
    add: Texts | None = None,
    remove: tuple[str, ...] = (),
) -> HeaderOperations:
    return HeaderOperations(set or {}, add or {}, remove)


def member(request: HeaderOperations = NOTHING, response: HeaderOperations = NOTHING) -> HTTPRouteDestination:
    return HTTPRouteDestination(Destination("h"), headers=Headers(request, response))


def compiled(rule: HeaderOperations, own: HeaderOperations, members: int, *, of_response: bool = False) -> Changes:
    headers = Headers(response=rule) if of_response else Headers(request=rule)
    destination = member(response=own) if of_response else member(request=own)
    operations = compile_operations(HTTPRoute(headers=headers, route=(destination,) * members), destination)
    return operations.response if of_response else operations.request


# The rule's operations; the values of x (and whatever else) that the client sends, and what arrives.
RULES = [
    ("set sets", ops(set={"x": "s"}), {}, {"x": ("s",)}),
    ("set overwrites", ops(set={"x": "s"}), {"x": ("c", "d")}, {"x": ("s",)}),
    ("add adds", ops(add={"x": "a"}), {}, {"x": ("a",)}),
    ("add leaves the client's value", ops(add={"x": "a"}), {"x": ("c",)}, {"x": ("c", "a")}),
    ("remove removes", ops(remove=("X",)), {"x": ("c", "d"), "y": ("1",)}, {"y": ("1",)}),
    ("remove goes before set", ops(set={"x": "s"}, remove=("x",)), {"x": ("c",)}, {"x": ("s",)}),
    ("remove goes before add", ops(add={"x": "a"}, remove=("x",)), {"x": ("c",)}, {"x": ("a",)}),
    ("set goes before add", ops(set={"x": "s"}, add={"x": "a"}), {"x": ("c",)}, {"x": ("s", "a")}),
    ("names become lower case", ops(set={"X-A": "s"}), {}, {"x-a": ("s",)}),
    ("of two spellings the lower case wins", ops(set={"x": "1", "X": "2"}), {}, {"x": ("1",)}),
    ("two spellings are added in order", ops(add={"x": "1", "X": "2"}), {}, {"x": ("2", "1")}),
    ("an empty value sets nothing", ops(set={"x": ""}), {"x": ("c",)}, {"x": ("c",)}),
    ("an empty value adds nothing", ops(add={"x": ""}), {}, {}),
    ("spaces stay", ops(set={"x": " s "}), {}, {"x": (" s ",)}),
    ("%% is a percent sign", ops(set={"x": "100%%"}), {}, {"x": ("100%",)}),
    ("escaped signs make no variable", ops(set={"x": "%%A%%"}), {}, {"x": ("%A%",)}),
    ("headers that Envoy knows are joined", ops(add={"Via": "a"}), {"via": ("c",)}, {"via": ("c,a",)}),
    ("an empty value joins nothing", ops(add={"Via": "a"}), {"via": ("",)}, {"via": ("a",)}),
    ("cookies are not", ops(add={"cookie": "a"}), {"cookie": ("c",)}, {"cookie": ("c", "a")}),
    ("Host is no header", ops(set={"Host": "h", ":authority": "h"}, remove=("host", ":path")), {}, {}),
    ("no operations leave everything", NOTHING, {"x": ("c",)}, {"x": ("c",)}),
]


@pytest.mark.parametrize(("rule", "sent", "arrived"), [pytest.param(*row[1:], id=row[0]) for row in RULES])
def test_rules(
    rule: HeaderOperations, sent: Mapping[str, tuple[str, ...]], arrived: Mapping[str, tuple[str, ...]]
) -> None:
    before = dict(sent)

    assert compiled(rule, NOTHING, 1).apply(sent) == arrived
    assert sent == before


R, D, SET, ADD, GONE = "rule", "destination", {"x": "rule"}, {"x": "destination"}, ("x",)
# The rule's, the destination's; what x of a client that sends "c" becomes with one destination, and with several.
ORDERS: list[tuple[str, HeaderOperations, HeaderOperations, tuple[str, ...], tuple[str, ...]]] = [
    ("both set", ops(set=SET), ops(set=ADD), (D,), (R,)),
    ("both add", ops(add=SET), ops(add=ADD), ("c", R, D), ("c", D, R)),
    ("rule sets, destination adds", ops(set=SET), ops(add=ADD), (R, D), (R,)),
    ("rule adds, destination sets", ops(add=SET), ops(set=ADD), (D, R), (D, R)),
    ("rule removes, destination sets", ops(remove=GONE), ops(set=ADD), (D,), ()),
    ("rule removes, destination adds", ops(remove=GONE), ops(add=ADD), (D,), ()),
    ("rule sets, destination removes", ops(set=SET), ops(remove=GONE), (R,), (R,)),
    ("rule adds, destination removes", ops(add=SET), ops(remove=GONE), (R,), (R,)),
    ("only the destination sets", NOTHING, ops(set=ADD), (D,), (D,)),
]


@pytest.mark.parametrize("row", ORDERS, ids=[row[0] for row in ORDERS])
def test_rule_and_destination(
    row: tuple[str, HeaderOperations, HeaderOperations, tuple[str, ...], tuple[str, ...]],
) -> None:
    _, rule, own, with_one, with_several = row

    for of_response in (False, True):
        one = compiled(rule, own, 1, of_response=of_response).apply({"x": ("c",)})
        several = compiled(rule, own, 2, of_response=of_response).apply({"x": ("c",)})
        assert (one.get("x", ()), several.get("x", ())) == (with_one, with_several)


# What is sure of an answer or request in the end: set, added, removed, unknown.
SURE: list[tuple[str, HeaderOperations, Sent, Sent, tuple[str, ...], set[str]]] = [
    ("set", ops(set={"X": "s"}), (("x", "s"),), (), (), set()),
    ("add", ops(add={"x": "a"}), (), (("x", "a"),), (), set()),
    ("remove", ops(remove=("X",)), (), (), ("x",), set()),
    ("set and add", ops(set={"x": "s"}, add={"x": "a"}), (("x", "s"), ("x", "a")), (), (), set()),
    ("set and add of what Envoy joins", ops({"via": "s"}, {"via": "a"}), (("via", "s,a"),), (), (), set()),
    ("remove and set", ops(set={"x": "s"}, remove=("x",)), (("x", "s"),), (), (), set()),
    ("remove and add", ops(add={"x": "a"}, remove=("x",)), (("x", "a"),), (), (), set()),
    ("a variable", ops(set={"x": "%PROTOCOL%"}), (), (), (), {"x"}),
    ("a variable in a text", ops(set={"x": "a-%REQ(y)%-b"}), (), (), (), {"x"}),
    ("an added variable", ops(set={"x": "s"}, add={"x": "%REQ(y)%"}), (), (), (), {"x"}),
    ("an escaped sign", ops(set={"x": "50%%"}), (("x", "50%"),), (), (), set()),
    ("nothing", NOTHING, (), (), (), set()),
]


@pytest.mark.parametrize("row", SURE, ids=[row[0] for row in SURE])
def test_what_is_sure(row: tuple[str, HeaderOperations, Sent, Sent, tuple[str, ...], set[str]]) -> None:
    _, rule, all_set, added, removed, unknown = row

    for of_response in (False, True):
        changes = compiled(rule, NOTHING, 1, of_response=of_response)
        assert (changes.set_headers, changes.added_headers, changes.removed_headers) == (all_set, added, removed)
        assert changes.unknown == unknown


def test_a_variable_that_may_be_empty_keeps_open_what_was_there() -> None:
    changes = compiled(ops(set={"x": "rule"}), ops(set={"x": "%REQ(y)%"}), 1)

    assert not changes.set_headers
    assert changes.unknown == {"x"}
    assert changes.apply({}) == {"x": ("%REQ(y)%",)}


def test_a_value_behind_a_variable_is_sure_again() -> None:
    changes = compiled(ops(set={"x": "rule"}), ops(set={"x": "%REQ(y)%"}), 2)

    assert changes.set_headers == (("x", "rule"),)
    assert not changes.unknown


UPSTREAM_TIME = "x-envoy-upstream-service-time"
RESPONSES: list[tuple[str, HeaderOperations, Sent, tuple[str, ...]]] = [
    ("server cannot be set", ops(set={"Server": "me"}), (), ()),
    ("server cannot be added", ops(add={"server": "me"}), (), ()),
    ("server cannot be removed", ops(remove=("Server",)), (), ()),
    ("date can be set", ops(set={"date": "D"}), (("date", "D"),), ()),
    ("date cannot be removed", ops(remove=("date",)), (), ()),
    ("connection cannot be set", ops(set={"connection": "close"}), (), ()),
    ("pseudo-headers cannot be set", ops(set={":status": "500", "host": "h"}), (), ()),
    ("others can be removed", ops(remove=("X-Envoy-Upstream-Service-Time",)), (), (UPSTREAM_TIME,)),
]


@pytest.mark.parametrize(("rule", "all_set", "removed"), [pytest.param(*row[1:], id=row[0]) for row in RESPONSES])
def test_responses(rule: HeaderOperations, all_set: Sent, removed: tuple[str, ...]) -> None:
    changes = compiled(rule, NOTHING, 1, of_response=True)

    assert (changes.set_headers, changes.added_headers, changes.removed_headers) == (all_set, (), removed)


def test_requests_and_responses_join_different_headers() -> None:
    rule = ops(set={"location": "s", "accept": "s"}, add={"location": "a", "accept": "a"})

    assert compiled(rule, NOTHING, 1).apply({}) == {"location": ("s", "a"), "accept": ("s,a",)}
    assert compiled(rule, NOTHING, 1, of_response=True).apply({}) == {"location": ("s,a",), "accept": ("s", "a")}


def test_a_request_may_lose_its_date() -> None:
    assert compiled(ops(remove=("date",)), NOTHING, 1).removed_headers == ("date",)


def test_no_headers_at_all() -> None:
    assert compile_operations(HTTPRoute(), None) == Operations()
    assert compile_operations(HTTPRoute(), HTTPRouteDestination(Destination("h"))) == Operations()


HOST = ops(set={"Host": "rule"})
OWN = ops(set={":authority": "own"})
BY_REWRITE = HTTPRewrite(authority="rewrite")
# Rule, rewrite, destination, number of destinations; Host upstream and X-Envoy-Original-Host.
AUTHORITIES: list[tuple[str, HeaderOperations, HTTPRewrite | None, HeaderOperations, int, str, str | None]] = [
    ("nothing keeps it", NOTHING, None, NOTHING, 1, "sent", None),
    ("a rewrite changes it", NOTHING, BY_REWRITE, NOTHING, 1, "rewrite", "sent"),
    ("a rewrite of the path does not", NOTHING, HTTPRewrite(uri="/x"), NOTHING, 1, "sent", None),
    ("the rule's Host changes it", HOST, None, NOTHING, 1, "rule", "sent"),
    ("the rule's added Host too", ops(add={":Authority": "rule"}), None, NOTHING, 1, "rule", "sent"),
    ("set goes before add", ops(add={"host": "add"}, set={"host": "set"}), None, NOTHING, 1, "set", "sent"),
    ("an empty Host does not", ops(set={"host": ""}), None, NOTHING, 1, "sent", None),
    ("percent signs stay", ops(set={"host": "a%%b"}), None, NOTHING, 1, "a%%b", "sent"),
    ("a rewrite beats the rule's Host", HOST, BY_REWRITE, NOTHING, 1, "rewrite", "sent"),
    ("the destination's Host changes it", NOTHING, None, OWN, 1, "own", "sent"),
    ("the rule's Host beats the destination's", HOST, None, OWN, 1, "rule", "sent"),
    ("a rewrite beats the destination's Host", NOTHING, BY_REWRITE, OWN, 1, "rewrite", "sent"),
    ("one of several leaves no trace", NOTHING, None, OWN, 2, "own", None),
    ("the rule's goes over it", HOST, None, OWN, 2, "rule", "own"),
    ("the rule's alone", HOST, None, NOTHING, 2, "rule", "sent"),
    ("several keep it", NOTHING, None, NOTHING, 2, "sent", None),
]


@pytest.mark.parametrize("row", AUTHORITIES, ids=[row[0] for row in AUTHORITIES])
def test_authorities(
    row: tuple[str, HeaderOperations, HTTPRewrite | None, HeaderOperations, int, str, str | None],
) -> None:
    _, rule, rewrite, own, members, host, original = row
    route = HTTPRoute(headers=Headers(rule), rewrite=rewrite, route=(member(own),) * members)

    assert compile_operations(route, member(own)).authority("sent") == (host, original)


def test_before_1_21_a_destination_has_no_say_about_the_host() -> None:
    operations = compile_operations(HTTPRoute(route=(member(OWN),)), member(OWN), Version.of("1.20"))

    assert operations.authority("sent") == ("sent", None)
