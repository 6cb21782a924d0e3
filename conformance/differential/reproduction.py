"""A disagreement as a scenario file that a person can read, with what both voices said of it as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from conformance.differential.arena import INTERNET
from conformance.differential.sending import url
from conformance.differential.tally import Disagreement
from conformance.judgement.expectation import NOBODY, NONE
from conformance.judgement.history import ANSWERED_BY, Exchange, values_of
from conformance.language.requests import Request as PlannedRequest
from conformance.router.request import Request

_REFUSALS = ("connection", "reset", "tls", "name")


def write(folder: Path, number: int, disagreement: Disagreement) -> Path:
    """The file, named by the decision it is about."""
    folder.mkdir(parents=True, exist_ok=True)
    words = re.sub(r"[^a-z0-9]+", "-", disagreement.concept.lower()).strip("-")
    path = folder / f"{number:02}-{words}.yaml"
    path.write_text(text_of(disagreement, f"differential/{words}-{number}"))
    return path


def text_of(disagreement: Disagreement, identity: str) -> str:
    comments = "".join(f"# {line}".rstrip() + "\n" for line in _comments(disagreement))
    document = yaml.safe_dump(_scenario(disagreement, identity), sort_keys=False, width=110, allow_unicode=True)
    return f"{comments}{document}"


def _comments(disagreement: Disagreement) -> Iterator[str]:
    config = disagreement.config
    yield f"{disagreement.concept}: {disagreement.summary}"
    yield f"Found in configuration {config.name} (seed-number) and shrunk; the file expects what the mesh did."
    for difference in disagreement.differences:
        yield f"- {difference}"
    yield "The router decided:"
    for step in disagreement.trace:
        yield f"  {step}"
        for rejected in step.rejected:
            yield f"    not {rejected}"
    if disagreement.exchange is not None:
        yield "The mesh did:"
        yield from (f"  {line}" for line in observed(disagreement.exchange))


def observed(exchange: Exchange) -> Iterator[str]:
    """Both ends of what happened."""
    if exchange.answer is not None:
        headers = ", ".join(f"{name}: {value}" for name, value in exchange.answer.headers)
        yield f"{exchange.answer.status}, body {exchange.answer.body[:120]!r}, headers {headers}"
    if exchange.failure is not None:
        yield f"no answer: {exchange.failure.kind}, {exchange.failure.detail}"
    for entry in exchange.seen:
        headers = ", ".join(f"{name}: {value}" for name, value in entry.headers)
        yield f"{entry.workload} saw {entry.method} {entry.path}, host {entry.host}, from {entry.principal or NONE}"
        yield f"  headers {headers}"
    yield f"after {exchange.seconds:.3f} s"


def _scenario(disagreement: Disagreement, identity: str) -> dict[str, Any]:
    config = disagreement.config
    return {
        "id": identity,
        "title": f"{disagreement.concept}, as the mesh decides",
        "source": {
            "document": "differential",
            "section": disagreement.concept,
            "claim": disagreement.summary,
        },
        "app": "arena",
        "namespace": config.arena.near,
        "config": [dict(each) for each in config.objects],
        "cases": [_case(config.requests[disagreement.request or 0], disagreement.exchange)],
    }


def _case(request: Request, exchange: Exchange | None) -> dict[str, Any]:
    namespace, _, client = request.client.partition("/")
    places = [f"from {namespace}"]
    if request.dial and request.client != INTERNET:
        places.append(f"dialled to {request.dial[0]}:{request.dial[1]}")
    written: dict[str, Any] = {_method(request): _printable(url(request))}
    headers = dict(request.headers)
    if request.authority is not None:
        headers["host"] = request.authority
    if headers:
        written["headers"] = headers
    return {
        "name": f"the request, {', '.join(places)}",
        "from": client,
        "request": written,
        "expect": _expectation(exchange),
    }


def _method(request: Request) -> str:
    method = request.method.lower()
    return method if method in PlannedRequest.METHODS else "get"


def _printable(address: str) -> str:
    """Names in place of addresses have spaces and brackets."""
    return re.sub(r"<(\w+) ([a-z0-9-]+)/([a-z0-9-]+)>", r"\1.\3.\2", address)


def _expectation(exchange: Exchange | None) -> dict[str, Any]:
    if exchange is None or (exchange.answer is None and exchange.failure is None):
        return {"answered_by": NOBODY}
    if exchange.answer is None:
        kind = exchange.failure.kind if exchange.failure else ""
        return {"refused": kind} if kind in _REFUSALS else {"answered_by": NOBODY}
    by = values_of(exchange.answer.headers, ANSWERED_BY)
    found: dict[str, Any] = {"status": exchange.answer.status, "answered_by": by[0] if by else NOBODY}
    if by and exchange.seen:
        first = exchange.seen[0]
        found["saw"] = {"path": first.path, "host": first.host, "principal": first.principal or NONE}
    return found
