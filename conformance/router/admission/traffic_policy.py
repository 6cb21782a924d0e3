"""`trafficPolicy` of a DestinationRule, its subsets and ports (validateTrafficPolicy)."""

from __future__ import annotations

from conformance.router.admission import percentages, ports
from conformance.router.admission.client_tls import client_tls
from conformance.router.admission.connection_pool import connection_pool
from conformance.router.admission.durations import duration
from conformance.router.admission.hosts import domain_fault
from conformance.router.admission.load_balancer import load_balancer
from conformance.router.admission.remark import Remarks, denied, each, refusals, warned
from conformance.router.names import is_address
from conformance.router.objects.destination_rule import OutlierDetection, PortTrafficPolicy, TrafficPolicy, Tunnel
from conformance.router.versions import Version


def traffic_policy(field: str, policy: TrafficPolicy | None, namespace: str, version: Version) -> Remarks:
    """`namespace` is the DestinationRule's."""
    if policy is None:
        return
    if policy == TrafficPolicy():
        yield denied(field, "traffic policy must have at least one field")
    elif policy.tunnel and policy.proxy_protocol:
        yield denied(field, "tunnel and proxyProtocol must not be set together")
    else:
        yield from _settings(field, policy, namespace, version)
        for place, port_policy in each(f"{field}.portLevelSettings", policy.port_level_settings):
            yield from refusals(_port_policy(place, port_policy, namespace, version))
        yield from _tunnel(f"{field}.tunnel", policy.tunnel)


def _settings(field: str, policy: TrafficPolicy | PortTrafficPolicy, namespace: str, version: Version) -> Remarks:
    yield from _outlier_detection(f"{field}.outlierDetection", policy.outlier_detection, version)
    yield from connection_pool(f"{field}.connectionPool", policy.connection_pool, version)
    yield from load_balancer(f"{field}.loadBalancer", policy.load_balancer, policy.outlier_detection, version)
    yield from client_tls(f"{field}.tls", policy.tls, namespace)


def _port_policy(field: str, policy: PortTrafficPolicy, namespace: str, version: Version) -> Remarks:
    """A port without a number is none that anyone has: it is stored, and never used."""
    if policy.port is None:
        yield denied(f"{field}.port", "portTrafficPolicy must have valid port")
    if not (policy.outlier_detection or policy.connection_pool or policy.load_balancer or policy.tls):
        yield denied(field, "port traffic policy must have at least one field")
    else:
        yield from _settings(field, policy, namespace, version)


def _outlier_detection(field: str, outlier: OutlierDetection | None, version: Version) -> Remarks:
    """Istio's validateOutlierDetection."""
    if outlier is None:
        return
    yield from duration(f"{field}.baseEjectionTime", outlier.base_ejection_time, version)
    if outlier.consecutive_errors:
        instead = "use consecutiveGatewayErrors or consecutive5xxErrors instead"
        yield warned(f"{field}.consecutiveErrors", f"outlier detection consecutive errors is deprecated, {instead}")
    if not outlier.split_external_local_origin_errors and outlier.consecutive_local_origin_failures:
        text = "outlier detection consecutive local origin failures is specified"
        off = "but split external local origin errors is set to false"
        yield denied(f"{field}.consecutiveLocalOriginFailures", f"{text}, {off}")
    yield from duration(f"{field}.interval", outlier.interval, version)
    yield from percentages.whole(f"{field}.maxEjectionPercent", outlier.max_ejection_percent)
    yield from percentages.whole(f"{field}.minHealthPercent", outlier.min_health_percent)


def _tunnel(field: str, tunnel: Tunnel | None) -> Remarks:
    """Istio's validateTunnelSettings."""
    if tunnel is None:
        return
    if tunnel.protocol not in {None, "", "CONNECT", "POST"}:
        yield denied(f"{field}.protocol", 'tunnel protocol must be "CONNECT" or "POST"')
    host = tunnel.target_host or ""
    if (fault := domain_fault(host)) and not is_address(host):
        text = f"tunnel target host must be valid FQDN or IP address: {fault}; {host} is not a valid IP"
        yield denied(f"{field}.targetHost", text)
    if fault := ports.number_fault(tunnel.target_port or 0):
        yield denied(f"{field}.targetPort", f"tunnel target port is invalid: {fault}")
