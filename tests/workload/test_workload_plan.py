"""Plans: what is sent, how each failure is classified against real sockets, what is refused."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from workload.plans import MAXIMUM_BODY_BYTES, PlanError, plan_from

from tests.workload.workload_process import WorkloadProcess, free_port

Peer = Callable[[socket.socket], None]


@contextmanager
def _server(peer: Peer) -> Iterator[int]:
    """A loopback server that treats each connection as told, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                peer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_and_reset(connection: socket.socket) -> None:
    connection.recv(65536)
    _reset(connection)


def _read_and_close(connection: socket.socket) -> None:
    connection.recv(65536)


def _half_an_answer(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")


def _not_http(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"220 mail.example.com ESMTP\r\n\r\n")


def _silent(connection: socket.socket) -> None:
    connection.settimeout(3)
    while connection.recv(65536):
        pass


def _dribble(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
    for _ in range(30):
        connection.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("scheme", "peer", "kind"),
    [
        ("http", _reset, "reset"),
        ("http", _read_and_reset, "reset"),
        ("http", _read_and_close, "reset"),
        ("http", _half_an_answer, "reset"),
        ("http", _not_http, "protocol"),
        ("http", _silent, "timeout"),
        ("http", _dribble, "timeout"),
        ("https", _read_and_reset, "reset"),
        ("https", _read_and_close, "reset"),
        ("https", _silent, "timeout"),
        ("https", _not_http, "tls"),
    ],
)
def test_peer_that_misbehaves_is_classified(reviews: WorkloadProcess, scheme: str, peer: Peer, kind: str) -> None:
    with _server(peer) as port:
        (result,) = reviews.answers({"url": f"{scheme}://127.0.0.1:{port}/"}, timeout_seconds=0.5)
    assert result["failure"]["kind"] == kind, result
    assert result["failure"]["detail"]
    assert result["seconds"] < 2


def test_nobody_there_is_a_connection_failure(reviews: WorkloadProcess) -> None:
    (result,) = reviews.answers({"url": f"http://127.0.0.1:{free_port()}/"})
    assert result["failure"]["kind"] == "connection"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid"])
def test_unknown_name_is_a_name_failure(reviews: WorkloadProcess, host: str) -> None:
    (result,) = reviews.answers({"url": f"http://{host}/"})
    assert result["failure"]["kind"] == "name"


@contextmanager
def _tls_server(
    authority: trustme.CA, host: str, seen: list[str | None], *, verify: ssl.VerifyMode = ssl.CERT_NONE
) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = verify
    context.sni_callback = lambda _, name, __: seen.append(name)

    def peer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with _server(peer) as port:
        yield port


def test_via_keeps_name_indication_and_certificate_check(reviews: WorkloadProcess) -> None:
    authority, seen = trustme.CA(), list[str | None]()
    ca = authority.cert_pem.bytes().decode()
    with _tls_server(authority, "secure.example.com", seen) as port:
        via = f"127.0.0.1:{port}"
        right, wrong = reviews.answers(
            {"url": "https://secure.example.com/", "via": via}, {"url": "https://other.example.com/", "via": via}, ca=ca
        )
    assert right["answer"]["status"] == 204
    assert wrong["failure"]["kind"] == "tls"
    assert seen == ["secure.example.com", "other.example.com"]


def test_certificate_of_another_ca_is_a_tls_failure(reviews: WorkloadProcess) -> None:
    with _tls_server(trustme.CA(), "secure.example.com", []) as port:
        request = {"url": "https://secure.example.com/", "via": f"127.0.0.1:{port}"}
        assert reviews.answers(request, ca=trustme.CA().cert_pem.bytes().decode())[0]["failure"]["kind"] == "tls"
        assert reviews.answers(request)[0]["answer"]["status"] == 204


def test_alert_for_a_missing_client_certificate_is_a_tls_failure(reviews: WorkloadProcess) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("client.example.com").private_key_and_cert_chain_pem.bytes().decode()
    with _tls_server(authority, "secure.example.com", [], verify=ssl.CERT_REQUIRED) as port:
        request = {"url": "https://secure.example.com/", "via": f"127.0.0.1:{port}"}
        assert reviews.answers(request)[0]["failure"]["kind"] == "tls"
        assert reviews.answers(request, certificate=certificate)[0]["answer"]["status"] == 204


def test_request_is_sent_as_planned(reviews: WorkloadProcess) -> None:
    (result,) = reviews.answers(
        {
            "token": "planned-1",
            "method": "POST",
            "url": "http://reviews.example.com/a/./../b%2f%7e//?q=%20&",
            "headers": [["X-Twice", "1"], ["x-twice", "2"], ["user-agent", "mine"]],
            "body": "grüße",
            "via": f"127.0.0.1:{reviews.port}",
        }
    )
    assert result["token"] == "planned-1"
    assert result["answer"]["status"] == 200
    assert ["x-answered-by", "reviews-v1"] in result["answer"]["headers"]
    assert result["answer"]["http_version"] == "HTTP/1.1"
    (entry,) = reviews.entries("planned-1")
    assert (entry["method"], entry["path"]) == ("POST", "/a/./../b%2f%7e//?q=%20&")
    assert entry["host"] == "reviews.example.com"
    assert entry["headers"] == [
        ["host", "reviews.example.com"],
        ["accept", "*/*"],
        ["accept-encoding", "identity"],
        ["x-conformance-token", "planned-1"],
        ["x-twice", "1"],
        ["x-twice", "2"],
        ["user-agent", "mine"],
        ["content-length", "7"],
    ]


def test_given_host_header_stands(reviews: WorkloadProcess) -> None:
    reviews.answers({"token": "host-1", "url": reviews.url("?x"), "headers": [["Host", "bookinfo.com"]]})
    (entry,) = reviews.entries("host-1")
    assert (entry["host"], entry["path"]) == ("bookinfo.com", "/?x")


@pytest.mark.parametrize(("connection", "connections"), [("fresh", 3), ("kept", 1)])
def test_connection_is_fresh_or_kept(reviews: WorkloadProcess, connection: str, connections: int) -> None:
    count = 0

    def peer(accepted: socket.socket) -> None:
        nonlocal count
        count += 1
        while accepted.recv(65536):
            accepted.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with _server(peer) as port:
        answers = reviews.answers(*[{"url": f"http://127.0.0.1:{port}/"}] * 3, connection=connection)
    assert [answer["answer"]["status"] for answer in answers] == [200] * 3
    assert count == connections


def test_redirect_is_an_answer(reviews: WorkloadProcess) -> None:
    def peer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 301 Moved\r\nlocation: https://x/\r\ncontent-length: 0\r\n\r\n")

    with _server(peer) as port:
        (result,) = reviews.answers({"url": f"http://127.0.0.1:{port}/"})
    assert result["answer"]["status"] == 301


def test_long_body_is_cut(reviews: WorkloadProcess) -> None:
    def peer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000)

    with _server(peer) as port:
        (result,) = reviews.answers({"url": f"http://127.0.0.1:{port}/"})
    assert len(result["answer"]["body"]) == 64 * 1024
    assert result["answer"]["body_cut"] is True


