"""Certificates for the servers that play the outside world (manifests/outside.yaml). Nothing is written anywhere."""

from __future__ import annotations

import base64
from typing import Final

import trustme

HOSTS: Final = ("ext-svc.example.com", "www.google.com", "unregistered.example.com", "www.googleapis.com")


def outside_certificates(authority: trustme.CA | None = None) -> dict[str, object]:
    """The Secret outside-tls as a Kubernetes object: one certificate for all hosts, its key and its CA.

    Pass the authority to be able to issue client certificates that the servers accept on their +mtls port.
    """
    authority = authority or trustme.CA(organization_name="conformance outside world")
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
