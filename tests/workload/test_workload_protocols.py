"""Ports and requests beyond HTTP/1.1: TCP, HTTP/2 without TLS, gRPC; by the real program on both ends."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from workload.plans import PlanError, plan_from
from workload.settings import Port, Security, SettingsError, Speech, settings_from
from workload.tcp import heard, told

from tests.workload.workload_process import WorkloadProcess, free_port, running

MESSAGE = {"workload": "echo-v1", "pod": "echo-v1-pod", "service": "echo", "version": "v1"}


@dataclass(frozen=True)
class Echo:
    process: WorkloadProcess
    tcp: int
    http2: int

    def answer(self, scheme: str, port: int, path: str = "", **request: Any) -> dict[str, Any]:
        (answer,) = self.process.answers({"url": f"{scheme}://127.0.0.1:{port}{path}", **request})
        return answer

    def entry(self, token: str) -> dict[str, Any]:
        (entry,) = self.process.entries(token)
        return entry


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    tcp, http2 = free_port(), free_port()
    with running("echo-v1", PORTS=f"{tcp}+tcp,{http2}+http2") as process:
        yield Echo(process, tcp, http2)


# --- TCP --------------------------------------------------------------------------------------------------------------


def test_a_tcp_port_says_who_it_is_and_what_it_was_told(echo: Echo) -> None:
    answer = echo.answer("tcp", echo.tcp, token="tcp-1", body="hello there")["answer"]
    assert answer["status"] is None
    assert answer["headers"] == [["x-answered-by", "echo-v1"]]
    assert answer["body"] == "hello there"
    assert (echo.entry("tcp-1")["method"], echo.entry("tcp-1")["host"]) == ("", None)


def test_a_tcp_port_nobody_serves_is_a_refused_connection(echo: Echo) -> None:
    assert echo.answer("tcp", free_port(), body="x")["failure"]["kind"] == "connection"


def test_a_name_that_does_not_exist_is_a_failure_of_its_name(echo: Echo) -> None:
    (answer,) = echo.process.answers({"url": "tcp://nobody.invalid:1"})
    assert answer["failure"]["kind"] == "name"


def _from_server(echo: Echo, says: bytes | None) -> dict[str, Any]:
    """What the client makes of a server that says this and closes the connection; None: it stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        is_over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                if says is None:
                    is_over.wait(10)
                connection.sendall(says or b"")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        (answer,) = echo.process.answers({"url": url, "body": "x"}, timeout_seconds=0.5)
        is_over.set()
        thread.join()
    return answer


@pytest.mark.parametrize(("says", "kind"), [(b"", "reset"), (None, "timeout")])
def test_a_tcp_server_that_says_nothing_is_a_failure(echo: Echo, says: bytes | None, kind: str) -> None:
    assert _from_server(echo, says)["failure"]["kind"] == kind


def test_an_answer_without_the_banner_is_of_nobody(echo: Echo) -> None:
    answer = _from_server(echo, b"HTTP/1.1 400 Bad Request\r\n\r\n")["answer"]
    assert answer["headers"] == []
    assert answer["body"].startswith("HTTP/1.1 400")


def test_a_line_of_a_stranger_is_answered_too(echo: Echo) -> None:
    with socket.create_connection(("127.0.0.1", echo.tcp)) as connection:
        connection.sendall(b"good morning\r\n")
        assert connection.recv(100) == b"answered-by echo-v1\ngood morning\n"
        assert connection.recv(100) == b""


def test_lines_are_read_as_they_are_written() -> None:
    assert told("token t-1 a b") == ("t-1", "a b")
    assert told("token t-1") == ("t-1", "")
    assert told("tokens t-1 a") == (None, "tokens t-1 a")
    assert heard("answered-by a\nb\n") == ("a", "b")
    assert heard("HTTP/1.1 400 Bad Request\n") == (None, "HTTP/1.1 400 Bad Request\n")


