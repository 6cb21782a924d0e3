"""`tls` of a DestinationRule (ValidateTLS). ISTIO_MUTUAL beside certificates is stored; they are ignored."""

from __future__ import annotations

from conformance.router.admission.remark import Remarks, denied, quoted
from conformance.router.objects.destination_rule import ClientTLSSettings

_CONFIG_MAP = "configmap://"


def client_tls(field: str, tls: ClientTLSSettings | None, namespace: str) -> Remarks:
    """`namespace` is the DestinationRule's."""
    if tls is None:
        return
    if tls.credential_name and tls.credential_name.startswith(_CONFIG_MAP):
        yield from _config_map(f"{field}.credentialName", tls.credential_name, namespace)
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


def _config_map(field: str, name: str, namespace: str) -> Remarks:
    """A credential in a ConfigMap is named with the namespace, which is the rule's own."""
    parts = name.removeprefix(_CONFIG_MAP).split("/")
    if len(parts) < 2 or not (parts[0] and parts[1]):
        text = f"invalid resource name {quoted(name)}. Expected namespace and name"
        yield denied(field, f"invalid configmap:// credentialName: {text}")
    elif parts[0] != namespace:
        text = f"namespace must match the configuration namespace {quoted(namespace)}"
        yield denied(field, f"invalid configmap:// credentialName: {text}")


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
