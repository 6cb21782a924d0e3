"""The control port: plans, journal, behaviours, the pod's own proxy and the load generator, as JSON over HTTP.

The sidecar does not capture this port, and the harness reaches it through the API server's pod proxy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from workload.application import Receive, Scope, Send, identity_of
from workload.asking import Ask, NoAnswerError, ask, ask_all, asks_from
from workload.behaviours import BehaviourError, Behaviours, behaviour_from
from workload.client import PlanExecution
from workload.documents import Documents, DocumentsError
from workload.draws import draws_from, run_draws
from workload.flows import Flows, beginning_from, passing_from
from workload.journal import Entry, Journal
from workload.load import load_from, run_load
from workload.plans import PlanError, plan_from
from workload.settings import Settings

# 10,000 requests with a few headers each; a request's own body has its own limit.
MAXIMUM_CONTENT_BYTES: Final = 64 * 1024 * 1024
# Plans and loads wait most of the time; more of them than this at once wait for a thread.
THREADS: Final = 16
# Asks are short, and never wait for a thread that waits for them.
ASKING_THREADS: Final = 32


@dataclass(frozen=True)
class Reply:
    """What the control port says."""

    status: int
    body: bytes
    content_type: str = "application/json"


class ContentError(Exception):
    """A request's content is not what its route takes."""


Route = Callable[[Scope, Receive], Awaitable[Reply]]


