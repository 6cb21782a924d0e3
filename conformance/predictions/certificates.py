"""The certificates of a scenario as the router knows them: who issued what, and which proxies have it as files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from conformance.language.certificates import NO_NAME, CertificateOf, SecretOf, Tls
from conformance.mesh.secret_gate import MOUNTED
from conformance.router.mesh_config import MeshConfig
from conformance.router.objects.kubernetes import Secret
from conformance.router.objects.metadata import Metadata
from conformance.router.request import Certificate, Handshake

_CERTIFICATES = ("tls.crt", "cert")
_AUTHORITIES = ("ca.crt", "cacert")


@dataclass(frozen=True)
class Certified:
    """Secrets, and what of them is files: paths with the authority that issued the certificate, or that is in them."""

    secrets: tuple[Secret, ...] = ()
    files: frozenset[str] = frozenset()
    issuers: tuple[tuple[str, str], ...] = ()
    authorities: tuple[tuple[str, str], ...] = ()

    def known_to(self, mesh: MeshConfig) -> MeshConfig:
        """The settings of a mesh that has these files, and whose proxies have waited for certificates (the gate)."""
        return replace(
            mesh,
            listeners_are_warm=True,
            files=self.files,
            certificate_files=dict(self.issuers),
            gateway_authorities=dict(self.authorities),
        )


NOTHING = Certified()


def certified(certificates: Mapping[str, CertificateOf], secrets: Iterable[SecretOf], namespace: str) -> Certified:
    """`namespace` is that of Secrets that name none."""
    listed = list(secrets)
    found = {
        f"{MOUNTED[each.name][1]}/{key}": content
        for each in listed
        if each.name in MOUNTED
        for key, content in each.data.items()
    }
    issuers = {path: certificates[one.certificate].authority for path, one in found.items() if one.certificate}
    authorities = {path: one.authority for path, one in found.items() if one.authority}
    return Certified(
        secrets=tuple(_secret(each, certificates, namespace) for each in listed),
        files=frozenset(found),
        issuers=tuple(issuers.items()),
        authorities=tuple(authorities.items()),
    )


def _secret(words: SecretOf, certificates: Mapping[str, CertificateOf], namespace: str) -> Secret:
    shown = [certificates[one.certificate] for key in _CERTIFICATES if (one := words.data.get(key)) and one.certificate]
    trusted = [one.authority for key in _AUTHORITIES if (one := words.data.get(key)) and one.authority]
    return Secret(
        metadata=Metadata(words.name, words.namespace or namespace),
        keys=frozenset(words.data),
        authority=trusted[0] if trusted else None,
        issuer=shown[0].authority if shown else None,
        names=tuple(shown[0].hosts) if shown else (),
    )


def handshake_of(words: Tls | None, host: str, certificates: Mapping[str, CertificateOf] | None) -> Handshake | None:
    """What a client shows for a URL's host; None as long as the scenario says nothing of it."""
    if words is None:
        return None
    name = None if words.sni == NO_NAME else words.sni or host
    own = (certificates or {})[words.certificate] if words.certificate else None
    return Handshake(
        sni=name,
        certificate=Certificate(own.authority, tuple(own.hosts)) if own else None,
        trusts=words.trusts,
        names=(name,) if words.trusts and name else (),
        max_version=words.max_version or "1.3",
    )
