"""The data port and the control port of a running workload."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from tests.workload.workload_process import WorkloadProcess, environment_of, exchange, free_port, running

IDENTITY = {"workload": "reviews-v1", "pod": "reviews-v1-pod", "service": "reviews", "version": "v1"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_every_path_and_method_is_answered_with_the_identity(reviews: WorkloadProcess, method: str) -> None:
    reply = exchange(reviews.port, method, "/anything/at/all", body=b"x" * 100_000 if method == "POST" else None)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.headers["x-answered-by"] == "reviews-v1"
    assert reply.content == IDENTITY


def test_head_is_answered_without_a_body(reviews: WorkloadProcess) -> None:
    reply = exchange(reviews.port, "HEAD", "/")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["x-answered-by"] == "reviews-v1"


def test_journal_holds_the_request_as_it_arrived(reviews: WorkloadProcess) -> None:
    before = time.time()
    with socket.create_connection(("127.0.0.1", reviews.port)) as connection:
        connection.sendall(
            b"GET /a/../b%2Fc?x=1&x=%20? HTTP/1.1\r\nHost: reviews:9080\r\nX-Conformance-Token: exact-1\r\n"
            b'X-Forwarded-Client-Cert: By=spiffe://b;Subject="";URI=spiffe://cluster.local/ns/d/sa/c\r\n'
            b"X-Twice: one\r\nX-Twice: two\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    (entry,) = reviews.entries("exact-")
    assert entry["path"] == "/a/../b%2Fc?x=1&x=%20?"
    assert (entry["token"], entry["method"], entry["host"]) == ("exact-1", "GET", "reviews:9080")
    assert entry["http_version"] == "1.1"
    assert entry["principal"] == "spiffe://cluster.local/ns/d/sa/c"
    assert [value for name, value in entry["headers"] if name == "x-twice"] == ["one", "two"]
    assert before <= entry["at"] <= time.time()


def test_request_without_a_token_is_recorded_too(reviews: WorkloadProcess) -> None:
    reviews.get("/no-token")
    (entry,) = [entry for entry in reviews.entries() if entry["path"] == "/no-token"]
    assert (entry["token"], entry["principal"]) == (None, None)


def test_journal_is_cleared_by_prefix(reviews: WorkloadProcess) -> None:
    for token in ("clear-1", "clear-2", "keep-1"):
        reviews.get("/", {"x-conformance-token": token})
    assert reviews.control("DELETE", "/journal?prefix=clear-").content["removed"] == 2
    assert reviews.entries("clear-") == []
    assert len(reviews.entries("keep-")) == 1


def test_head_and_body_leave_in_one_write(reviews: WorkloadProcess) -> None:
    with socket.create_connection(("127.0.0.1", reviews.port)) as connection:
        for _ in range(200):
            connection.sendall(b"GET /one-write HTTP/1.1\r\nHost: reviews\r\n\r\n")
            assert connection.recv(65536).endswith(b"}")


def test_kept_connection_has_no_delayed_answers(reviews: WorkloadProcess) -> None:
    started = time.monotonic()
    answers = reviews.answers(*[{"url": reviews.url("/")}] * 200, connection="kept")
    # With a stall of 40 ms per request it would take 8 s.
    assert time.monotonic() - started < 4
    assert {answer["answer"]["status"] for answer in answers} == {200}


def test_identity_and_health_are_told(reviews: WorkloadProcess) -> None:
    assert reviews.control("GET", "/identity").content == IDENTITY
    assert reviews.control("GET", "/healthz").status == 200


def test_unknown_control_path_names_the_known_ones(reviews: WorkloadProcess) -> None:
    reply = reviews.control("GET", "/nothing")
    assert reply.status == 404
    assert "POST /plan" in reply.content["error"]


def test_load_is_counted(reviews: WorkloadProcess) -> None:
    content = {"url": reviews.url("/load"), "connections": 2, "seconds": 0.3}
    result = reviews.control("POST", "/load", content).content
    assert result["requests"] > 20
    assert result["statuses"] == {"200": result["requests"]}
    assert result["failures"] == 0
    assert 0 < result["p50_ms"] <= result["p99_ms"]


@pytest.mark.parametrize(
    "change",
    [{"connections": 0}, {"connections": 65}, {"connections": True}, {"seconds": 61}, {"url": "ftp://x/"}, {"x": 1}],
)
def test_load_out_of_bounds_is_refused(reviews: WorkloadProcess, change: dict[str, object]) -> None:
    reply = reviews.control("POST", "/load", {"url": reviews.url("/"), "connections": 1, "seconds": 0.1, **change})
    assert reply.status == 400
    assert "expected" in reply.content["error"]


class _Admin(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200 if self.path != "/missing" else 404)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-type", "text/x-admin")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


@contextmanager
def _admin() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Admin)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_own_proxy_is_passed_through() -> None:
    with _admin() as port, running("client", PROXY_ADMIN_URL=f"http://127.0.0.1:{port}") as client:
        reply = client.control("GET", "/proxy/config_dump?include_eds=true")
        assert (reply.status, reply.body) == (200, b"/config_dump?include_eds=true")
        assert reply.headers["content-type"] == "text/x-admin"
        assert client.control("GET", "/proxy/missing").status == 404


def test_missing_proxy_is_a_bad_gateway() -> None:
    with running("client", PROXY_ADMIN_URL=f"http://127.0.0.1:{free_port()}") as client:
        reply = client.control("GET", "/proxy/config_dump")
        assert reply.status == 502
        assert "no answer from" in reply.content["error"]


def test_mutual_tls_port_demands_a_certificate_and_tells_whose(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = authority.issue_cert("ext-svc.example.com")
    mine = authority.issue_cert("client.example.com")
    files = {"TLS_CERTIFICATE": tmp_path / "tls.crt", "TLS_KEY": tmp_path / "tls.key", "TLS_CLIENT_CA": tmp_path / "ca"}
    files["TLS_CERTIFICATE"].write_bytes(server.cert_chain_pems[0].bytes())
    files["TLS_KEY"].write_bytes(server.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(files["TLS_CLIENT_CA"]))
    plain, tls, mutual = free_port(), free_port(), free_port()
    ports = f"{plain},{tls}+tls,{mutual}+mtls"
    with running("server", PORTS=ports, **{name: str(path) for name, path in files.items()}) as process:
        ca = authority.cert_pem.bytes().decode()
        url = "https://ext-svc.example.com/"
        asked = {"url": url, "via": f"127.0.0.1:{tls}"}, {"url": url, "via": f"127.0.0.1:{mutual}", "token": "m"}
        one_sided, refused = process.answers(*asked, ca=ca)
        assert one_sided["answer"]["status"] == 200
        # Not tls: uvloop hangs up without sending the alert.
        assert refused["failure"]["kind"] == "reset"
        certificate = mine.private_key_and_cert_chain_pem.bytes().decode()
        (accepted,) = process.answers(asked[1], ca=ca, certificate=certificate)
        assert accepted["answer"]["status"] == 200
        (entry,) = process.entries("m")
        assert entry["peer_names"] == ["DNS:client.example.com"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_within_a_second(number: signal.Signals) -> None:
    with running("client") as client, socket.create_connection(("127.0.0.1", client.port)):
        started = time.monotonic()
        client.process.send_signal(number)
        assert client.process.wait(5) == 0
        assert time.monotonic() - started < 1


def test_signal_does_not_wait_for_a_plan() -> None:
    with running("client") as client, socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        plan = {"requests": [{"token": "t", "method": "GET", "url": url}], "timeout_seconds": 60}

        def start_plan() -> None:
            with pytest.raises((OSError, http.client.HTTPException)):
                client.control("POST", "/plan", plan)

        thread = threading.Thread(target=start_plan)
        thread.start()
        asked, _ = silent.accept()
        with asked:
            started = time.monotonic()
            client.process.terminate()
            assert client.process.wait(5) == 0
            assert time.monotonic() - started < 1.2
            thread.join()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"WORKLOAD": ""}, "WORKLOAD: expected"),
        ({"PORTS": "http"}, "PORTS: expected"),
        ({"PORTS": "80+ssl"}, "PORTS: expected"),
        ({"PORTS": "80+tls"}, "TLS_CERTIFICATE"),
        ({"CONTROL_PORT": "70000"}, "CONTROL_PORT: expected"),
    ],
)
def test_unusable_environment_is_explained(change: dict[str, str], words: str) -> None:
    environment = environment_of("client", free_port(), free_port()) | change
    command = [sys.executable, "-m", "workload"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr


def test_start_costs_less_than_half_a_second_of_processor() -> None:
    """Measured: 0.10 to 0.14 s; the bound leaves room for a loaded machine."""
    with running("client") as client:
        fields = Path(f"/proc/{client.process.pid}/stat").read_text().rpartition(")")[2].split()
        assert (int(fields[11]) + int(fields[12])) / 100 < 0.5
