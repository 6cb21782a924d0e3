"""The part of a kubelet's HTTPS API that `kubectl logs` needs; everything else is refused with what to do instead."""

from __future__ import annotations

import os
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from cluster.embedded.node import logs


class FindLog(Protocol):
    """(namespace, pod, container) -> the log file of its last run or the one before; None when there is no such run."""

    def __call__(self, namespace: str, pod: str, container: str, /, *, previous: bool) -> Path | None: ...


_CHUNK = 64 * 1024
_FOLLOW_SECONDS = 0.2


class _Handler(BaseHTTPRequestHandler):
    find_log: FindLog

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        if parts[0] != "containerLogs" or len(parts) != 4:
            self._refuse()
            return
        options = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = type(self).find_log(parts[1], parts[2], parts[3], previous=options.get("previous") == "true")
        if path is None:
            self._answer(404, f"container {parts[3]} of pod {parts[2]} has no such run\n")
            return
        self._stream(path, options)

    def _refuse(self) -> None:
        self._answer(
            501,
            "the embedded node serves logs only: no exec, attach, port-forward. Reach a pod's port with\n"
            "  kubectl get --raw /api/v1/namespaces/NS/pods/POD:PORT/proxy/PATH\n",
        )

    def do_POST(self) -> None:
        self._refuse()

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, path: Path, options: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        limit = int(options.get("limitBytes") or 0)
        with path.open("rb") as log:
            if "tailLines" in options:
                lines = int(options["tailLines"])
                written = log.readlines()
                self.wfile.write(b"".join(written[len(written) - min(lines, len(written)) :]))
            while True:
                # Looked at first: what a container wrote before its end is still to be read.
                ended = logs.has_ended(path)
                # Emptied meanwhile, because it was too long.
                if os.fstat(log.fileno()).st_size < log.tell():
                    log.seek(0)
                chunk = log.read(limit or _CHUNK)
                if chunk:
                    self.wfile.write(chunk)
                elif options.get("follow") == "true" and not ended:
                    self.wfile.flush()
                    time.sleep(_FOLLOW_SECONDS)
                    continue
                if not chunk or limit:
                    return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silent: the API server's own log has these requests."""


def serve(address: tuple[str, int], certificate: Path, find_log: FindLog) -> ThreadingHTTPServer:
    """Starts the server; the certificate file holds the chain and the key."""
    handler = type("Handler", (_Handler,), {"find_log": staticmethod(find_log)})
    server = ThreadingHTTPServer(address, handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server
