"""networking.istio.io DestinationRule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.router.objects.metadata import LabelSelector, Metadata, PortSelector, Reference


@dataclass(frozen=True, slots=True)
class HTTPCookie:
    name: str = ""
    path: str | None = None
    ttl: str | None = None
    attributes: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RingHash:
    minimum_ring_size: int | None = None


@dataclass(frozen=True, slots=True)
class Maglev:
    table_size: int | None = None


@dataclass(frozen=True, slots=True)
class ConsistentHash:
    http_header_name: str | None = None
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: Maglev | None = None
    minimum_ring_size: int | None = None


@dataclass(frozen=True, slots=True)
class Distribute:
    from_: str | None = None
    to: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failover:
    from_: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class LocalityLoadBalancer:
    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Warmup:
    duration: str | None = None
    minimum_percent: float | None = None
    aggression: float | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    simple: str | None = None
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: LocalityLoadBalancer | None = None
    warmup_duration_secs: str | None = None
    warmup: Warmup | None = None


@dataclass(frozen=True, slots=True)
class TcpKeepalive:
    probes: int | None = None
    time: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class TCPSettings:
    max_connections: int | None = None
    connect_timeout: str | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: str | None = None
    idle_timeout: str | None = None


@dataclass(frozen=True, slots=True)
class HTTPSettings:
    http1_max_pending_requests: int | None = None
    http2_max_requests: int | None = None
    max_requests_per_connection: int | None = None
    max_retries: int | None = None
    idle_timeout: str | None = None
    h2_upgrade_policy: str | None = None
    use_client_protocol: bool | None = None
    max_concurrent_streams: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    consecutive_errors: int | None = None
    split_external_local_origin_errors: bool | None = None
    consecutive_local_origin_failures: int | None = None
    consecutive_gateway_errors: int | None = None
    consecutive_5xx_errors: int | None = None
    interval: str | None = None
    base_ejection_time: str | None = None
    max_ejection_percent: int | None = None
    min_health_percent: int | None = None


@dataclass(frozen=True, slots=True)
class ClientTLSSettings:
    mode: str | None = None
    client_certificate: str | None = None
    private_key: str | None = None
    ca_certificates: str | None = None
    credential_name: str | None = None
    subject_alt_names: tuple[str, ...] = ()
    sni: str | None = None
    insecure_skip_verify: bool | None = None
    ca_crl: str | None = None


@dataclass(frozen=True, slots=True)
class PortTrafficPolicy:
    port: PortSelector | None = None
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None


@dataclass(frozen=True, slots=True)
class Tunnel:
    protocol: str | None = None
    target_host: str | None = None
    target_port: int | None = None


@dataclass(frozen=True, slots=True)
class ProxyProtocol:
    version: str | None = None


@dataclass(frozen=True, slots=True)
class RetryBudget:
    percent: float | None = None
    min_retry_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: Tunnel | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


@dataclass(frozen=True, slots=True)
class Subset:
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    traffic_policy: TrafficPolicy | None = None


@dataclass(frozen=True, slots=True)
class DestinationRuleSpec:
    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class DestinationRule:
    metadata: Metadata
    spec: DestinationRuleSpec

    @property
    def reference(self) -> Reference:
        return Reference("DestinationRule", self.metadata.namespace, self.metadata.name)
