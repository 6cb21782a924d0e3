"""Certificates for the servers that play the outside world (manifests/outside.yaml). Nothing is written anywhere."""

from __future__ import annotations

import base64
from typing import Final

import trustme

from cluster.api import Api, Reference

HOSTS: Final = ("ext-svc.example.com", "www.google.com", "unregistered.example.com", "www.googleapis.com")


_AUTHORITY: Final = Reference("v1", "Secret", "outside", "outside-authority")


def outside_secrets() -> list[dict[str, object]]:
    """The Secret of the servers, and that of a new authority, which lives as long as the cluster."""
    authority = trustme.CA(organization_name="conformance outside world")
    kept: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _AUTHORITY.name, "namespace": _AUTHORITY.namespace},
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": _encoded(authority.cert_pem.bytes()),
            "tls.key": _encoded(authority.private_key_pem.bytes()),
        },
    }
    return [kept, outside_certificates(authority)]


def outside_authority(api: Api) -> trustme.CA:
    """To issue client certificates that the servers accept on their +mtls port."""
    found = api.get(_AUTHORITY)
    assert found, "every cluster has the outside world's authority"
    certificate, key = (base64.b64decode(found["data"][name]) for name in ("tls.crt", "tls.key"))
    return trustme.CA.from_pem(certificate, key)


def outside_certificates(authority: trustme.CA) -> dict[str, object]:
    """The Secret outside-tls as a Kubernetes object: one certificate for all hosts, its key and its CA."""
    issued = authority.issue_cert(*HOSTS, common_name=HOSTS[0])
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "outside-tls", "namespace": "outside"},
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": _encoded(chain),
            "tls.key": _encoded(issued.private_key_pem.bytes()),
            "ca.crt": _encoded(authority.cert_pem.bytes()),
        },
    }


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
