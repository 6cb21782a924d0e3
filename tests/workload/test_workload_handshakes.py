"""What a planned request shows in its handshake, and what the client can tell of the server's side."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from workload.plans import PlanError, plan_from

from tests.workload.workload_process import WorkloadProcess

NAME = "secure.example.com"


@contextmanager
def _server(issued: trustme.LeafCert, names: list[str | None], trusts: trustme.CA | None = None) -> Iterator[int]:
    """A TLS server on loopback that notes each handshake's server name and answers 204."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    context.sni_callback = lambda _, name, __: names.append(name)
    if trusts is not None:
        trusts.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(65536)
                tls.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _request(port: int, **tls: Any) -> dict[str, Any]:
    return {"url": f"https://{NAME}/", "via": f"127.0.0.1:{port}", "tls": tls}


def _pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def test_each_request_has_a_handshake_of_its_own(reviews: WorkloadProcess) -> None:
    names: list[str | None] = []
    with _server(trustme.CA().issue_cert(NAME), names) as port:
        requests = [_request(port), _request(port, sni="other.example.com"), _request(port, sni="")]
        answers = reviews.answers(*requests)
    assert [each["answer"]["status"] for each in answers] == [204, 204, 204]
    assert names == [NAME, "other.example.com", None]


def test_the_certificate_that_was_served_is_told_by_its_fingerprint(reviews: WorkloadProcess) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert(NAME)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    with _server(issued, []) as port:
        (answer,) = reviews.answers(_request(port, ca=_pem(authority)))
    assert answer["served"] == hashlib.sha256(der).hexdigest()


def test_a_certificate_that_does_not_verify_is_a_tls_failure_without_an_alert(reviews: WorkloadProcess) -> None:
    with _server(trustme.CA().issue_cert(NAME), []) as port:
        other, wrong_name = reviews.answers(
            _request(port, ca=_pem(trustme.CA())), _request(port, ca=_pem(trustme.CA()), sni="other.example.com")
        )
    for each in (other, wrong_name):
        assert (each["failure"]["kind"], each["failure"]["alert"]) == ("tls", None)


def test_the_servers_alert_and_certificate_are_told_of_a_client_without_one(reviews: WorkloadProcess) -> None:
    clients = trustme.CA()
    issued = clients.issue_cert("client.example.com")
    shown = (issued.cert_chain_pems[0].bytes() + issued.private_key_pem.bytes()).decode()
    with _server(trustme.CA().issue_cert(NAME), [], trusts=clients) as port:
        bare, proper = reviews.answers(_request(port), _request(port, certificate=shown))
    assert (bare["failure"]["kind"], bare["failure"]["alert"]) == ("tls", "certificate_required")
    assert bare["served"] == proper["served"] is not None
    assert proper["answer"]["status"] == 204


def test_an_old_version_is_refused_by_the_server_and_not_by_the_client(reviews: WorkloadProcess) -> None:
    with _server(trustme.CA().issue_cert(NAME), []) as port:
        (answer,) = reviews.answers(_request(port, max_version="1.1"))
    assert answer["failure"]["alert"] == "protocol_version"


@pytest.mark.parametrize("tls", [{"max_version": "1.4"}, {"sni": 1}, {"names": []}, "none"])
def test_a_handshake_of_another_form_is_refused(tls: object) -> None:
    request = {"token": "t", "method": "GET", "url": f"https://{NAME}/", "tls": tls}
    with pytest.raises(PlanError, match="tls"):
        plan_from({"requests": [request]})
