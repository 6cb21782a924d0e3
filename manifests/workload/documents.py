"""A server of documents that the harness puts there, such as key sets; and how often each one was fetched since.

It plays a server that is told what to say and when to fail. What nobody has put there is 404, never an answer that a
reader might take for a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workload.application import Receive, Scope, Send

MAXIMUM_DOCUMENTS = 1_000


class DocumentsError(Exception):
    """What was put there is no set of documents; the text says what was expected."""


@dataclass
class Document:
    """What a path answers; the status tells a server that fails from one that has it."""

    status: int
    body: str
    fetches: int = 0
    """Since it is as it is now."""


class Documents:
    """The documents by path."""

    def __init__(self) -> None:
        self._by_path: dict[str, Document] = {}

    def put(self, content: object) -> None:
        """{path: {status, body}}: replaces those that differ, leaves all others alone, all or nothing."""
        if not isinstance(content, Mapping):
            raise DocumentsError("expected an object of documents by path")
        found = {_path(path): _document(path, document) for path, document in content.items()}
        if len(self._by_path.keys() | found.keys()) > MAXIMUM_DOCUMENTS:
            raise DocumentsError(f"expected at most {MAXIMUM_DOCUMENTS} documents")
        for path, document in found.items():
            known = self._by_path.get(path)
            if known is None or (known.status, known.body) != (document.status, document.body):
                self._by_path[path] = document

    def fetched(self, path: str) -> Document | None:
        """The document for a reader, who is counted."""
        document = self._by_path.get(path)
        if document is not None:
            document.fetches += 1
        return document

    def as_json(self) -> dict[str, object]:
        """Without the bodies."""
        return {
            path: {"status": document.status, "fetches": document.fetches} for path, document in self._by_path.items()
        }


def _path(path: object) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise DocumentsError(f"expected a path that begins with a slash, found {str(path)[:200]!r}")
    return path


def _document(path: object, content: object) -> Document:
    match content:
        case {"status": int(status), "body": str(body), **rest} if not rest and 200 <= status <= 599:
            return Document(status, body)
    raise DocumentsError(f"{path}: expected a status from 200 to 599 and a body")


class DocumentServer:
    """The ASGI application of the data ports of a workload that serves documents."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one GET; a body of the request is not looked at."""
        document = self._documents.fetched(scope["path"]) or Document(404, "")
        body = document.body.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": document.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