# --- HTTP/2 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "seen"), [("1.1", "HTTP/1.1"), ("2", "HTTP/2")])
def test_one_port_speaks_both_versions_of_http(echo: Echo, version: str, seen: str) -> None:
    token = f"http-{version[0]}"
    answer = echo.answer("http", echo.http2, "/a/../b%2Fc?x=1", token=token, http=version, headers=[["a", "b"]])[
        "answer"
    ]
    assert (answer["status"], answer["http_version"]) == (200, seen)
    assert ["x-answered-by", "echo-v1"] in answer["headers"]
    assert json.loads(answer["body"]) == MESSAGE
    entry = echo.entry(token)
    assert (entry["http_version"], entry["path"]) == (version, "/a/../b%2Fc?x=1")
    assert entry["host"] == f"127.0.0.1:{echo.http2}"
    assert ["a", "b"] in entry["headers"]


def test_http2_to_a_server_that_does_not_speak_it_is_no_answer(echo: Echo) -> None:
    with running("old-v1") as old:
        (answer,) = echo.process.answers({"url": old.url(), "http": "2"})
    assert answer["failure"]["kind"] in {"protocol", "reset"}


# --- gRPC -------------------------------------------------------------------------------------------------------------


def test_every_method_is_answered_with_the_identity_and_status_0(echo: Echo) -> None:
    answer = echo.answer("grpc", echo.http2, "/conformance.Echo/Say", token="grpc-1", body="hi", headers=[["A", "b"]])
    assert json.loads(answer["answer"]["body"]) == MESSAGE
    assert ["x-answered-by", "echo-v1"] in answer["answer"]["headers"]
    assert answer["answer"]["trailers"] == [["grpc-status", "0"], ["x-testimony", "echo-v1"]]
    entry = echo.entry("grpc-1")
    assert (entry["method"], entry["path"], entry["http_version"]) == ("POST", "/conformance.Echo/Say", "2")
    assert entry["host"] == f"127.0.0.1:{echo.http2}"
    assert ["a", "b"] in entry["headers"]


def test_a_missing_thing_is_a_status_with_its_trailers(echo: Echo) -> None:
    answer = echo.answer("grpc", echo.http2, "/conformance.Echo/Missing", token="grpc-2")["answer"]
    assert ["grpc-status", "5"] in answer["trailers"]
    assert ["grpc-message", "there is no such thing"] in answer["trailers"]
    assert ["x-testimony", "echo-v1"] in answer["trailers"]
    assert len(echo.process.entries("grpc-2")) == 1


@pytest.mark.parametrize(
    ("address", "kind"), [("127.0.0.1:1", "connection"), ("nobody.invalid:80", "name")], ids=["refused", "name"]
)
def test_a_call_that_reaches_nobody_is_a_failure(echo: Echo, address: str, kind: str) -> None:
    (answer,) = echo.process.answers({"url": f"grpc://{address}/a.B/C"})
    assert answer["failure"]["kind"] == kind, answer


def test_a_call_whose_server_hangs_up_is_reset(echo: Echo) -> None:
    answer = echo.answer("grpc", echo.tcp, "/a.B/C")
    assert answer["failure"]["kind"] in {"reset", "connection"}, answer


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"http": "3"}, {"http": 2}, {"url": "udp://a:1"}, {"url": "tcp://a:99999"}])
def test_a_faulty_request_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        plan_from({"requests": [{"token": "t", "method": "GET", "url": "http://a/", **change}]})


def test_ports_say_what_they_speak() -> None:
    settings = settings_from({"WORKLOAD": "echo-v1", "PORTS": "9000+tcp, 8080+http2,80"})
    assert settings.ports == (
        Port(9000, Security.PLAIN, Speech.TCP),
        Port(8080, Security.PLAIN, Speech.HTTP2),
        Port(80, Security.PLAIN, Speech.HTTP1),
    )
    with pytest.raises(SettingsError, match=r"\+http2"):
        settings_from({"WORKLOAD": "echo-v1", "PORTS": "9000+udp"})
