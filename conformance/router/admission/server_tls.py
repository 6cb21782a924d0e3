"""TLS of a listener: a Gateway's servers and a Sidecar's ingress (validateTLSOptions)."""

from __future__ import annotations

from collections import Counter

from conformance.router.admission.remark import Remarks, denied, each, unfit, warned
from conformance.router.objects.gateway import ServerTLSSettings, TLSCertificate
from conformance.router.versions import Since, Version

PASSED_THROUGH = frozenset({None, "PASSTHROUGH", "AUTO_PASSTHROUGH"})
"""PASSTHROUGH is the default."""
_MUTUAL = frozenset({"MUTUAL", "OPTIONAL_MUTUAL"})
_TERMINATED = _MUTUAL | {"SIMPLE"}
_CIPHERS = frozenset(
    "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 "
    "ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 "
    "ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA "
    "AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA DES-CBC3-SHA".split()
)


def server_tls(field: str, tls: ServerTLSSettings | None, version: Version) -> Remarks:
    if tls is None:
        return
    if version.has(Since.SCHEMA_RULES):
        yield from _exclusive(field, tls)
    yield from _ciphers(field, tls)
    if tls.mode == "ISTIO_MUTUAL":
        yield from _of_the_mesh(field, tls)
        return
    if tls.mode in PASSED_THROUGH and (any(_certificates(tls).values()) or tls.ca_crl):
        yield warned(field, f"{tls.mode or 'PASSTHROUGH'} mode does not use certificates, they will be ignored")
    if _sources(tls) > 1:
        sources = "credential_name, credential_names, server_certificate/private_key, tls_certificates"
        yield denied(field, f"only one of {sources} should be specified")
    if tls.mode in _TERMINATED and (tls.credential_name or tls.credential_names):
        # All is in the secret.
        return
    if tls.mode in _TERMINATED:
        yield from _files(field, tls)
    if tls.ca_crl:
        yield from _revocations(field, tls)


def _exclusive(field: str, tls: ServerTLSSettings) -> Remarks:
    if tls.tls_certificates and tls.credential_names:
        yield unfit(field, "only one of credentialNames or tlsCertificates can be set")
    if tls.credential_name is not None and tls.credential_names:
        yield unfit(field, "only one of credentialName or credentialNames can be set")


def _ciphers(field: str, tls: ServerTLSSettings) -> Remarks:
    if tls.min_protocol_version in {"TLSV1_0", "TLSV1_1"} and not tls.cipher_suites:
        text = "TLS version below TLSV1_2 require setting compatible ciphers"
        yield warned(field, f"{text} as by default they no longer include compatible ciphers.")
    known = Counter(name for name in tls.cipher_suites if _is_cipher(name))
    unknown = sorted({name for name in tls.cipher_suites if not _is_cipher(name)})
    repeated = sorted(name for name, count in known.items() if count > 1)
    if unknown:
        yield warned(f"{field}.cipherSuites", f"ignoring invalid cipher suites: [{' '.join(unknown)}]")
    if repeated:
        yield warned(f"{field}.cipherSuites", f"ignoring duplicate cipher suites: [{' '.join(repeated)}]")


def _is_cipher(name: str) -> bool:
    """An expression that begins with an operator is left to Envoy."""
    return name in {"", "ALL"} or not name[0].isalnum() or name in _CIPHERS


def _certificates(tls: ServerTLSSettings) -> dict[str, object]:
    """What belongs to the server's own certificate, by the words of the webhook."""
    return {
        "server certificate": tls.server_certificate,
        "private key": tls.private_key,
        "CA bundle": tls.ca_certificates,
        "tlsCertificates": tls.tls_certificates,
        "credentialName": tls.credential_name,
        "credentialNames": tls.credential_names,
    }


def _of_the_mesh(field: str, tls: ServerTLSSettings) -> Remarks:
    for name, given in _certificates(tls).items():
        if given:
            yield denied(field, f"ISTIO_MUTUAL TLS cannot have associated {name}")


def _sources(tls: ServerTLSSettings) -> int:
    files = bool(tls.server_certificate and tls.private_key)
    return files + bool(tls.credential_name) + bool(tls.credential_names) + bool(tls.tls_certificates)


def _files(field: str, tls: ServerTLSSettings) -> Remarks:
    called = "MUTUAL TLS" if tls.mode in _MUTUAL else "SIMPLE TLS"
    if tls.mode in _MUTUAL and not tls.ca_certificates:
        yield denied(field, f"{called} requires a client CA bundle")
    single = TLSCertificate(tls.server_certificate, tls.private_key)
    given = list(each(f"{field}.tlsCertificates", tls.tls_certificates)) or [(field, single)]
    for place, certificate in given:
        if not certificate.server_certificate:
            yield denied(place, f"{called} requires a server certificate")
        if not certificate.private_key:
            yield denied(place, f"{called} requires a private key")


def _revocations(field: str, tls: ServerTLSSettings) -> Remarks:
    if tls.credential_name:
        text = "CRL is not supported with credentialName. CRL has to be specified in the credential"
        yield denied(f"{field}.caCrl", text)
    if tls.mode == "SIMPLE":
        yield denied(f"{field}.caCrl", "CRL is not supported with SIMPLE TLS")
