"""`tls` of a DestinationRule (ValidateTLS). ISTIO_MUTUAL beside certificates is stored; they are ignored."""

from __future__ import annotations

from conformance.router.admission.remark import Remarks, denied
from conformance.router.objects.destination_rule import ClientTLSSettings


def client_tls(field: str, tls: ClientTLSSettings | None) -> Remarks:
    if tls is None:
        return
    yield from _unverified(field, tls)
    if tls.mode in {"SIMPLE", "MUTUAL"} and tls.credential_name:
        if tls.client_certificate or tls.ca_certificates or tls.private_key or tls.ca_crl:
            text = "cannot specify client certificates or CA certificate or CA CRL If credentialName is set"
            yield denied(field, text)
    elif tls.mode == "MUTUAL":
        if not tls.client_certificate:
            yield denied(f"{field}.clientCertificate", "client certificate required for mutual tls")
        if not tls.private_key:
            yield denied(f"{field}.privateKey", "private key required for mutual tls")


def _unverified(field: str, tls: ClientTLSSettings) -> Remarks:
    """Who does not verify the server has no use for what it would be verified by."""
    if not tls.insecure_skip_verify:
        return
    by_file = tls.ca_certificates or tls.subject_alt_names
    if tls.mode == "SIMPLE" and (by_file or tls.credential_name):
        text = "cannot specify CaCertificates or CredentialName or SubjectAltNames"
        yield denied(field, f"{text} when InsecureSkipVerify is set true")
    elif tls.mode == "MUTUAL" and by_file:
        yield denied(field, "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true")
