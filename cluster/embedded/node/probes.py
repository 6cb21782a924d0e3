"""Probes and lifecycle hooks: httpGet, tcpSocket, exec, sleep (core/v1 Probe, LifecycleHandler)."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cluster.embedded.node.process import Process

Object = Mapping[str, Any]

# Before its first success a probe is tried more often than its period says, so that what is ready is seen at once.
# The extra tries are never counted as failures: those come at the probe's own pace.
EAGER_SECONDS = 0.1

# A kubelet does not verify the probed certificate either.
_UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Timing:
    """Seconds and counts of a probe, with the API's defaults."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @staticmethod
    def of(probe: Object) -> Timing:
        return Timing(
            initial_delay=probe.get("initialDelaySeconds") or 0,
            period=probe.get("periodSeconds") or 10,
            timeout=probe.get("timeoutSeconds") or 1,
            successes=probe.get("successThreshold") or 1,
            failures=probe.get("failureThreshold") or 3,
        )


def attempt(handler: Object, container: Object, process: Process, seconds: float) -> str | None:
    """Carries a handler out once; None when it succeeded, otherwise why not."""
    try:
        if "exec" in handler:
            code, output = process.execute(handler["exec"]["command"], seconds)
            return None if code == 0 else f"exit code {code}: {output.strip()[:200]}"
        if "tcpSocket" in handler:
            address = process.recipe.network.address
            port = _port(handler["tcpSocket"]["port"], container)
            socket.create_connection((handler["tcpSocket"].get("host") or address, port), seconds).close()
            return None
        if "sleep" in handler:
            time.sleep(min(handler["sleep"]["seconds"], seconds))
            return None
        return _http_get(handler["httpGet"], container, process.recipe.network.address, seconds)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def _port(port: int | str, container: Object) -> int:
    """A number, or the name of one of the container's ports."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for each in container.get("ports") or ():
        if each.get("name") == port:
            return int(each["containerPort"])
    raise OSError(f"container has no port named {port}")


def _http_get(action: Object, container: Object, address: str, seconds: float) -> str | None:
    host = action.get("host") or address
    port = _port(action["port"], container)
    connection: http.client.HTTPConnection
    if action.get("scheme") == "HTTPS":
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=_UNVERIFIED)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    headers = {"User-Agent": "kube-probe/embedded", "Connection": "close"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
    try:
        connection.request("GET", action.get("path") or "/", headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if 200 <= status < 400 else f"status {status}"


class Prober(threading.Thread):
    """Repeats one probe until stopped; tells every change of its result.

    `changed(why)` is called when the probe passes its success or failure threshold: None or why it failed.
    """

    def __init__(
        self, probe: Object, container: Object, process: Process, *, eager: bool, changed: Callable[[str | None], None]
    ) -> None:
        super().__init__(daemon=True, name=f"probe-{container['name']}")
        self._probe, self._container, self._process = probe, container, process
        self._timing = Timing.of(probe)
        self._eager = eager
        self._changed = changed
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        timing = self._timing
        result: bool | None = None
        successes = failures = 0
        next_counted = time.monotonic() + timing.initial_delay
        if not self._eager:
            self._stopped.wait(timing.initial_delay)
        while not self._stopped.is_set():
            why = attempt(self._probe, self._container, self._process, timing.timeout)
            counted = time.monotonic() >= next_counted
            if counted:
                next_counted = time.monotonic() + timing.period
            if why is None:
                successes, failures = successes + 1, 0
            elif counted:
                successes, failures = 0, failures + 1
            if self._stopped.is_set():
                return
            if result is not True and successes >= timing.successes:
                result = True
                self._changed(None)
            elif result is not False and failures >= timing.failures:
                result = False
                self._changed(why or "")
            self._stopped.wait(EAGER_SECONDS if self._eager and result is None else timing.period)
