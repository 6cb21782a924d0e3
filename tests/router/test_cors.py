"""corsPolicy (specification, section 17): each row was tried on Envoy 1.39.1."""

from __future__ import annotations

import pytest

from conformance.router.cors import Preflight, SharedResponse, answer
from conformance.router.message import Message
from conformance.router.objects.virtual_service import CorsPolicy, StringMatch
from conformance.router.versions import Version
from tests.router.lab import ask

ORIGIN = "http://a.test"
OTHER = "http://b.test"
ALLOWED = (
    StringMatch(exact=ORIGIN),
    StringMatch(prefix="https://p."),
    StringMatch(regex="http://r[0-9]"),
    StringMatch(),
)
FULL = CorsPolicy(
    allow_origins=ALLOWED,
    allow_methods=("GET", "PUT"),
    allow_headers=("x-a", "x-b"),
    expose_headers=("x-e", "x-f"),
    max_age="1m0.5s",
    allow_credentials=True,
)
BARE = CorsPolicy(allow_origins=ALLOWED, allow_credentials=False)
IGNORING = CorsPolicy(allow_origins=ALLOWED, allow_methods=("GET",), max_age="0s", unmatched_preflights="IGNORE")
FORWARDING = CorsPolicy(allow_origins=ALLOWED, unmatched_preflights="FORWARD")
STAR = CorsPolicy(allow_origins=(StringMatch(exact="*"),), allow_methods=("*",), allow_headers=("*",))
STARS = CorsPolicy(allow_origins=(StringMatch(prefix="*"),), allow_methods=("GET", "*"), allow_headers=("*", "x"))
OLD = CorsPolicy(allow_origin=(ORIGIN,))
OLD_STAR = CorsPolicy(allow_origin=("*",))
BOTH = CorsPolicy(allow_origin=(ORIGIN,), allow_origins=(StringMatch(exact=OTHER),))
NOBODY = CorsPolicy(allow_methods=("GET",))

ACAO = "access-control-allow-origin"
CREDENTIALS = ("access-control-allow-credentials", "true")
EXPOSED = ("access-control-expose-headers", "x-e,x-f")
METHODS = "access-control-allow-methods"
HEADERS = "access-control-allow-headers"
MAX_AGE = "access-control-max-age"

Pairs = tuple[tuple[str, str], ...]


def simple(origin: str | None, method: str = "GET") -> Message:
    return Message(method, "http", "h", "/", None, {} if origin is None else {"origin": (origin,)})


def preflight(origin: str | None, method: str = "PUT", headers: str | None = "x-z") -> Message:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
    sent = {name: (value,) for name, value in asked.items() if value is not None}
    return Message("OPTIONS", "http", "h", "/", None, sent)


SHARED: list[tuple[str, CorsPolicy, Message, Pairs | None]] = [
    ("an allowed origin is named", BARE, simple(ORIGIN), ((ACAO, ORIGIN),)),
    ("with all that the policy says", FULL, simple(ORIGIN), ((ACAO, ORIGIN), CREDENTIALS, EXPOSED)),
    ("an origin by prefix", BARE, simple("https://p.x"), ((ACAO, "https://p.x"),)),
    ("an origin by regex", BARE, simple("http://r1"), ((ACAO, "http://r1"),)),
    ("a regex takes the whole origin", BARE, simple("http://r12"), None),
    ("origins know cases", BARE, simple("http://A.test"), None),
    ("another origin changes nothing", FULL, simple(OTHER), None),
    ("two origins are none that is known", FULL, simple(f"{ORIGIN},{ORIGIN}"), None),
    ("no origin changes nothing", STAR, simple(None), None),
    ("an empty origin changes nothing", STAR, simple(""), None),
    ("* takes every origin and names it", STAR, simple(OTHER), ((ACAO, OTHER),)),
    ("a prefix of * does too", STARS, simple(OTHER), ((ACAO, OTHER),)),
    ("the origin * is none that is known", BARE, simple("*"), None),
    ("the old list is exact", OLD, simple(ORIGIN), ((ACAO, ORIGIN),)),
    ("the old list knows others not", OLD, simple(OTHER), None),
    ("the old list knows *", OLD_STAR, simple(OTHER), ((ACAO, OTHER),)),
    ("the new list replaces the old", BOTH, simple(ORIGIN), None),
    ("without a list nobody is allowed", NOBODY, simple(ORIGIN), None),
    ("OPTIONS alone is no preflight", BARE, simple(ORIGIN, "OPTIONS"), ((ACAO, ORIGIN),)),
    ("an empty method asked for is no preflight", BARE, preflight(ORIGIN, ""), ((ACAO, ORIGIN),)),
    ("a preflight without origin is none", FULL, preflight(None), None),
    ("a preflight from elsewhere goes on", FULL, preflight(OTHER), None),
    ("it does so where that is said", FORWARDING, preflight(OTHER), None),
    ("a preflight goes on where nobody is allowed", NOBODY, preflight(ORIGIN), None),
]


