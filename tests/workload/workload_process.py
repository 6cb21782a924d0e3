"""The real program, started as a process on loopback ports of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFESTS = Path(__file__).parents[2] / "manifests"
START_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """What came back from one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The decoded JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class WorkloadProcess:
    """A running workload: its first data port, its control port."""

    process: subprocess.Popen[bytes]
    port: int
    control_port: int

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET on the data port."""
        return exchange(self.port, "GET", path, headers=headers)

    def control(self, method: str, path: str, content: object = None) -> Reply:
        """A request on the control port, with JSON content if any."""
        body = None if content is None else json.dumps(content).encode()
        return exchange(self.control_port, method, path, body=body)

    def entries(self, prefix: str = "") -> list[dict[str, Any]]:
        """The journal."""
        reply = self.control("GET", f"/journal?prefix={prefix}")
        entries: list[dict[str, Any]] = reply.content["entries"]
        return entries

    def answers(self, *requests: Mapping[str, object], **options: object) -> list[dict[str, Any]]:
        """Execute a plan; method and token have defaults."""
        planned = [{"method": "GET", "token": f"plan-{index}", **request} for index, request in enumerate(requests)]
        reply = self.control("POST", "/plan", {"requests": planned, "timeout_seconds": 5, **options})
        assert reply.status == 200, reply.body
        answers: list[dict[str, Any]] = reply.content["answers"]
        return answers

    def url(self, path: str = "/") -> str:
        """A URL of the data port."""
        return f"http://127.0.0.1:{self.port}{path}"


def exchange(
    port: int, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Reply:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def environment_of(workload: str, port: int, control_port: int, **more: str) -> dict[str, str]:
    """What the manifest would say for a workload such as reviews-v2."""
    service, _, version = workload.partition("-")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(MANIFESTS),
        "WORKLOAD": workload,
        "POD_NAME": f"{workload}-pod",
        "SERVICE": service,
        "VERSION": version or "v1",
        "HOST": "127.0.0.1",
        "PORTS": str(port),
        "CONTROL_PORT": str(control_port),
        **more,
    }


@contextmanager
def running(workload: str, **more: str) -> Iterator[WorkloadProcess]:
    """A workload that is ready, killed at the end if it is still there."""
    port, control_port = free_port(), free_port()
    environment = environment_of(workload, port, control_port, **more)
    with subprocess.Popen([sys.executable, "-m", "workload"], env=environment) as process:
        try:
            _await_ready(process, control_port)
            yield WorkloadProcess(process, port, control_port)
        finally:
            process.kill()


def _await_ready(process: subprocess.Popen[bytes], control_port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            assert exchange(control_port, "GET", "/healthz").status == 200
        except OSError:
            assert process.poll() is None, f"the workload ended with {process.returncode}"
            assert time.monotonic() < deadline, f"the workload is not ready after {START_SECONDS:g} s"
            time.sleep(0.01)
        else:
            return
