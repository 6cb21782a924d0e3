"""Asking others on the harness's behalf: journals, sentinels, what a proxy runs. Never for traffic under test.

The harness asks dozens of pods at a time. Each request through the API server costs that more than the answer costs
the pod, so one pod is told whom to ask.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from workload.plans import PlanError, fields_from, headers_from, http_url_from, text_or_none

MAXIMUM_ASKS: Final = 1000
ANSWER_SECONDS: Final = 30.0
# A config_dump of a large mesh has some tens of MiB.
MAXIMUM_ANSWER_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Ask:
    """One request: a GET, or a POST where there is a body."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None


@dataclass(frozen=True)
class Answered:
    """What came back, whatever its status."""

    status: int
    body: bytes
    content_type: str

    def as_json(self) -> dict[str, object]:
        """The body as text; what is not UTF-8 is replaced."""
        return {"status": self.status, "body": self.body.decode("utf-8", "replace")}


class NoAnswerError(Exception):
    """Nothing came back, or more than the bound; the text says which."""


def asks_from(content: object) -> tuple[Ask, ...]:
    """Read {"asks": [{"url", "headers", "body"}]}; raise PlanError for anything else."""
    asks = fields_from(content, "content", needed={"asks"})["asks"]
    if not isinstance(asks, list) or len(asks) > MAXIMUM_ASKS:
        raise PlanError(f"asks: expected a list of at most {MAXIMUM_ASKS}")
    return tuple(_ask(each, f"asks[{index}]") for index, each in enumerate(asks))


def _ask(content: object, where: str) -> Ask:
    fields = fields_from(content, where, needed={"url"}, allowed={"headers", "body"})
    url = http_url_from(fields["url"], f"{where}.url")
    return Ask(url, headers_from(fields.get("headers", []), f"{where}.headers"), text_or_none(fields, "body", where))


def ask_all(asks: Sequence[Ask], threads: Executor) -> list[dict[str, object]]:
    """Side by side; {"status", "body"} or {"error"} for each, in their order."""
    return [*threads.map(_told, asks)]


def _told(each: Ask) -> dict[str, object]:
    try:
        return ask(each).as_json()
    except NoAnswerError as error:
        return {"error": str(error)}


def ask(each: Ask) -> Answered:
    """On a new connection; raises NoAnswerError."""
    parts = urlsplit(each.url)
    target = each.url.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/"
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    body = None if each.body is None else each.body.encode()
    try:
        connection.request("GET" if body is None else "POST", target, body, dict(each.headers))
        answer = connection.getresponse()
        content = answer.read(MAXIMUM_ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"no answer from {parts.netloc}: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if len(content) > MAXIMUM_ANSWER_BYTES:
        raise NoAnswerError(f"the answer is longer than {MAXIMUM_ANSWER_BYTES} bytes")
    return Answered(answer.status, content, answer.getheader("content-type", "text/plain"))