def test_failure_does_not_end_the_plan(reviews: WorkloadProcess) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    first, second = reviews.answers({"url": dead}, {"url": reviews.url()})
    assert "failure" in first
    assert second["answer"]["status"] == 200
    assert first["started"] <= second["started"]


def test_plan_in_progress_does_not_hold_up_the_workload(reviews: WorkloadProcess) -> None:
    with _server(_silent) as port:
        request = {"url": f"http://127.0.0.1:{port}/"}
        thread = threading.Thread(target=lambda: reviews.answers(request, timeout_seconds=1))
        thread.start()
        started = time.monotonic()
        assert reviews.get("/").status == 200
        assert reviews.control("GET", "/healthz").status == 200
        assert time.monotonic() - started < 0.5
        thread.join()


GOOD: dict[str, Any] = {"token": "t", "method": "GET", "url": "http://reviews:9080/"}


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ([], "plan: expected an object"),
        ({}, "expected also requests"),
        ({"requests": {}}, "requests: expected a list"),
        ({"requests": [GOOD] * 10_001}, "at most 10000"),
        ({"requests": [], "connection": "pooled"}, "connection: expected fresh or kept"),
        ({"requests": [], "timeout_seconds": 0}, "timeout_seconds: expected"),
        ({"requests": [], "timeout_seconds": float("nan")}, "timeout_seconds: expected"),
        ({"requests": [], "verify": False}, "plan: expected only"),
        ({"requests": [GOOD | {"body": "x" * (MAXIMUM_BODY_BYTES + 1)}]}, "requests[0].body: expected at most"),
        ({"requests": [GOOD, {"token": "t"}]}, "requests[1]: expected also method, url"),
        ({"requests": [GOOD | {"url": "ftp://x/"}]}, "requests[0].url: expected an http, https, tcp or grpc URL"),
        ({"requests": [GOOD | {"url": "http://x/a b"}]}, "requests[0].url: expected"),
        ({"requests": [GOOD | {"url": "http://x:99999/"}]}, "requests[0].url: expected"),
        ({"requests": [GOOD | {"method": "GET /"}]}, "requests[0].method: expected"),
        ({"requests": [GOOD | {"token": "a\r\nb"}]}, "requests[0].token: expected"),
        ({"requests": [GOOD | {"via": "10.0.0.1"}]}, "requests[0].via: expected HOST:PORT"),
        ({"requests": [GOOD | {"headers": [["a", "b\nc"]]}]}, "requests[0].headers[0] value: expected"),
        ({"requests": [GOOD | {"headers": {"a": "b"}}]}, "requests[0].headers: expected a list"),
    ],
)
def test_unusable_plan_is_refused_with_what_was_expected(plan: object, words: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan_from(plan)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"requests": [GOOD | {"method": 7}]}, "requests[0].method: expected an HTTP method"),
        ({"requests": [], "ca": "no certificate"}, "ca, certificate: expected PEM"),
        ({"requests": [], "certificate": "no certificate"}, "ca, certificate: expected PEM"),
        ({"requests": [GOOD | {"body": "\ud800"}]}, "can be encoded"),
    ],
)
def test_refused_plan_is_a_bad_request(reviews: WorkloadProcess, plan: object, words: str) -> None:
    reply = reviews.control("POST", "/plan", plan)
    assert reply.status == 400
    assert words in reply.content["error"]
