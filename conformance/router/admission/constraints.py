"""What the schemas of the CRDs say about single fields (manifests/charts/base/files/crd-all.gen.yaml), by type.

Required fields and unknown ones can be told only from what was written, absent being something else than empty;
conformance.language.objects looks at that, by REQUIRED.
"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.router.objects import destination_rule as rule
from conformance.router.objects import gateway, security, service_entry, sidecar
from conformance.router.objects import virtual_service as virtual
from conformance.router.objects.destination_rule import ConsistentHash, HTTPSettings, OutlierDetection, TCPSettings
from conformance.router.objects.gateway import ServerTLSSettings
from conformance.router.versions import Minor, Since

Attribute = tuple[type, str]

REQUIRED: Mapping[type, tuple[str, ...]] = {
    virtual.HTTPRouteDestination: ("destination",),
    virtual.RouteDestination: ("destination",),
    virtual.Destination: ("host",),
    virtual.HTTPMirrorPolicy: ("destination",),
    virtual.HTTPDirectResponse: ("status",),
    virtual.TLSRoute: ("match",),
    virtual.TLSMatchAttributes: ("sni_hosts",),
    gateway.Server: ("port", "hosts", "port.number", "port.protocol", "port.name"),
    rule.DestinationRuleSpec: ("host",),
    rule.Subset: ("name",),
    rule.HTTPCookie: ("name",),
    rule.Warmup: ("duration",),
    rule.Tunnel: ("target_host", "target_port"),
    service_entry.ServiceEntrySpec: ("hosts",),
    service_entry.ServicePort: ("number", "name"),
    sidecar.IngressListener: ("port",),
    sidecar.EgressListener: ("hosts",),
    security.PolicyTargetReference: ("kind", "name"),
    security.Condition: ("key",),
    security.JWTHeader: ("name",),
    security.ClaimToHeader: ("header", "claim"),
}
"""A dotted name is required only where the field leads to the inner type: a Sidecar's port needs no number."""

_PEER_MODES = ("UNSET", "DISABLE", "PERMISSIVE", "STRICT")
_TLS_VERSIONS = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")
_SERVER_MODES = ("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")
_BALANCERS = ("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")
_CAPTURE_MODES = ("DEFAULT", "IPTABLES", "NONE")

