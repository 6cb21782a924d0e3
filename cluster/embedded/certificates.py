"""Keys, certificates and the kubeconfig of one embedded cluster, made anew each time; they die with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cluster.embedded import layout

# istio and in-cluster clients dial these names and addresses of the API server.
_API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{layout.CLUSTER_DOMAIN}",
    "localhost",
    "127.0.0.1",
    layout.NODE_ADDRESS,
    layout.API_SERVICE_ADDRESS,
)


@dataclass(frozen=True)
class Credentials:
    """Files in the world's own folder."""

    authority: Path
    api_server: Path
    service_account_key: Path
    tokens: Path
    admin_token: str


def create(folder: Path) -> Credentials:
    """Writes everything the API server needs; nothing is readable by the pods' users but the authority."""
    folder.mkdir(parents=True)
    authority = trustme.CA(organization_name="istio-conformance embedded cluster")
    credentials = Credentials(
        authority=folder / "ca.crt",
        api_server=folder / "api-server.pem",
        service_account_key=folder / "service-account.key",
        tokens=folder / "tokens.csv",
        admin_token=secrets.token_urlsafe(32),
    )
    authority.cert_pem.write_to_path(credentials.authority)
    authority.issue_cert(*_API_NAMES).private_key_and_cert_chain_pem.write_to_path(credentials.api_server)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    credentials.service_account_key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    # The group is bound to cluster-admin by the API server itself.
    credentials.tokens.write_text(f"{credentials.admin_token},admin,admin,system:masters\n")
    for secret in (credentials.api_server, credentials.service_account_key, credentials.tokens):
        secret.chmod(0o600)
    return credentials


def kubeconfig(server: str, authority: str, token: str) -> str:
    """A kubeconfig with one context; `authority` is a path as the reader of the file will see it."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "embedded", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "embedded", "context": {"cluster": "embedded", "user": "admin"}}],
        "current-context": "embedded",
    }
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text
