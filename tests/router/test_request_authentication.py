"""Tokens: one row for each statement of section 22 that changes an outcome. All were compared with Envoy 1.39.1."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.router.message import Message
from conformance.router.objects.metadata import LabelSelector, Metadata
from conformance.router.objects.security import (
    ClaimToHeader,
    JWTHeader,
    JWTRule,
    PolicyTargetReference,
    RequestAuthentication,
    RequestAuthenticationSpec,
)
from conformance.router.request import Token
from conformance.router.request_authentication import (
    Authenticated,
    Authentication,
    JwtRejected,
    authenticators_for,
)
from conformance.router.versions import Version

ROOT = "istio-system"
KEYS: dict[str, frozenset[str] | None] = {
    "jwks-a": frozenset({"ka"}),
    "jwks-b": frozenset({"kb"}),
    "b": frozenset({"kb"}),
    "http://down/": None,
}

BAD_FORM = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
BAD_SIGNATURE = "Jwt verification fails"
NO_SUCH_KEY = "Jwks doesn't have key to match kid or alg from Jwt"
UNKNOWN_ISSUER = "Jwt issuer is not configured"


def section(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def jwt(header: object, payload: object = None) -> str:
    return f"{section(header)}.{section(payload or {})}.c2ln"


def token(name: str, key: str = "ka", issuer: str | None = "a", **more: Any) -> Token:
    return Token(raw=f"{name}.e30.c2ln", key=key, issuer=issuer, **more)


GOOD = token("good", subject="amy", audiences=("x",))
GOOD_B = token("goodb", key="kb", issuer="b", subject="bob")
FORGED = jwt({"alg": "RS256", "kid": "ka"})
STRANGE = jwt({"alg": "RS256", "kid": "other"})
TOKENS = (
    GOOD,
    GOOD_B,
    token("forged", key="other"),
    Token(raw=FORGED, key="other", issuer="a"),
    Token(raw=STRANGE, key="other", issuer="a"),
    token("unsigned", key=""),
    token("stranger", issuer="c"),
    token("nobody", issuer=None),
    token("expired", is_expired=True),
    token("premature", is_premature=True, is_expired=True),
    token("expiredb", key="kb", issuer="b", is_expired=True),
    token("forx", audiences=("y", "x")),
    token("fory", audiences=("y",)),
    token("forgedfory", key="other", audiences=("y",)),
    token("expiredfory", audiences=("y",), is_expired=True),
    token("strangerfory", issuer="c", audiences=("y",)),
    token("forurl", audiences=("http://shop.example/",)),
    token("forgedb", key="ka", issuer="b"),
)


def text(name: str) -> str:
    return f"{name}.e30.c2ln"


def bearer(name: str) -> str:
    return f"Bearer {text(name)}"


def rule(issuer: str | None = "a", jwks: str | None = "jwks-a", **more: Any) -> JWTRule:
    return JWTRule(issuer=issuer, jwks=jwks, **more)


RULE_B = rule("b", "jwks-b")


def policy(*rules: JWTRule, namespace: str = "town", **more: Any) -> RequestAuthentication:
    age = more.pop("age", 0)
    return RequestAuthentication(Metadata("p", namespace, age=age), RequestAuthenticationSpec(jwt_rules=rules, **more))


def guard(*policies: RequestAuthentication, version: str = "1.32", **labels: str) -> Authentication:
    return authenticators_for(
        policies, namespace="town", labels={"app": "shop", **labels}, root_namespace=ROOT, version=Version.of(version)
    )


def request(target: str = "/", method: str = "GET", **headers: str | tuple[str, ...]) -> Message:
    parts = urlsplit(target)
    named = {
        name.replace("_", "-"): (values,) if isinstance(values, str) else values for name, values in headers.items()
    }
    return Message(method, "http", "shop", parts.path, parts.query if "?" in target else None, named)


def answer(rules: tuple[JWTRule, ...], message: Message, version: str = "1.32") -> str:
    """`subject` of the token that was verified, `-` for no token, or status and body of the refusal."""
    found = guard(policy(*rules), version=version).check(message, TOKENS, KEYS)
    if isinstance(found, JwtRejected):
        return f"{found.status} {found.body}"
    claims = found.claims or {}
    return str(claims.get("sub", "good")) if found.by else "-"


FROM_X = rule(from_headers=(JWTHeader("X-Token", "JWT "), JWTHeader("x-plain")))
FROM_PARAMETER = rule(from_params=("token",))
FROM_COOKIE = rule(from_cookies=("session",))


@pytest.mark.parametrize(
    ("rules", "message", "expected"),
    [
        pytest.param((), request(authorization="Bearer bad"), "-", id="without a rule nothing is looked at"),
        pytest.param((rule(),), request(), "-", id="no token passes"),
        pytest.param((rule(),), request(authorization=bearer("good")), "amy", id="Authorization is a default place"),
        pytest.param((rule(),), request(f"/?access_token={text('good')}"), "amy", id="access_token is the other"),
        pytest.param((rule(),), request("/?a=1"), "-", id="a query without it has no token"),
        pytest.param((rule(),), request(authorization="Basic Zm9v"), "-", id="Basic is no token"),
        pytest.param((rule(),), request(authorization=f"bearer {text('good')}"), "-", id="Bearer has a capital letter"),
        pytest.param(
            (rule(),), request(authorization=f"Basic x, {bearer('good')}"), "amy", id="Bearer may stand later"
        ),
        pytest.param(
            (rule(),), request(authorization=f"Bearer   {text('good')}"), "amy", id="spaces after Bearer are skipped"
        ),
        pytest.param(
            (rule(),),
            request(authorization=f"Bearer bad.{bearer('good')}"),
            f"401 {BAD_FORM}",
            id="the first Bearer counts",
        ),
        pytest.param(
            (rule(),), request(authorization="Bearer ***"), f"401 {BAD_FORM}", id="after Bearer comes a token"
        ),
        pytest.param(
            (rule(),), request(authorization=f"{bearer('good')} "), "amy", id="space at the end does not count"
        ),
        pytest.param((FROM_X,), request(authorization="Bearer bad"), "-", id="fromHeaders replaces Authorization"),
        pytest.param((FROM_X,), request("/?access_token=bad"), "-", id="fromHeaders replaces access_token"),
        pytest.param((FROM_X,), request(x_token=f"JWT {text('good')}"), "amy", id="fromHeaders with a prefix"),
        pytest.param((FROM_X,), request(x_token=text("good")), "-", id="without the prefix it is missing"),
        pytest.param((FROM_X,), request(x_token="JWT bad"), f"401 {BAD_FORM}", id="after the prefix it is checked"),
        pytest.param((FROM_X,), request(x_plain=text("good")), "amy", id="fromHeaders without a prefix"),
        pytest.param((FROM_X,), request(x_plain=""), f"401 {BAD_FORM}", id="an empty header is a bad token"),
        pytest.param(
            (FROM_X,), request(x_plain=(text("good"), "bad")), f"401 {BAD_FORM}", id="each repeated header is checked"
        ),
        pytest.param((FROM_PARAMETER,), request(f"/?token={text('good')}"), "amy", id="fromParams"),
        pytest.param(
            (FROM_PARAMETER,), request(authorization="Bearer bad"), "-", id="fromParams replaces the defaults"
        ),
        pytest.param((FROM_PARAMETER,), request("/?Token=bad"), "-", id="a parameter's name has its case"),
        pytest.param(
            (FROM_PARAMETER,), request(f"/?token={text('good')}&token=bad"), "amy", id="the first of equal names counts"
        ),
        pytest.param((FROM_PARAMETER,), request("/?token="), f"401 {BAD_FORM}", id="an empty parameter is a bad token"),
        pytest.param((FROM_COOKIE,), request(cookie=f"a=1; session={text('good')}"), "amy", id="fromCookies"),
        pytest.param((FROM_COOKIE,), request(cookie=f'session="{text("good")}"'), "amy", id="a cookie in quotes"),
        pytest.param((FROM_COOKIE,), request(cookie="a=1; session"), "-", id="a cookie without a value is none"),
        pytest.param((FROM_COOKIE,), request(), "-", id="no cookies, no token"),
        pytest.param((FROM_COOKIE,), request(cookie="session=bad"), f"401 {BAD_FORM}", id="a bad cookie"),
        pytest.param(
            (FROM_COOKIE,),
            request(cookie=("a=1", "session=bad")),
            f"401 {BAD_FORM}",
            id="a cookie in the second header",
        ),
        pytest.param((FROM_COOKIE,), request(authorization="Bearer bad"), "-", id="fromCookies replaces the defaults"),
        pytest.param((rule(),), request(authorization="Bearer bad"), f"401 {BAD_FORM}", id="a text without sections"),
        pytest.param((rule(),), request(authorization=bearer("expired")), "401 Jwt is expired", id="expired"),
        pytest.param(
            (rule(),), request(authorization=bearer("premature")), "401 Jwt not yet valid", id="premature comes first"
        ),
        pytest.param(
            (rule(),), request(authorization=bearer("stranger")), f"401 {UNKNOWN_ISSUER}", id="unknown issuer"
        ),
        pytest.param((rule(),), request(authorization=bearer("nobody")), f"401 {UNKNOWN_ISSUER}", id="no issuer"),
        pytest.param((rule(),), request(authorization=bearer("forged")), f"401 {BAD_SIGNATURE}", id="another key"),
        pytest.param(
            (rule(),), request(authorization=f"Bearer {FORGED}"), f"401 {BAD_SIGNATURE}", id="another key of that name"
        ),
        pytest.param((rule(),), request(authorization=f"Bearer {STRANGE}"), f"401 {NO_SUCH_KEY}", id="a key not there"),
        pytest.param((rule(),), request(authorization=bearer("unsigned")), f"401 {BAD_SIGNATURE}", id="the empty key"),
        pytest.param(
            (rule(None, None, jwks_uri="http://down/"),),
            request(authorization=bearer("good")),
            f"401 {BAD_SIGNATURE}",
            id="keys out of reach fit no token",
        ),
        pytest.param(
            (rule(None, None, jwks_uri="http://down/"),), request(), "-", id="keys out of reach matter to tokens only"
        ),
        pytest.param(
            (rule("d", None),),
            request(authorization=bearer("good")),
            f"401 {UNKNOWN_ISSUER}",
            id="the issuer comes first",
        ),
        pytest.param((rule("b", None),), request(authorization=bearer("goodb")), "bob", id="an issuer offers its keys"),
        pytest.param((rule(None),), request(authorization=bearer("stranger")), "good", id="no issuer means any"),
        pytest.param((rule(audiences=("x",)),), request(authorization=bearer("good")), "amy", id="the audience"),
        pytest.param(
            (rule(audiences=("x",)),), request(authorization=bearer("forx")), "good", id="one of its audiences"
        ),
        pytest.param(
            (rule(audiences=("x",)),),
            request(authorization=bearer("fory")),
            "403 Audiences in Jwt are not allowed",
            id="another audience is 403",
        ),
        pytest.param(
            (rule(audiences=("x",)),),
            request(authorization=bearer("unsigned")),
            "403 Audiences in Jwt are not allowed",
            id="no audience is 403",
        ),
        pytest.param(
            (rule(audiences=("x",)),),
            request(authorization=bearer("forgedfory")),
            "403 Audiences in Jwt are not allowed",
            id="the audience comes before the key",
        ),
        pytest.param(
            (rule(audiences=("x",)),),
            request(authorization=bearer("expiredfory")),
            "401 Jwt is expired",
            id="time comes before the audience",
        ),
        pytest.param(
            (rule(audiences=("x",)),),
            request(authorization=bearer("strangerfory")),
            f"401 {UNKNOWN_ISSUER}",
            id="the issuer comes before the audience",
        ),
        pytest.param(
            (rule(audiences=("https://shop.example",)),),
            request(authorization=bearer("forurl")),
            "good",
            id="scheme and last slash of an audience do not count",
        ),
        pytest.param(
            (rule(),),
            request("/?access_token=bad", authorization=bearer("good")),
            f"401 {BAD_FORM}",
            id="a good token does not excuse a bad one",
        ),
        pytest.param(
            (rule(),),
            request(f"/?access_token={text('good')}", authorization=bearer("forx")),
            "good",
            id="of two good tokens the header's claims count",
        ),
        pytest.param(
            (rule(),),
            request(method="OPTIONS", authorization="Bearer bad", origin="o", access_control_request_method="GET"),
            "-",
            id="preflights bypass",
        ),
        pytest.param(
            (rule(),),
            request(method="OPTIONS", authorization="Bearer bad", origin="", access_control_request_method="GET"),
            f"401 {BAD_FORM}",
            id="OPTIONS without origin is no preflight",
        ),
        pytest.param((rule(), RULE_B), request(), "-", id="of two rules none finds a token"),
        pytest.param((rule(), RULE_B), request(authorization=bearer("good")), "amy", id="the first rule is content"),
        pytest.param((rule(), RULE_B), request(authorization=bearer("goodb")), "bob", id="the second rule is content"),
        pytest.param((rule(), RULE_B), request(authorization="Bearer bad"), f"401 {BAD_FORM}", id="no rule is content"),
        pytest.param(
            (rule(), RULE_B), request(authorization=bearer("stranger")), f"401 {UNKNOWN_ISSUER}", id="all know it not"
        ),
        pytest.param(
            (rule(), RULE_B),
            request(authorization=bearer("expiredb")),
            "401 Jwt is expired",
            id="a real complaint beats an unknown issuer",
        ),
        pytest.param(
            (rule(), RULE_B),
            request(authorization=bearer("expired")),
            "401 Jwt is expired",
            id="whichever rule comes first",
        ),
        pytest.param(
            (FROM_X, rule("b", "jwks-b")),
            request(authorization=bearer("stranger")),
            f"401 {UNKNOWN_ISSUER}",
            id="an unknown issuer beats a token that is not found",
        ),
        pytest.param(
            (rule(), RULE_B),
            request(authorization=bearer("forgedb")),
            f"401 {BAD_SIGNATURE}",
            id="a key of the other rule does not help",
        ),
        pytest.param(
            (rule(), RULE_B),
            request(f"/?access_token={text('goodb')}", authorization=bearer("good")),
            "amy",
            id="each rule takes its own token out, until none is left",
        ),
        pytest.param(
            (FROM_X, rule("b", "jwks-b", from_params=("t",))),
            request("/?t=bad", x_plain=text("good")),
            "amy",
            id="a contented rule excuses what others find",
        ),
        pytest.param(
            (FROM_X, rule("b", "jwks-b", from_params=("t",))),
            request("/?t=bad", x_plain=text("expired")),
            "401 Jwt is expired",
            id="of real complaints the first by issuer is told",
        ),
        pytest.param(
            (FROM_X, rule("b", "jwks-b", from_params=("t",))),
            request("/?t=bad"),
            f"401 {BAD_FORM}",
            id="a rule that finds none is no excuse",
        ),
        pytest.param(
            (rule("b", "jwks-b", from_params=("t",)), FROM_X),
            request("/?t=bad", x_plain=text("expired")),
            "401 Jwt is expired",
            id="the order of rules in the policy does not matter",
        ),
    ],
)
def test_a_request_passes_or_is_refused(rules: tuple[JWTRule, ...], message: Message, expected: str) -> None:
    assert answer(rules, message) == expected


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        pytest.param("", BAD_FORM, id="nothing"),
        pytest.param("a.b", BAD_FORM, id="two sections"),
        pytest.param("a.b.c.d", BAD_FORM, id="four sections"),
        pytest.param("a.b.", BAD_FORM, id="an empty section"),
        pytest.param("a.b.c", "Jwt header is an invalid Base64url encoded", id="a header that is no base64"),
        pytest.param("e3=0.e30.aaaa", "Jwt header is an invalid Base64url encoded", id="wrong padding"),
        pytest.param("e3=.e30.aaaa", "Jwt header is an invalid Base64url encoded", id="half the padding"),
        pytest.param("aaaa.bbbb.cccc", "Jwt header is an invalid JSON", id="a header that is no JSON"),
        pytest.param("WzFd.e30.aaaa", "Jwt header is an invalid JSON", id="a header that is no object"),
        pytest.param("e30.e30.aaaa", "Jwt header [alg] field is required and must be a string", id="no algorithm"),
        pytest.param(jwt({"alg": "none"}), "Jwt header [alg] is not supported", id="the algorithm none"),
        pytest.param(
            f"{section({'alg': 'RS256'})}.a.aaaa", "Jwt payload is an invalid Base64url encoded", id="payload"
        ),
        pytest.param(f"{section({'alg': 'RS256'})}.aaaa.aaaa", "Jwt payload is an invalid JSON", id="payload no JSON"),
        pytest.param(
            f"{section({'alg': 'RS256'})}.e30.a", "Jwt signature is an invalid Base64url encoded", id="signature"
        ),
        pytest.param(jwt({"alg": "RS256"}), None, id="a real token that nobody described"),
        pytest.param(f"{section({'alg': 'RS256'})}.e30=.aaaa", None, id="right padding"),
        pytest.param(f"{section({'alg': 'RS256'})}.e 30.aaaa", None, id="a space within"),
    ],
)
def test_a_text_that_is_no_token_is_refused_with_the_flaw_that_envoy_sees_first(raw: str, body: str | None) -> None:
    found = guard(policy(FROM_PARAMETER)).check(request(f"/?token={raw}"), (), KEYS)

    assert isinstance(found, JwtRejected)
    assert (found.status, found.body) == (401, body)


@pytest.mark.parametrize(
    ("target", "left"),
    [
        pytest.param("/p?access_token=T", "/p", id="alone"),
        pytest.param("/p?b=2&access_token=T&a=1&b=1", "/p?a=1&b=2&b=1", id="the rest is sorted by name"),
        pytest.param("/p?flag&access_token=T", "/p?flag=", id="a name alone gets an equals sign"),
        pytest.param("/p?z=%2Fd%41+x&access_token=T", "/p?z=/dA+x", id="the rest is decoded"),
        pytest.param("/p?z=100%&access_token=T", "/p?z=100%", id="what is no code stays"),
        pytest.param("/p?&access_token=T&", "/p?=", id="nothing between two signs is a name, at the end it is not"),
        pytest.param("/p?access%5Ftoken=T", "/p", id="its name may be encoded"),
        pytest.param("/p?access_token=T&access_token=x", "/p", id="all of its name go"),
    ],
)
def test_a_good_token_is_taken_out_of_the_query(target: str, left: str) -> None:
    found = guard(policy(rule())).check(request(target.replace("T", text("good"))), TOKENS, KEYS)

    assert isinstance(found, Authenticated)
    assert found.message.target == left


def passed(rules: tuple[JWTRule, ...], message: Message, *tokens: Token) -> Authenticated:
    found = guard(policy(*rules)).check(message, (*TOKENS, *tokens), KEYS)
    assert isinstance(found, Authenticated)
    return found


def test_a_good_token_is_taken_out_of_its_header() -> None:
    found = passed((rule(),), request(authorization=bearer("good"), accept="*/*"))

    assert found.removed_headers == ("authorization",)
    assert found.message.headers == {"accept": ("*/*",)}


def test_a_cookie_stays() -> None:
    message = request(cookie=f"session={text('good')}")

    assert passed((FROM_COOKIE,), message).message.headers == message.headers


def test_without_a_token_no_rule_is_named() -> None:
    found = passed((rule(),), request(authorization="Basic Zm9v"))

    assert (found.by, found.field) == (None, "")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(request(authorization=bearer("good")), id="header"),
        pytest.param(request(f"/?b=1&access_token={text('good')}&a=2"), id="query"),
    ],
)
def test_forward_original_token_leaves_everything(message: Message) -> None:
    found = passed((rule(forward_original_token=True),), message)

    assert (found.message.target, found.message.headers) == (message.target, message.headers)
    assert found.removed_headers == ()


def test_the_claims_and_the_principal_are_those_of_the_token() -> None:
    found = passed((rule(),), request(authorization=bearer("good")))

    assert found.claims == {"iss": "a", "sub": "amy", "aud": "x"}
    assert found.principal == "a/amy"
    assert (str(found.by), found.field) == ("RequestAuthentication town/p", "spec.jwtRules[0]")


def test_without_a_subject_there_is_no_principal() -> None:
    found = passed((rule(),), request(authorization=bearer("forx")))

    assert found.claims == {"iss": "a", "aud": ["y", "x"]}
    assert found.principal is None


def test_claims_of_another_proxy_do_not_travel() -> None:
    found = guard().check(replace(request(), claims={"sub": "root"}), (), KEYS)

    assert isinstance(found, Authenticated)
    assert found.claims is None
    assert found.principal is None


def test_scope_and_permission_become_lists() -> None:
    scoped = token("scoped", claims={"scope": " read  write", "permission": ["all"], "words": "a b"})

    claims = passed((rule(),), request(authorization=bearer("scoped")), scoped).claims or {}

    assert (claims["scope"], claims["permission"], claims["words"]) == (["read", "write"], ["all"], "a b")


CLAIMS = {
    "text": "x y",
    "scope": "r w",
    "count": 5,
    "zero": 0,
    "below": -5,
    "part": 1.5,
    "yes": True,
    "no": False,
    "list": ["p", "q"],
    "mixed": ["p", 1],
    "nest": {"in": {"deep": "v"}},
    "empty": "",
    "null": None,
    "a.b": "dotted",
}


@pytest.mark.parametrize(
    ("claim", "added"),
    [
        pytest.param("text", ("x y",), id="text"),
        pytest.param("scope", ("r w",), id="scope as it was written"),
        pytest.param("count", ("5",), id="a number"),
        pytest.param("zero", ("0",), id="zero"),
        pytest.param("below", ("-5.000000",), id="a negative number is written as a fraction"),
        pytest.param("part", ("1.500000",), id="a fraction"),
        pytest.param("yes", ("true",), id="true"),
        pytest.param("no", ("false",), id="false"),
        pytest.param("list", ("WyJwIiwicSJd",), id="a list of texts in base64"),
        pytest.param("mixed", (None,), id="another list, its text not told"),
        pytest.param("nest", (None,), id="an object, its text not told"),
        pytest.param("nest.in.deep", ("v",), id="dots lead inside"),
        pytest.param("nest.in.deep.er", (), id="not into a text"),
        pytest.param("nest.none", (), id="not to nothing"),
        pytest.param("a.b", (), id="a claim with a dot in its name cannot be named"),
        pytest.param("none", (), id="no claim, no header"),
        pytest.param("empty", (), id="an empty claim, no header"),
        pytest.param("null", (), id="null, no header"),
        pytest.param("iss", ("a",), id="the issuer"),
    ],
)
def test_claims_go_to_headers(claim: str, added: tuple[str | None, ...]) -> None:
    rules = (rule(output_claim_to_headers=(ClaimToHeader("X-Claim", claim),)),)

    found = passed(rules, request(authorization=bearer("rich")), token("rich", claims=CLAIMS))

    assert found.added_headers == tuple(("x-claim", value) for value in added)
    assert found.message.headers.get("x-claim", ()) == tuple(value or "" for value in added)


@pytest.mark.parametrize(
    ("raw", "payload"),
    [pytest.param("h.eyJ9.s", "eyJ9", id="as it stands"), pytest.param("opaque", None, id="not of what is no token")],
)
def test_the_payload_goes_to_a_header(raw: str, payload: str | None) -> None:
    rules = (rule(output_payload_to_header="X-Payload"),)

    found = passed(rules, request(authorization=f"Bearer {raw}"), Token(raw, "ka", "a"))

    assert found.added_headers == (("x-payload", payload),)


def test_the_header_of_payloads_is_taken_from_a_client_without_a_token() -> None:
    found = passed((rule(output_payload_to_header="X-Payload"),), request(x_payload="e30"))

    assert (found.message.headers, found.removed_headers) == ({}, ("x-payload",))


OUTPUT = rule(output_claim_to_headers=(ClaimToHeader("x-sub", "sub"),))
OUTPUT_B = rule("b", "jwks-b", from_params=("t",), output_claim_to_headers=(ClaimToHeader("x-sub-b", "sub"),))


@pytest.mark.parametrize(
    ("rules", "message", "values"),
    [
        pytest.param((OUTPUT,), request(x_sub="me"), (), id="a client does not say it itself"),
        pytest.param((OUTPUT,), request(x_sub="me", authorization=bearer("good")), ("amy",), id="it is overwritten"),
        pytest.param(
            (OUTPUT,),
            request(x_sub="me", method="OPTIONS", origin="o", access_control_request_method="GET"),
            ("me",),
            id="except in a preflight",
        ),
        pytest.param(
            (OUTPUT,),
            request(f"/?access_token={text('good')}", authorization=bearer("good")),
            ("amy", "amy"),
            id="two tokens write it twice",
        ),
    ],
)
def test_a_header_of_claims_holds_what_the_token_says(
    rules: tuple[JWTRule, ...], message: Message, values: tuple[str, ...]
) -> None:
    assert passed(rules, message).message.headers.get("x-sub", ()) == values


def test_a_contented_rule_leaves_the_headers_of_later_rules_to_the_client() -> None:
    found = passed((rule(), OUTPUT_B), request(authorization=bearer("good"), x_sub_b="me"))

    assert found.message.headers == {"x-sub-b": ("me",)}


def test_what_a_failed_rule_wrote_is_gone_when_the_next_one_writes_it() -> None:
    first = rule(output_claim_to_headers=(ClaimToHeader("x-sub", "sub"),))
    second = rule("b", "jwks-b", output_claim_to_headers=(ClaimToHeader("x-sub", "sub"),))

    found = passed((first, second), request(f"/?access_token={text('good')}", authorization=bearer("goodb")))

    assert found.added_headers == (("x-sub", "bob"),)
    assert found.removed_headers == ("x-sub", "authorization")


@pytest.mark.parametrize(
    ("message", "realm"),
    [
        pytest.param(request("/a?b=1"), "http://shop/a?b=1", id="the address with its query"),
        pytest.param(request("/" + "a" * 300), "http://shop/" + "a" * 255, id="256 characters of the path"),
        pytest.param(request("/new", x_envoy_original_path="/old"), "http://shop/old", id="before a rewrite"),
        pytest.param(replace(request(), authority="Shop:81"), "http://Shop:81/", id="the host as it was sent"),
    ],
)
def test_the_refusal_names_the_realm(message: Message, realm: str) -> None:
    message = replace(message, headers={**message.headers, "authorization": ("Bearer bad",)})

    found = guard(policy(RULE_B, rule())).check(message, (), KEYS)

    assert isinstance(found, JwtRejected)
    assert found.www_authenticate == f'Bearer realm="{realm}", error="invalid_token"'
    assert (str(found.by), found.field) == ("RequestAuthentication town/p", "spec.jwtRules[1]")


def test_of_rules_that_know_an_issuer_equally_little_the_first_refuses() -> None:
    found = guard(policy(rule(), RULE_B)).check(request(authorization=bearer("stranger")), TOKENS, KEYS)

    assert isinstance(found, JwtRejected)
    assert found.field == "spec.jwtRules[0]"


GATEWAY = PolicyTargetReference("gateway.networking.k8s.io", "Gateway", "edge")


@pytest.mark.parametrize(
    ("chosen", "labels", "speaks"),
    [
        pytest.param(policy(rule()), {}, True, id="of the namespace"),
        pytest.param(policy(rule(), namespace=ROOT), {}, True, id="of the root namespace"),
        pytest.param(policy(rule(), namespace="sea"), {}, False, id="not of another namespace"),
        pytest.param(policy(rule(), selector=LabelSelector({"app": "shop"})), {}, True, id="with fitting labels"),
        pytest.param(policy(rule(), selector=LabelSelector({})), {}, True, id="with an empty selector"),
        pytest.param(policy(rule(), selector=LabelSelector({"app": "inn"})), {}, False, id="not with others"),
        pytest.param(
            policy(rule(), namespace=ROOT, selector=LabelSelector({"app": "shop"})),
            {},
            True,
            id="of the root namespace with fitting labels",
        ),
        pytest.param(policy(rule(), target_refs=(GATEWAY,)), {}, False, id="not to a workload that is no target"),
        pytest.param(policy(rule(), target_ref=GATEWAY), {}, False, id="nor by the older field"),
        pytest.param(
            policy(rule(), target_refs=(GATEWAY,)),
            {"gateway.networking.k8s.io/gateway-name": "edge"},
            True,
            id="to the Gateway that is its target",
        ),
        pytest.param(
            policy(rule(), target_refs=(replace(GATEWAY, namespace="town"),)),
            {"gateway.networking.k8s.io/gateway-name": "edge"},
            True,
            id="also where its namespace is named",
        ),
        pytest.param(
            policy(rule(), target_refs=(replace(GATEWAY, name="side"),)),
            {"gateway.networking.k8s.io/gateway-name": "edge"},
            False,
            id="not to another Gateway",
        ),
        pytest.param(
            policy(rule(), target_refs=(replace(GATEWAY, namespace="sea"),)),
            {"gateway.networking.k8s.io/gateway-name": "edge"},
            False,
            id="not into another namespace",
        ),
        pytest.param(
            policy(rule(), namespace=ROOT, target_refs=(GATEWAY,)),
            {"gateway.networking.k8s.io/gateway-name": "edge"},
            False,
            id="not from the root namespace",
        ),
    ],
)
def test_a_policy_speaks_to_what_it_selects(
    chosen: RequestAuthentication, labels: dict[str, str], *, speaks: bool
) -> None:
    found = guard(chosen, **labels).check(request(authorization="Bearer bad"), (), KEYS)

    assert isinstance(found, JwtRejected) is speaks


def test_the_rules_of_all_policies_count_together() -> None:
    both = guard(policy(rule(), age=2), policy(RULE_B, rule(), namespace=ROOT, age=1))

    homes = [(provider.issuer, provider.by.namespace) for provider in both.providers]
    assert homes == [("a", "town"), ("a", ROOT), ("b", ROOT)]
    for good in ("good", "goodb"):
        assert isinstance(both.check(request(authorization=bearer(good)), TOKENS, KEYS), Authenticated)


@pytest.mark.parametrize(
    ("version", "message", "expected"),
    [
        pytest.param("1.20", request(cookie="session=bad"), "-", id="before 1.21 nothing is read from cookies"),
        pytest.param(
            "1.20", request(authorization="Bearer bad"), f"401 {BAD_FORM}", id="before 1.21 the defaults stay instead"
        ),
        pytest.param("1.21", request(cookie="session=bad"), f"401 {BAD_FORM}", id="since 1.21 cookies are read"),
        pytest.param(
            "1.13",
            request(method="OPTIONS", authorization="Bearer bad", origin="o", access_control_request_method="GET"),
            f"401 {BAD_FORM}",
            id="before 1.14 preflights are checked",
        ),
    ],
)
def test_versions_differ(version: str, message: Message, expected: str) -> None:
    assert answer((FROM_COOKIE,), message, version) == expected