class Control:
    """The ASGI application of the control port."""

    def __init__(self, settings: Settings, journal: Journal, documents: Documents, behaviours: Behaviours) -> None:
        self._settings = settings
        self._journal = journal
        self._flows = Flows()
        self._documents = documents
        self._behaviours = behaviours
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="plan")
        self._askers = ThreadPoolExecutor(ASKING_THREADS, thread_name_prefix="ask")
        self._routes: dict[tuple[str, str], Route] = {
            ("GET", "/healthz"): self._healthz,
            ("GET", "/identity"): self._identity,
            ("GET", "/journal"): self._read_journal,
            ("DELETE", "/journal"): self._clear_journal,
            ("PUT", "/behaviour"): self._behave,
            ("DELETE", "/behaviour"): self._behave_as_always,
            ("POST", "/plan"): self._plan,
            ("POST", "/draws"): self._draws,
            ("POST", "/load"): self._load,
            ("POST", "/ask"): self._ask,
            ("GET", "/documents"): self._read_documents,
            ("PUT", "/documents"): self._put_documents,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._route(scope)(scope, receive)
        except (PlanError, ContentError, DocumentsError, BehaviourError) as error:
            reply = _json(400, {"error": str(error)})
        except UnicodeError as error:
            # JSON can spell half a surrogate pair, which no encoding can send.
            reply = _json(400, {"error": f"expected text that can be encoded: {error}"})
        headers = [(b"content-type", reply.content_type.encode()), (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _route(self, scope: Scope) -> Route:
        method, path = scope["method"], scope["path"]
        if method == "GET" and path.startswith("/proxy/"):
            return self._proxy
        if path.startswith("/flow/") and method in {"POST", "PATCH", "DELETE"}:
            return self._flow
        return self._routes.get((method, path), self._unknown)

    async def _unknown(self, scope: Scope, _: Receive) -> Reply:
        known = [f"{method} {path}" for method, path in self._routes] + [
            "GET /proxy/PATH",
            "POST, PATCH or DELETE /flow/NAME",
        ]
        return _json(404, {"error": f"expected one of {', '.join(known)}, found {scope['method']} {scope['path']}"})

    async def _healthz(self, _: Scope, __: Receive) -> Reply:
        return _json(200, {"status": "ready"})

    async def _identity(self, _: Scope, __: Receive) -> Reply:
        return _json(200, identity_of(self._settings))

    async def _read_journal(self, scope: Scope, _: Receive) -> Reply:
        entries = tuple(self._journal.with_prefix(_prefix(scope)))
        return await self._in_thread(lambda: self._shown(entries))

    def _shown(self, entries: tuple[Entry, ...]) -> Reply:
        shown = [entry.as_json() for entry in entries]
        return _json(200, {"workload": self._settings.workload, "pod": self._settings.pod, "entries": shown})

    async def _clear_journal(self, scope: Scope, _: Receive) -> Reply:
        removed = self._journal.forget(_prefix(scope))
        return _json(200, {"workload": self._settings.workload, "pod": self._settings.pod, "removed": removed})

    async def _read_documents(self, _: Scope, __: Receive) -> Reply:
        return _json(200, self._documents.as_json())

    async def _put_documents(self, _: Scope, receive: Receive) -> Reply:
        if not self._settings.serves_documents:
            raise ContentError("this workload serves itself, no documents: SERVES=documents in its environment")
        self._documents.put(await _content(receive))
        return _json(200, self._documents.as_json())

    async def _behave(self, _: Scope, receive: Receive) -> Reply:
        prefix, behaviour = behaviour_from(await _content(receive))
        self._behaviours.learn(prefix, behaviour)
        return _json(200, {"prefix": prefix})

    async def _behave_as_always(self, scope: Scope, _: Receive) -> Reply:
        return _json(200, {"removed": self._behaviours.forget(_prefix(scope))})

    async def _plan(self, _: Scope, receive: Receive) -> Reply:
        plan = plan_from(await _content(receive))
        return await self._in_thread(lambda: _json(200, {"answers": PlanExecution(plan).run()}))

    async def _flow(self, scope: Scope, receive: Receive) -> Reply:
        """POST begins a flow, PATCH tells it that a moment is over, DELETE ends it and has all of its answers."""
        name = scope["path"].removeprefix("/flow/")
        if scope["method"] == "POST":
            beginning = beginning_from(await _content(receive), name)
            return await self._in_thread(lambda: _json(200, {"flow": self._flows.begin(beginning)}))
        passing = passing_from(await _content(receive))
        if scope["method"] == "PATCH":
            return await self._in_thread(lambda: _json(200, {"requests": self._flows.pass_on(name, passing)}))
        return await self._in_thread(lambda: _json(200, {"answers": self._flows.end(name, passing.least)}))

    async def _draws(self, _: Scope, receive: Receive) -> Reply:
        draws = draws_from(await _content(receive))
        return await self._in_thread(lambda: _json(200, {"answers": run_draws(draws)}))

    async def _load(self, _: Scope, receive: Receive) -> Reply:
        load = load_from(await _content(receive))
        return await self._in_thread(lambda: _json(200, run_load(load)))

    async def _proxy(self, scope: Scope, _: Receive) -> Reply:
        target = scope["raw_path"].decode("latin-1").removeprefix("/proxy")
        query = scope["query_string"].decode("latin-1")
        address = f"{self._settings.admin_url}{target}{'?' + query if query else ''}"
        return await self._in_thread(lambda: _asked(Ask(address)))

    async def _ask(self, _: Scope, receive: Receive) -> Reply:
        """Ask others, as this pod and through its sidecar if it has one."""
        asks = asks_from(await _content(receive))
        return await self._in_thread(lambda: _json(200, {"answers": ask_all(asks, self._askers)}))

    async def _in_thread(self, work: Callable[[], Reply]) -> Reply:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _asked(one: Ask) -> Reply:
    """That nobody answers is no fault of the workload."""
    try:
        answered = ask(one)
    except NoAnswerError as error:
        return _json(502, {"error": str(error)})
    return Reply(answered.status, answered.body, answered.content_type)


async def _content(receive: Receive) -> object:
    """The request's JSON, within its bound."""
    content = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ContentError("expected a complete request")
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > MAXIMUM_CONTENT_BYTES:
            raise ContentError(f"expected at most {MAXIMUM_CONTENT_BYTES} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ContentError(f"expected JSON: {error}") from error


def _prefix(scope: Scope) -> str:
    query: dict[str, str] = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if unknown := set(query) - {"prefix"}:
        raise ContentError(f"expected only the query prefix=, found {', '.join(sorted(unknown))}")
    return query.get("prefix", "")


def _json(status: int, content: object) -> Reply:
    return Reply(status, json.dumps(content).encode())