ENUMS: Mapping[Attribute, tuple[str, ...]] = {
    (virtual.CorsPolicy, "unmatched_preflights"): ("UNSPECIFIED", "FORWARD", "IGNORE"),
    (virtual.HTTPRedirect, "derive_port"): ("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
    (ServerTLSSettings, "mode"): _SERVER_MODES,
    (ServerTLSSettings, "min_protocol_version"): _TLS_VERSIONS,
    (ServerTLSSettings, "max_protocol_version"): _TLS_VERSIONS,
    (rule.ClientTLSSettings, "mode"): ("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
    (rule.LoadBalancer, "simple"): _BALANCERS,
    (rule.ProxyProtocol, "version"): ("V1", "V2"),
    (HTTPSettings, "h2_upgrade_policy"): ("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
    (service_entry.ServiceEntrySpec, "location"): ("MESH_EXTERNAL", "MESH_INTERNAL"),
    (service_entry.ServiceEntrySpec, "resolution"): ("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
    (sidecar.IngressListener, "capture_mode"): _CAPTURE_MODES,
    (sidecar.EgressListener, "capture_mode"): _CAPTURE_MODES,
    (sidecar.OutboundTrafficPolicy, "mode"): ("REGISTRY_ONLY", "ALLOW_ANY"),
    (security.MutualTLS, "mode"): _PEER_MODES,
    (security.AuthorizationPolicySpec, "action"): ("ALLOW", "DENY", "AUDIT", "CUSTOM"),
}

NEW_VALUES: Mapping[tuple[type, str, str], Minor] = {
    (service_entry.ServiceEntrySpec, "resolution", "DYNAMIC_DNS"): Since.DYNAMIC_DNS,
}

CHOICES: Mapping[type, tuple[tuple[str, ...], ...]] = {
    virtual.StringMatch: (("exact", "prefix", "regex"),),
    virtual.HTTPBody: (("string", "bytes"),),
    virtual.HTTPRedirect: (("port", "derive_port"),),
    virtual.Abort: (("http_status", "grpc_status", "http2_error"),),
    virtual.Delay: (("fixed_delay", "exponential_delay"),),
    rule.LoadBalancer: (("simple", "consistent_hash"),),
    ConsistentHash: (
        ("http_header_name", "http_cookie", "use_source_ip", "http_query_parameter_name"),
        ("ring_hash", "maglev"),
    ),
}
"""At most one of each group (oneOf)."""

DURATIONS: frozenset[Attribute] = frozenset({
    (virtual.HTTPRoute, "timeout"),
    (virtual.HTTPRetry, "per_try_timeout"),
    (virtual.HTTPRetry, "backoff"),
    (virtual.Delay, "fixed_delay"),
    (virtual.Delay, "exponential_delay"),
    (virtual.CorsPolicy, "max_age"),
    (TCPSettings, "connect_timeout"),
    (TCPSettings, "max_connection_duration"),
    (rule.TcpKeepalive, "time"),
    (rule.TcpKeepalive, "interval"),
    (HTTPSettings, "idle_timeout"),
    (OutlierDetection, "interval"),
    (OutlierDetection, "base_ejection_time"),
    (rule.LoadBalancer, "warmup_duration_secs"),
    (rule.Warmup, "duration"),
    (security.JWTRule, "timeout"),
})  # fmt: skip
"""At least a millisecond. Those that may be zero are not here: `tcp.idleTimeout`, a cookie's `ttl`."""

_UNSIGNED = (0, 2**32 - 1)
SIGNED: frozenset[Attribute] = frozenset({
    (virtual.HTTPRouteDestination, "weight"),
    (virtual.RouteDestination, "weight"),
    (virtual.Abort, "http_status"),
    (virtual.Delay, "percent"),
    (virtual.HTTPRetry, "attempts"),
    (TCPSettings, "max_connections"),
    (HTTPSettings, "http1_max_pending_requests"),
    (HTTPSettings, "http2_max_requests"),
    (HTTPSettings, "max_requests_per_connection"),
    (HTTPSettings, "max_retries"),
    (HTTPSettings, "max_concurrent_streams"),
    (OutlierDetection, "consecutive_errors"),
    (OutlierDetection, "max_ejection_percent"),
    (OutlierDetection, "min_health_percent"),
})  # fmt: skip
"""Integers of 32 bits with a sign; all others have none."""

RANGES: Mapping[Attribute, tuple[float, float]] = {
    (rule.RetryBudget, "percent"): (0, 100),
    (rule.Warmup, "minimum_percent"): (0, 100),
    (rule.Warmup, "aggression"): (0, float("inf")),
    (rule.Maglev, "table_size"): (0, 2**64 - 1),
    (rule.RingHash, "minimum_ring_size"): (0, 2**64 - 1),
    (ConsistentHash, "minimum_ring_size"): (0, 2**64 - 1),
}
"""Of fractions, and of integers of 64 bits."""

ITEMS: Mapping[Attribute, tuple[int, int]] = {
    (ServerTLSSettings, "credential_names"): (0, 2),
    (ServerTLSSettings, "tls_certificates"): (0, 2),
    (service_entry.ServiceEntrySpec, "hosts"): (1, 256),
    (service_entry.ServiceEntrySpec, "addresses"): (0, 256),
    (service_entry.ServiceEntrySpec, "ports"): (0, 256),
    (service_entry.ServiceEntrySpec, "endpoints"): (0, 4096),
    (rule.TrafficPolicy, "port_level_settings"): (0, 4096),
    (security.RequestAuthenticationSpec, "target_refs"): (0, 16),
    (security.RequestAuthenticationSpec, "jwt_rules"): (0, 4096),
    (security.AuthorizationPolicySpec, "target_refs"): (0, 16),
    (security.AuthorizationPolicySpec, "rules"): (0, 512),
    (security.Rule, "from_"): (0, 512),
    (security.Source, "service_accounts"): (0, 16),
    (security.Source, "not_service_accounts"): (0, 16),
}

LENGTHS: Mapping[Attribute, tuple[int, int]] = {
    (service_entry.ServiceEntrySpec, "addresses"): (0, 64),
    (service_entry.ServicePort, "name"): (0, 256),
    (service_entry.ServicePort, "protocol"): (0, 256),
    (service_entry.WorkloadEntrySpec, "address"): (0, 256),
    (service_entry.WorkloadEntrySpec, "network"): (0, 2048),
    (service_entry.WorkloadEntrySpec, "locality"): (0, 2048),
    (service_entry.WorkloadEntrySpec, "service_account"): (0, 253),
    (security.PolicyTargetReference, "group"): (0, 253),
    (security.PolicyTargetReference, "kind"): (1, 63),
    (security.PolicyTargetReference, "name"): (1, 253),
    (security.JWTRule, "issuer"): (1, 2**31),
    (security.JWTRule, "audiences"): (1, 2**31),
    (security.JWTRule, "jwks_uri"): (1, 2048),
    (security.JWTRule, "from_params"): (1, 2**31),
    (security.JWTRule, "from_cookies"): (1, 2**31),
    (security.JWTHeader, "name"): (1, 2**31),
    (security.ClaimToHeader, "header"): (1, 2**31),
    (security.ClaimToHeader, "claim"): (1, 2**31),
    (security.Source, "service_accounts"): (0, 320),
    (security.Source, "not_service_accounts"): (0, 320),
}
"""Of a string, or of every string of a list."""

PATTERNS: Mapping[Attribute, str] = {
    (security.PolicyTargetReference, "group"): r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    (security.PolicyTargetReference, "kind"): "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
    (security.ClaimToHeader, "header"): "^[-_A-Za-z0-9]+$",
}

NEW_FIELDS: Mapping[Attribute, Minor] = {
    (virtual.HTTPRoute, "mirrors"): Since.MIRROR_LIST,
    (virtual.HTTPRewrite, "uri_regex_rewrite"): Since.REGEX_REWRITE,
    (virtual.HTTPRedirect, "prefix_rewrite"): Since.REDIRECT_PREFIX_REWRITE,
    (virtual.HTTPRetry, "backoff"): Since.RETRY_BACKOFF,
    (virtual.HTTPRetry, "retry_ignore_previous_hosts"): Since.RETRY_BACKOFF,
    (virtual.CorsPolicy, "unmatched_preflights"): Since.UNMATCHED_PREFLIGHTS,
    (rule.DestinationRuleSpec, "workload_selector"): Since.DESTINATION_RULE_WORKLOAD_SELECTOR,
    (rule.TrafficPolicy, "retry_budget"): Since.RETRY_BUDGET,
    (security.JWTRule, "from_cookies"): Since.FROM_COOKIES,
}
"""Fields that older minors do not know (specification, section 25); strict decoding refuses them there."""


def bounds(attribute: Attribute) -> tuple[float, float]:
    """The range of a number."""
    return (-(2**31), 2**31 - 1) if attribute in SIGNED else RANGES.get(attribute, _UNSIGNED)
