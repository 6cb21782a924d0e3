"""TLS that a proxy begins itself: what it shows and what it demands (DestinationRule tls; section 20)."""

from __future__ import annotations

from conformance.router.objects.destination_rule import ClientTLSSettings
from conformance.router.request import Certificate, Handshake
from conformance.router.versions import Since
from conformance.router.world import World

SYSTEM = "system"
"""The authorities that a proxy's image brings: those of the internet, none of ours."""


def handshake(world: World, tls: ClientTLSSettings, namespace: str, authority: str) -> Handshake:
    """Of a proxy in a namespace for a request to `authority`; modes SIMPLE and MUTUAL."""
    name = tls.sni or authority
    # Only with the Host as SNI is its name also demanded (setAutoSniAndAutoSanValidation).
    demands_host = authority and not tls.sni and world.version.has(Since.VERIFIED_SERVERS)
    names = tls.subject_alt_names or ((authority,) if demands_host else ())
    trusts = _trusted(world, tls, namespace)
    return Handshake(
        sni=name or None,
        certificate=_shown(world, tls, namespace) if tls.mode == "MUTUAL" else None,
        trusts=trusts,
        names=names if trusts else (),
    )


def _shown(world: World, tls: ClientTLSSettings, namespace: str) -> Certificate | None:
    if tls.credential_name:
        secret = world.secrets.get((namespace, tls.credential_name))
        return Certificate(secret.issuer) if secret and secret.issuer else None
    issuer = world.mesh.certificate_files.get(tls.client_certificate or "")
    return Certificate(issuer) if issuer else None


def _trusted(world: World, tls: ClientTLSSettings, namespace: str) -> str | None:
    """The authority by which the server is verified; None where it is not."""
    if tls.insecure_skip_verify:
        return None
    if tls.credential_name:
        secret = world.secrets.get((namespace, tls.credential_name))
        return (secret.authority if secret else None) or SYSTEM
    if tls.ca_certificates:
        return world.mesh.gateway_authorities.get(tls.ca_certificates, SYSTEM)
    return SYSTEM if world.version.has(Since.VERIFIED_SERVERS) else None
