"""The certificates of one run: keys that live as long as the run, Secrets made of them, and what clients show."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import trustme

from cluster.api import Api, Object
from cluster.outside import outside_authority
from conformance.judgement.history import Served
from conformance.language.certificates import NO_NAME, OUTSIDE_AUTHORITY, CertificateOf, Content, SecretOf, Tls


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, as PEM."""

    chain: bytes
    key: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER of the first certificate in the chain, in hex."""
        leaf = self.chain.decode().partition("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert("".join(leaf[:2]))).hexdigest()


def issued(authority: trustme.CA, *names: str) -> Issued:
    """A new certificate for the names, of which the first is its common name."""
    made = authority.issue_cert(*names, common_name=names[0])
    return Issued(b"".join(blob.bytes() for blob in made.cert_chain_pems), made.private_key_pem.bytes())


class Certificates:
    """All certificates of a scenario by their names in it. Nothing is written anywhere but into the cluster."""

    def __init__(self, api: Api, certificates: Mapping[str, CertificateOf]) -> None:
        self._api = api
        self._authorities: dict[str, trustme.CA] = {}
        self._issued = {
            name: issued(self._authority(words.authority), *words.hosts) for name, words in certificates.items()
        }

    @property
    def fingerprints(self) -> dict[str, str]:
        """What the record has of them."""
        return {name: each.fingerprint for name, each in self._issued.items()}

    def served(self, fingerprint: str | None) -> Served | None:
        """A certificate that a client was shown, with its name if it is one of these."""
        if fingerprint is None:
            return None
        return Served(fingerprint, next((n for n, one in self.fingerprints.items() if one == fingerprint), None))

    def secret(self, words: SecretOf, namespace: str) -> Object:
        """The Kubernetes Secret; `namespace` is where one goes that names none."""
        data = {key: base64.b64encode(self._content(content)).decode() for key, content in words.data.items()}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": words.name, "namespace": words.namespace or namespace},
            "type": words.type,
            "data": data,
        }

    def handshake(self, words: Tls | None) -> dict[str, Any] | None:
        """For the plan of a client pod."""
        if words is None:
            return None
        own = self._issued[words.certificate] if words.certificate else None
        return {
            "sni": "" if words.sni == NO_NAME else words.sni,
            "certificate": (own.chain + own.key).decode() if own else None,
            "ca": self._authority(words.trusts).cert_pem.bytes().decode() if words.trusts else None,
            "max_version": words.max_version,
        }

    def _content(self, content: Content) -> bytes:
        if content.certificate is not None:
            return self._issued[content.certificate].chain
        if content.key is not None:
            return self._issued[content.key].key
        assert content.authority is not None, "a key of a Secret holds one of the three"
        return self._authority(content.authority).cert_pem.bytes()

    def _authority(self, name: str) -> trustme.CA:
        if name not in self._authorities:
            is_outside = name == OUTSIDE_AUTHORITY
            self._authorities[name] = (
                outside_authority(self._api) if is_outside else trustme.CA(organization_name=f"authority {name}")
            )
        return self._authorities[name]
