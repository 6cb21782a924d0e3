"""Whether a gateway's server takes a client's handshake (Server.tls; specification, section 10.2)."""

from __future__ import annotations

from conformance.router.gateways import Bound
from conformance.router.names import covers
from conformance.router.objects.gateway import ServerTLSSettings
from conformance.router.objects.kubernetes import Secret
from conformance.router.proxies import Proxy
from conformance.router.request import Certificate, Handshake
from conformance.router.world import MESH_AUTHORITY, World

_VERSIONS = {"TLSV1_0": "1.0", "TLSV1_1": "1.1", "TLSV1_2": "1.2", "TLSV1_3": "1.3"}
_OLDEST_BY_DEFAULT = "1.2"
_NEWEST_BY_DEFAULT = "1.3"
_MUTUAL = frozenset({"MUTUAL", "OPTIONAL_MUTUAL"})
_PAIRS = (frozenset({"tls.crt", "tls.key"}), frozenset({"cert", "key"}))


def refusal(proxy: Proxy, bound: Bound, shown: Handshake) -> str:
    """Why the handshake fails; empty if it does not."""
    tls = bound.server.tls
    assert tls, "a server that speaks TLS has settings for it"
    oldest = _VERSIONS.get(tls.min_protocol_version or "", _OLDEST_BY_DEFAULT)
    newest = _VERSIONS.get(tls.max_protocol_version or "", _NEWEST_BY_DEFAULT)
    if shown.max_version < oldest or shown.min_version > newest:
        return f"the server speaks TLS {oldest} to {newest}"
    if bound.mode == "ISTIO_MUTUAL":
        is_mesh = shown.certificate is not None and shown.certificate.authority == MESH_AUTHORITY
        return "" if is_mesh else "the server takes certificates of the mesh only"
    wants_client = bound.mode in _MUTUAL
    missing = _missing(proxy, tls, wants_client=wants_client)
    distrust = missing or _distrust(proxy, tls, shown)
    if distrust or not wants_client:
        return distrust
    return _of_client(shown.certificate, _authority(proxy, tls), is_optional=bound.mode == "OPTIONAL_MUTUAL")


def lacks_certificate(proxy: Proxy, bound: Bound) -> bool:
    """Whether the server cannot end any handshake, for want of a Secret or a file; ISTIO_MUTUAL names none."""
    tls = bound.server.tls
    if tls is None or bound.passes_through:
        return False
    return bool(_missing(proxy, tls, wants_client=bound.mode in _MUTUAL))


def _distrust(proxy: Proxy, tls: ServerTLSSettings, shown: Handshake) -> str:
    """Why the client does not go on with the server's certificate; empty if it does."""
    if shown.trusts is None:
        return ""
    secrets = [proxy.world.secrets[proxy.namespace, name] for name in _names(tls)]
    issuers = [each.issuer for each in secrets] or [
        proxy.world.mesh.certificate_files.get(tls.server_certificate or "")
    ]
    if shown.trusts not in issuers:
        return "the server's certificate is of another authority"
    known = [name for each in secrets for name in each.names]
    is_named = not (shown.names and known) or any(covers(name, wanted) for name in known for wanted in shown.names)
    return "" if is_named else f"the server's certificate is for {', '.join(known)}"


def _of_client(shown: Certificate | None, authority: str | None, *, is_optional: bool) -> str:
    if shown is None:
        return "" if is_optional else "the server wants a client certificate"
    return "" if shown.authority == authority else "the client's certificate is of another authority"


def _missing(proxy: Proxy, tls: ServerTLSSettings, *, wants_client: bool) -> str:
    """What the server itself lacks; empty if it has all."""
    names = _names(tls)
    if names:
        faults = [fault for name in names if (fault := _fault(proxy, name))]
        if wants_client and not faults and _authority(proxy, tls) is None:
            faults = [f"no Secret of {', '.join(names)} has a certificate authority"]
        return next(iter(faults), "")
    files = (tls.server_certificate, tls.private_key, tls.ca_certificates if wants_client else None)
    pairs = (path for pair in tls.tls_certificates for path in (pair.server_certificate, pair.private_key))
    lost = [path for path in (*files, *pairs) if path and path not in proxy.world.mesh.files]
    return f"the gateway has no file {lost[0]}" if lost else ""


def _names(tls: ServerTLSSettings) -> tuple[str, ...]:
    return (tls.credential_name,) if tls.credential_name else tls.credential_names


def _fault(proxy: Proxy, name: str) -> str:
    """What is wrong with the Secret of a credentialName: looked up in the gateway's own namespace."""
    secret = proxy.world.secrets.get((proxy.namespace, name))
    if secret is None:
        return f"there is no Secret {proxy.namespace}/{name}"
    has_pair = any(pair <= secret.keys for pair in _PAIRS)
    return "" if has_pair else f"Secret {proxy.namespace}/{name} lacks certificate or key"


def _authority(proxy: Proxy, tls: ServerTLSSettings) -> str | None:
    """Of caCertCredentialName, of the Secret with -cacert behind its name, of the Secret itself, or of a file."""
    world = proxy.world
    names = _names(tls)
    if not names:
        return world.mesh.gateway_authorities.get(tls.ca_certificates or "")
    apart = (tls.ca_cert_credential_name,) if tls.ca_cert_credential_name else ()
    places = (*apart, *(place for name in names for place in (f"{name}-cacert", name)))
    found = (_authority_in(world, proxy.namespace, place) for place in places)
    return next((authority for authority in found if authority is not None), None)


def _authority_in(world: World, namespace: str, name: str) -> str | None:
    secret: Secret | None = world.secrets.get((namespace, name))
    return secret.authority if secret is not None else None