@pytest.mark.parametrize(("policy", "message", "headers"), [pytest.param(*row[1:], id=row[0]) for row in SHARED])
def test_requests_that_go_on(policy: CorsPolicy, message: Message, headers: Pairs | None) -> None:
    assert answer(policy, message, Version()) == (None if headers is None else SharedResponse(headers))


ASKED_FOR = ((ACAO, OTHER), (METHODS, "PUT"), (HEADERS, "x-z"))
EVERYTHING = ((ACAO, ORIGIN), CREDENTIALS, EXPOSED, (METHODS, "GET,PUT"), (HEADERS, "x-a,x-b"), (MAX_AGE, "60"))
PREFLIGHTS: list[tuple[str, CorsPolicy, Message, Pairs]] = [
    ("an allowed origin is answered", BARE, preflight(ORIGIN), ((ACAO, ORIGIN),)),
    ("with all that the policy says", FULL, preflight(ORIGIN), EVERYTHING),
    ("whatever the method asked for", FULL, preflight(ORIGIN, "DELETE"), EVERYTHING),
    ("a lone * is what was asked for", STAR, preflight(OTHER), ASKED_FOR),
    ("even if that is nothing", STAR, preflight(OTHER, headers=None), ((ACAO, OTHER), (METHODS, "PUT"), (HEADERS, ""))),
    ("* among others is a text", STARS, preflight(OTHER), ((ACAO, OTHER), (METHODS, "GET,*"), (HEADERS, "*,x"))),
    ("IGNORE answers others without their origin", IGNORING, preflight(OTHER), ((METHODS, "GET"), (MAX_AGE, "0"))),
    ("IGNORE answers the allowed", IGNORING, preflight(ORIGIN), ((ACAO, ORIGIN), (METHODS, "GET"), (MAX_AGE, "0"))),
]


@pytest.mark.parametrize(("policy", "message", "headers"), [pytest.param(*row[1:], id=row[0]) for row in PREFLIGHTS])
def test_preflights(policy: CorsPolicy, message: Message, headers: Pairs) -> None:
    assert answer(policy, message, Version()) == Preflight(headers, 200)


def test_ignored_credentials_are_still_said() -> None:
    policy = CorsPolicy(allow_credentials=True, unmatched_preflights="IGNORE")

    assert answer(policy, preflight(OTHER), Version()) == Preflight((CREDENTIALS,))


def test_a_regex_that_re2_does_not_know_is_an_error_with_its_field() -> None:
    policy = CorsPolicy(allow_origins=(StringMatch(regex="["),))

    with pytest.raises(ValueError, match=r"corsPolicy\.allowOrigins\.regex: missing \]: \["):
        answer(policy, simple(ORIGIN), Version())


def test_before_1_23_nothing_is_ignored() -> None:
    assert answer(IGNORING, preflight(OTHER), Version.of("1.22")) is None


def test_its_headers_replace_what_the_rule_says_of_them() -> None:
    rule = {
        "corsPolicy": {"allowOrigins": [{"exact": ORIGIN}], "exposeHeaders": ["x-e", "x-f"]},
        "headers": {"response": {"set": {EXPOSED[0]: "mine", "x-set": "1"}, "remove": [ACAO, "x-gone"]}},
        "route": [{"destination": {"host": "ratings"}}],
    }

    (outcome,) = ask(
        [{"VirtualService v": {"hosts": ["ratings"], "http": [rule]}}], f"http://ratings/ with origin={ORIGIN}"
    ).outcomes

    assert [value for name, value in outcome.response_set if name == EXPOSED[0]] == [EXPOSED[1]]
    assert (ACAO, ORIGIN) in outcome.response_set
    assert ("x-set", "1") in outcome.response_set
    assert outcome.response_removed == ("x-gone",)
