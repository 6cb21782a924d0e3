"""Answers without an upstream (specification, section 13.2): each row was tried on Envoy 1.39.1."""

from __future__ import annotations

import pytest

from conformance.router.direct_responses import DirectAnswer, direct_response
from conformance.router.header_operations import Changes, compile_operations
from conformance.router.message import Message
from conformance.router.objects.virtual_service import (
    HeaderOperations,
    Headers,
    HTTPBody,
    HTTPDirectResponse,
    HTTPRoute,
)
from conformance.router.request import Headers as Sent

PLAIN = ("content-type", "text/plain")
HERE = ("location", "http://h:81/p?q")


def message(method: str = "GET") -> Message:
    return Message(method, "http", "h:81", "/p", "q")


def changes(**operations: object) -> Changes:
    headers = Headers(response=HeaderOperations(**operations))  # type: ignore[arg-type]
    return compile_operations(HTTPRoute(headers=headers), None).response


def text(body: str) -> HTTPBody:
    return HTTPBody(string=body)


ANSWERS: list[tuple[str, int, HTTPBody | None, str, Sent]] = [
    ("a body is plain text", 200, text("hi"), "hi", (PLAIN,)),
    ("without a body there is no type", 404, None, "", ()),
    ("an empty body is none", 503, text(""), "", ()),
    ("a body is not looked into", 200, text("100%% %X%"), "100%% %X%", (PLAIN,)),
    ("bytes are base64", 200, HTTPBody(bytes="aGk="), "hi", (PLAIN,)),
    ("bytes may be written for URLs and unpadded", 200, HTTPBody(bytes="Pz8_fn5-"), "???~~~", (PLAIN,)),
    ("bytes that are no text are told as what replaces them", 200, HTTPBody(bytes="aP8="), "h\ufffd", (PLAIN,)),
    ("bytes need no padding", 200, HTTPBody(bytes="aGk"), "hi", (PLAIN,)),
    ("201 gains the request's own location", 201, text("x"), "x", (HERE, PLAIN)),
    ("so does 300", 300, None, "", (HERE,)),
    ("so does 302", 302, None, "", (HERE,)),
    ("400 has none", 400, None, "", ()),
    ("204 has no body", 204, text("b"), "", (PLAIN,)),
    ("304 has a location and no body", 304, text("b"), "", (HERE, PLAIN)),
    ("599 is the last", 599, text("b"), "b", (PLAIN,)),
]


@pytest.mark.parametrize(("status", "body", "sent", "headers"), [pytest.param(*row[1:], id=row[0]) for row in ANSWERS])
def test_answers(status: int, body: HTTPBody | None, sent: str, headers: Sent) -> None:
    answer = direct_response(HTTPDirectResponse(status, body), message(), Changes())

    assert answer == DirectAnswer(status, sent, headers)


JSON = {"content-type": "application/json"}
OPERATIONS: list[tuple[str, Changes, int, str, Sent]] = [
    ("a type that is set stays", changes(set=JSON), 200, "{}", (("content-type", "application/json"),)),
    ("a type that is added is the only one", changes(add=JSON), 200, "{}", (("content-type", "application/json"),)),
    ("a type that is removed comes back", changes(remove=("content-type",)), 200, "{}", (PLAIN,)),
    ("without a body a type goes", changes(set=JSON), 200, "", ()),
    ("other headers are set", changes(set={"x": "1"}), 200, "", (("x", "1"),)),
    ("a location that is set is the only one", changes(set={"location": "/l"}), 302, "", (("location", "/l"),)),
    ("a location can be removed", changes(remove=("location",)), 302, "", ()),
    ("what Envoy fills in is left out", changes(set={"x": "%PROTOCOL%"}), 200, "", ()),
]


@pytest.mark.parametrize(
    ("made", "status", "body", "headers"), [pytest.param(*row[1:], id=row[0]) for row in OPERATIONS]
)
def test_operations_come_before_the_type(made: Changes, status: int, body: str, headers: Sent) -> None:
    answer = direct_response(HTTPDirectResponse(status, text(body)), message(), made)

    assert answer == DirectAnswer(status, body, headers)


def test_head_has_no_body() -> None:
    answer = direct_response(HTTPDirectResponse(200, text("hi")), message("HEAD"), Changes())

    assert answer == DirectAnswer(200, "", (PLAIN,))
