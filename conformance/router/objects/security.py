"""security.istio.io PeerAuthentication, RequestAuthentication and AuthorizationPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.router.objects.metadata import LabelSelector, Metadata, Reference


@dataclass(frozen=True, slots=True)
class MutualTLS:
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class PeerAuthenticationSpec:
    selector: LabelSelector | None = None
    mtls: MutualTLS | None = None
    port_level_mtls: Mapping[int, MutualTLS] | None = None


@dataclass(frozen=True, slots=True)
class PeerAuthentication:
    metadata: Metadata
    spec: PeerAuthenticationSpec

    @property
    def reference(self) -> Reference:
        return Reference("PeerAuthentication", self.metadata.namespace, self.metadata.name)


@dataclass(frozen=True, slots=True)
class JWTHeader:
    name: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimToHeader:
    header: str | None = None
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class JWTRule:
    issuer: str | None = None
    audiences: tuple[str, ...] = ()
    jwks_uri: str | None = None
    jwks: str | None = None
    from_headers: tuple[JWTHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    output_payload_to_header: str | None = None
    output_claim_to_headers: tuple[ClaimToHeader, ...] = ()
    forward_original_token: bool | None = None
    timeout: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyTargetReference:
    group: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class RequestAuthenticationSpec:
    selector: LabelSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    jwt_rules: tuple[JWTRule, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestAuthentication:
    metadata: Metadata
    spec: RequestAuthenticationSpec

    @property
    def reference(self) -> Reference:
        return Reference("RequestAuthentication", self.metadata.namespace, self.metadata.name)


@dataclass(frozen=True, slots=True)
class Source:
    principals: tuple[str, ...] | None = None
    not_principals: tuple[str, ...] | None = None
    request_principals: tuple[str, ...] | None = None
    not_request_principals: tuple[str, ...] | None = None
    namespaces: tuple[str, ...] | None = None
    not_namespaces: tuple[str, ...] | None = None
    service_accounts: tuple[str, ...] | None = None
    not_service_accounts: tuple[str, ...] | None = None
    ip_blocks: tuple[str, ...] | None = None
    not_ip_blocks: tuple[str, ...] | None = None
    remote_ip_blocks: tuple[str, ...] | None = None
    not_remote_ip_blocks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    hosts: tuple[str, ...] | None = None
    not_hosts: tuple[str, ...] | None = None
    ports: tuple[str, ...] | None = None
    not_ports: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    not_methods: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    not_paths: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class From:
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class To:
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    key: str = ""
    values: tuple[str, ...] | None = None
    not_values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    from_: tuple[From, ...] | None = None
    to: tuple[To, ...] | None = None
    when: tuple[Condition, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExtensionProvider:
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationPolicySpec:
    selector: LabelSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    rules: tuple[Rule, ...] = ()
    action: str | None = None
    provider: ExtensionProvider | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationPolicy:
    metadata: Metadata
    spec: AuthorizationPolicySpec = field(default_factory=AuthorizationPolicySpec)

    @property
    def reference(self) -> Reference:
        return Reference("AuthorizationPolicy", self.metadata.namespace, self.metadata.name)
