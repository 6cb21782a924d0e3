"""DestinationRules (specification, section 24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.admission.rows import Row, check, parameters, policy

KIND = "DestinationRule"
MESH = "host: a, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}"


def whole(behaviour: str, spec: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    return Row(behaviour, KIND, f"{{{spec}}}", field, text, accepted=accepted and f"{{{accepted}}}", **more)


def balanced(behaviour: str, snippet: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about `loadBalancer`; `field` is relative to it."""
    neighbour = None if accepted is None else f"loadBalancer: {{{accepted}}}"
    place = f"loadBalancer.{field}" if field else "loadBalancer"
    return policy(behaviour, f"loadBalancer: {{{snippet}}}", place, text, accepted=neighbour, **more)


SUBSETS = [
    whole("a rule without host is refused", "subsets: []", "spec.host", "Required value", by="schema"),
    whole(
        "a rule for an empty host is refused", "host: ''", "spec.host", "empty domain name not allowed", accepted=MESH
    ),
    whole(
        "a host with bad characters is refused",
        "host: a_b",
        "spec.host",
        'domain name "a_b" invalid',
        accepted="host: '*.local'",
    ),
    whole(
        "two subsets of one name are refused",
        "host: a, subsets: [{name: v1}, {name: v1}]",
        "spec.subsets[1].name",
        "duplicate subset names: v1",
        accepted="host: a, subsets: [{name: v1}, {name: v2, labels: {version: v2}}]",
    ),
    whole(
        "a subset without a name is refused",
        "host: a, subsets: [{labels: {a: b}}]",
        "spec.subsets[0].name",
        "Required value",
        by="schema",
    ),
    whole(
        "a subset with an empty name is refused",
        "host: a, subsets: [{name: ''}]",
        "spec.subsets[0].name",
        "subset name cannot be empty",
    ),
    whole(
        "a subset's name with bad characters is refused",
        "host: a, subsets: [{name: v_1}]",
        "spec.subsets[0].name",
        "subset name is invalid: v_1",
    ),
    whole(
        "a subset's label with bad characters is refused",
        "host: a, subsets: [{name: v1, labels: {'a b': c}}]",
        "spec.subsets[0].labels[a b]",
        'invalid tag key: "a b"',
    ),
    whole(
        "an empty trafficPolicy of a subset is refused",
        "host: a, subsets: [{name: v1, trafficPolicy: {}}]",
        "spec.subsets[0].trafficPolicy",
        "traffic policy must have at least one field",
        # The warning about consecutiveErrors does not get out of a subset.
        accepted="host: a, subsets: [{name: v1, trafficPolicy: {outlierDetection: {consecutiveErrors: 1}}}]",
    ),
    whole(
        "an interval of 0s is refused in a subset",
        "host: a, subsets: [{name: v1, trafficPolicy: {outlierDetection: {interval: 0s}}}]",
        "spec.subsets[0].trafficPolicy.outlierDetection.interval",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    whole(
        "a credential in a ConfigMap of another namespace is refused in a subset",
        "host: a, subsets: [{name: v1, trafficPolicy: {tls: {mode: SIMPLE, credentialName: 'configmap://bank/ca'}}}]",
        "spec.subsets[0].trafficPolicy.tls.credentialName",
        'namespace must match the configuration namespace "shop"',
        accepted="host: a, subsets: [{name: v, trafficPolicy: {tls: {mode: SIMPLE, credentialName: 'configmap://shop/a'}}}]",
    ),
]

SELECTORS = [
    whole(
        "a selector with a wildcard is refused",
        "host: a, workloadSelector: {matchLabels: {app: 'a*'}}",
        "spec.workloadSelector.matchLabels[app]",
        "wildcard not allowed in label value match",
        by="schema",
        accepted="host: a, workloadSelector: {matchLabels: {app: a}}, exportTo: [.]",
    ),
    whole(
        "a selector with exportTo beyond the namespace is refused",
        "host: a, workloadSelector: {matchLabels: {app: a}}, exportTo: ['*']",
        "spec.exportTo",
        "destination rule with workload selector cannot have exportTo beyond current namespace",
    ),
    whole(
        "a selector with exportTo of the namespace and another one is refused",
        "host: a, workloadSelector: {matchLabels: {app: a}}, exportTo: [., bank]",
        "spec.exportTo",
        "destination rule with workload selector cannot have multiple entries in exportTo",
    ),
    whole(
        "a selector without labels is stored with a warning",
        "host: a, workloadSelector: {}",
        "spec.workloadSelector",
        "workload selector specified without labels",
        severity="warned",
    ),
]

POLICIES = [
    policy(
        "an empty trafficPolicy is refused",
        "{}",
        "",
        "traffic policy must have at least one field",
        accepted="retryBudget: {percent: 20}",
    ),
    policy(
        "tunnel and proxyProtocol together are refused",
        "tunnel: {targetHost: a.com, targetPort: 443}\nproxyProtocol: {version: V1}",
        "",
        "tunnel and proxyProtocol must not be set together",
        accepted="tunnel: {protocol: POST, targetHost: a.com, targetPort: 443}",
    ),
    policy(
        "a tunnel by an unknown method is refused",
        "tunnel: {protocol: PUT, targetHost: a.com, targetPort: 443}",
        "tunnel.protocol",
        'tunnel protocol must be "CONNECT" or "POST"',
        accepted="tunnel: {protocol: CONNECT, targetHost: a.com, targetPort: 443}",
    ),
    policy(
        "a tunnel to a host with bad characters is refused",
        "tunnel: {targetHost: a_b, targetPort: 443}",
        "tunnel.targetHost",
        "tunnel target host must be valid FQDN or IP address",
        accepted="tunnel: {targetHost: '2001:db8::1', targetPort: 443}",
    ),
    policy(
        "a tunnel to an empty host is refused",
        "tunnel: {targetHost: '', targetPort: 443}",
        "tunnel.targetHost",
        "tunnel target host must be valid FQDN or IP address: empty domain name not allowed;  is not a valid IP",
    ),
    policy(
        "a tunnel to port 0 is refused",
        "tunnel: {targetHost: a.com, targetPort: 0}",
        "tunnel.targetPort",
        "tunnel target port is invalid: port number 0 must be in the range 1..65535",
        accepted="tunnel: {protocol: '', targetHost: a.com, targetPort: 443}",  # which means CONNECT
    ),
    policy(
        "a tunnel to no port is refused",
        "tunnel: {targetHost: a.com}",
        "tunnel.targetPort",
        "Required value",
        by="schema",
    ),
    policy(
        "a retry budget above 100 % is refused",
        "retryBudget: {percent: 100.5}",
        "retryBudget.percent",
        "should be less than or equal to 100",
        by="schema",
    ),
    policy(
        "settings of a port without the port are refused",
        "portLevelSettings: [{tls: {mode: DISABLE}}]",
        "portLevelSettings[0].port",
        "portTrafficPolicy must have valid port",
        accepted="portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}, {port: {}, tls: {}}]",
    ),
    policy(
        "settings of a port that set nothing are refused",
        "portLevelSettings: [{port: {number: 80}}]",
        "portLevelSettings[0]",
        "port traffic policy must have at least one field",
    ),
    policy(
        "an empty connection pool of a port is refused",
        "portLevelSettings: [{port: {number: 80}, connectionPool: {}}]",
        "portLevelSettings[0].connectionPool",
        "connection pool must have at least one field",
    ),
]

OUTLIERS = [
    policy(
        "consecutiveErrors is stored with a warning that it is deprecated",
        "outlierDetection: {consecutiveErrors: 5}",
        "outlierDetection.consecutiveErrors",
        "outlier detection consecutive errors is deprecated",
        severity="warned",
        accepted="outlierDetection: {consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 1m}",
    ),
    policy(
        "local origin failures that are not split off are refused",
        "outlierDetection: {consecutiveLocalOriginFailures: 5}",
        "outlierDetection.consecutiveLocalOriginFailures",
        "but split external local origin errors is set to false",
        accepted="outlierDetection: {consecutiveLocalOriginFailures: 5, splitExternalLocalOriginErrors: true}",
    ),
    policy(
        "a maxEjectionPercent above 100 is refused",
        "outlierDetection: {maxEjectionPercent: 101}",
        "outlierDetection.maxEjectionPercent",
        "percentage 101 is not in range 0..100",
        accepted="outlierDetection: {maxEjectionPercent: 100, minHealthPercent: 0}",
    ),
    policy(
        "a negative minHealthPercent is refused",
        "outlierDetection: {minHealthPercent: -1}",
        "outlierDetection.minHealthPercent",
        "percentage -1 is not in range 0..100",
    ),
    *(
        row
        for name in ("interval", "baseEjectionTime")
        for row in (
            policy(
                f"{name} of 0s is refused",
                f"outlierDetection: {{{name}: 0s}}",
                f"outlierDetection.{name}",
                "must be a valid duration greater than 1ms",
                by="schema",
            ),
            policy(
                f"{name} finer than milliseconds is refused",
                f"outlierDetection: {{{name}: 1500us}}",
                f"outlierDetection.{name}",
                "only durations to ms precision are supported",
            ),
        )
    ),
    policy(
        "an interval of 0s is refused for a port",
        "portLevelSettings: [{port: {number: 80}, outlierDetection: {interval: 0s}}]",
        "portLevelSettings[0].outlierDetection.interval",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    policy(
        "a credential in a ConfigMap of another namespace is refused for a port",
        "portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, credentialName: 'configmap://bank/ca'}}]",
        "portLevelSettings[0].tls.credentialName",
        'namespace must match the configuration namespace "shop"',
        accepted="portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, credentialName: 'configmap://shop/ca'}}]",
    ),
]

POOLS = [
    policy(
        "an empty connection pool is refused",
        "connectionPool: {}",
        "connectionPool",
        "connection pool must have at least one field",
        accepted="connectionPool: {http: {}}",
    ),
    policy(
        "UPGRADE together with useClientProtocol is refused",
        "connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}",
        "connectionPool.http",
        "use client protocol must not be true when H2UpgradePolicy is UPGRADE",
        accepted="connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE, useClientProtocol: true}}",
    ),
    *(
        policy(
            f"a negative {name} is refused",
            f"connectionPool: {{http: {{{name}: -1}}}}",
            f"connectionPool.http.{name}",
            f"{called} must be non-negative",
        )
        for name, called in (
            ("http1MaxPendingRequests", "http1 max pending requests"),
            ("http2MaxRequests", "http2 max requests"),
            ("maxRequestsPerConnection", "max requests per connection"),
            ("maxRetries", "max retries"),
            ("maxConcurrentStreams", "max concurrent streams"),
        )
    ),
    policy(
        "a negative maxConnections is refused",
        "connectionPool: {tcp: {maxConnections: -1}}",
        "connectionPool.tcp.maxConnections",
        "max connections must be non-negative",
        accepted="connectionPool: {tcp: {maxConnections: 0, tcpKeepalive: {time: 1s, interval: 1s}}}",
    ),
    policy(
        "an HTTP idleTimeout of 0s is refused",
        "connectionPool: {http: {idleTimeout: 0s}}",
        "connectionPool.http.idleTimeout",
        "must be a valid duration greater than 1ms",
        by="schema",
        accepted="connectionPool: {tcp: {idleTimeout: 0s}}",
    ),
    policy(
        "an HTTP idleTimeout finer than milliseconds is refused",
        "connectionPool: {http: {idleTimeout: 1500us}}",
        "connectionPool.http.idleTimeout",
        "only durations to ms precision are supported",
    ),
    policy(
        "a TCP idleTimeout finer than milliseconds is refused",
        "connectionPool: {tcp: {idleTimeout: 1500us}}",
        "connectionPool.tcp.idleTimeout",
        "only durations to ms precision are supported",
        accepted="connectionPool: {tcp: {idleTimeout: 999us}}",
    ),
    policy(
        "a negative TCP idleTimeout is refused",
        "connectionPool: {tcp: {idleTimeout: -1s}}",
        "connectionPool.tcp.idleTimeout",
        "duration must be greater than 1ms",
        accepted="connectionPool: {tcp: {idleTimeout: 1s}}",
    ),
    policy(
        "a TCP idleTimeout without a unit is refused",
        "connectionPool: {tcp: {idleTimeout: '5'}}",
        "connectionPool.tcp.idleTimeout",
        'bad Duration: time: missing unit in duration "5"',
    ),
    policy(
        "a connectTimeout finer than milliseconds is refused",
        "connectionPool: {tcp: {connectTimeout: 1500us}}",
        "connectionPool.tcp.connectTimeout",
        "only durations to ms precision are supported",
    ),
]

HASHES = [
    balanced(
        "a simple balancer and a hash together are refused",
        "simple: RANDOM, consistentHash: {useSourceIp: true}",
        "",
        "must validate one and only one schema (oneOf)",
        by="schema",
        accepted="consistentHash: {}",
    ),
    balanced(
        "two keys of a hash are refused",
        "consistentHash: {useSourceIp: true, httpHeaderName: x}",
        "consistentHash",
        "must validate one and only one schema (oneOf)",
        by="schema",
    ),
    balanced(
        "two algorithms of a hash are refused",
        "consistentHash: {useSourceIp: true, ringHash: {}, maglev: {tableSize: 7}}",
        "consistentHash",
        "must validate one and only one schema (oneOf)",
        by="schema",
    ),
    balanced(
        "an unknown balancer is refused",
        "simple: FOO",
        "simple",
        'Unsupported value: "FOO"',
        by="schema",
        accepted="simple: LEAST_CONN",
    ),
    balanced(
        "a cookie without a name is refused",
        "consistentHash: {httpCookie: {ttl: 0s}}",
        "consistentHash.httpCookie.name",
        "Required value",
        by="schema",
    ),
    balanced(
        "a cookie with an empty name is refused",
        "consistentHash: {httpCookie: {name: ''}}",
        "consistentHash.httpCookie.name",
        "name required for HttpCookie",
        accepted="consistentHash: {httpCookie: {name: x, ttl: 0s, attributes: [{name: a}, {name: b, value: c}]}}",
    ),
    balanced(
        "a cookie's ttl that is no duration is refused",
        "consistentHash: {httpCookie: {name: x, ttl: soon}}",
        "consistentHash.httpCookie.ttl",
        'bad Duration: time: invalid duration "soon"',
    ),
    balanced(
        "a cookie's attribute without a name is refused",
        "consistentHash: {httpCookie: {name: x, attributes: [{value: a}]}}",
        "consistentHash.httpCookie.attributes[0].name",
        "Required value",
        by="schema",
    ),
    balanced(
        "a cookie's attribute with an empty name is refused",
        "consistentHash: {httpCookie: {name: x, attributes: [{name: ''}]}}",
        "consistentHash.httpCookie.attributes[0].name",
        "cookie attribute name cannot be empty",
    ),
    balanced(
        "a cookie's attribute that stands there twice is refused",
        "consistentHash: {httpCookie: {name: x, attributes: [{name: a}, {name: a}]}}",
        "consistentHash.httpCookie.attributes[1].name",
        "duplicate cookie attribute name: a",
    ),
    balanced(
        "a maglev table without a size is refused",
        "consistentHash: {useSourceIp: true, maglev: {}}",
        "consistentHash.maglev.tableSize",
        "tableSize must be set for maglev",
    ),
    balanced(
        "a maglev table whose size is even is refused",
        "consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}",
        "consistentHash.maglev.tableSize",
        "tableSize must be a prime number for maglev",
        accepted="consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}",
    ),
    balanced(
        "a maglev table whose size is odd and no prime is refused",
        "consistentHash: {useSourceIp: true, maglev: {tableSize: 65535}}",
        "consistentHash.maglev.tableSize",
        "tableSize must be a prime number for maglev",
        accepted="consistentHash: {useSourceIp: true, maglev: {tableSize: 1}}",
    ),
    balanced(
        "a maglev table that is too large is refused",
        "consistentHash: {useSourceIp: true, maglev: {tableSize: 5000011}}",
        "consistentHash.maglev.tableSize",
        "tableSize must be less than 5000011 for maglev",
    ),
    balanced(
        "minimumRingSize is stored with a warning that it is deprecated",
        "consistentHash: {useSourceIp: true, minimumRingSize: 5}",
        "consistentHash.minimumRingSize",
        "consistent hash MinimumRingSize is deprecated",
        severity="warned",
    ),
    balanced(
        "minimumRingSize beside ringHash is refused",
        "consistentHash: {useSourceIp: true, minimumRingSize: 5, ringHash: {minimumRingSize: 5}}",
        "consistentHash.minimumRingSize",
        "only one of MinimumRingSize or Maglev/Ringhash can be specified",
        accepted="consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 5}}",
    ),
    balanced(
        "warming up without a duration is refused",
        "simple: ROUND_ROBIN, warmup: {}",
        "warmup.duration",
        "Required value",
        by="schema",
        accepted="simple: ROUND_ROBIN, warmup: {duration: 10s, minimumPercent: 10, aggression: 1.5}",
    ),
    balanced(
        "warming up without aggression is refused",
        "simple: ROUND_ROBIN, warmup: {duration: 10s, aggression: 0}",
        "warmup.aggression",
        "aggression should be greater than 0",
    ),
    balanced(
        "warming up for 0s is refused",
        "simple: ROUND_ROBIN, warmup: {duration: 0s}",
        "warmup.duration",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    balanced(
        "warming up from more than 100 % is refused",
        "simple: ROUND_ROBIN, warmup: {duration: 10s, minimumPercent: 101}",
        "warmup.minimumPercent",
        "should be less than or equal to 100",
        by="schema",
    ),
    balanced(
        "a maglev table of negative size is refused",
        "consistentHash: {useSourceIp: true, maglev: {tableSize: -7}}",
        "consistentHash.maglev.tableSize",
        "should be greater than or equal to 0",
        by="schema",
    ),
]

A_TO_B = "from: a, to: b"
LOCALITIES = [
    balanced(
        "distribute with failover is refused",
        f"localityLbSetting: {{distribute: [{{from: a, to: {{b: 100}}}}], failover: [{{{A_TO_B}}}]}}",
        "localityLbSetting",
        "can not simultaneously specify 'distribute' and 'failover'",
        accepted="localityLbSetting: {distribute: [{from: a/*, to: {a/b: 80, c: 20}}, {from: b, to: {b: 100}}]}",
    ),
    balanced(
        "failover with a priority by topology is refused",
        f"localityLbSetting: {{failover: [{{{A_TO_B}}}], failoverPriority: [app, topology.istio.io/subzone]}}",
        "localityLbSetting",
        "can not simultaneously set 'failover' and topology label 'topology.istio.io/subzone' in 'failover_priority'",
        accepted="localityLbSetting: {}",
    ),
    balanced(
        "weights that do not add up to 100 are refused",
        "localityLbSetting: {distribute: [{from: a, to: {a: 50, b: 49}}]}",
        "localityLbSetting.distribute[0].to",
        "total locality weight 99 != 100",
    ),
    balanced(
        "a weight above 100 is refused",
        "localityLbSetting: {distribute: [{from: a, to: {a: 101}}]}",
        "localityLbSetting.distribute[0].to",
        "locality weight must be in range [1, 100]",
        accepted="localityLbSetting: {distribute: [{from: a, to: {a: 99, b: 1}}]}",
    ),
    balanced(
        "a weight of 0 is refused",
        "localityLbSetting: {distribute: [{from: a, to: {a: 100, b: 0}}]}",
        "localityLbSetting.distribute[0].to",
        "locality weight must be in range [1, 100]",
    ),
    balanced(
        "a locality from which requests are distributed twice is refused",
        "localityLbSetting: {distribute: [{from: a, to: {a: 100}}, {from: a, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a overlap with previous specified ones",
    ),
    balanced(
        "a locality inside an earlier one is refused",
        "localityLbSetting: {distribute: [{from: a/*, to: {a: 100}}, {from: a/b/c, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a/b/c overlap with previous specified ones",
        accepted="localityLbSetting: {distribute: [{from: a/b/c, to: {a: 100}}, {from: a/*, to: {b: 100}}]}",
    ),
    balanced(
        "what follows the second slash of a locality is one word",
        "localityLbSetting: {distribute: [{from: a/*, to: {a: 100}}, {from: a/b/c/d, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a/b/c/d overlap with previous specified ones",
        accepted="localityLbSetting: {distribute: [{from: a/b/c, to: {a: 100}}, {from: a/b/c/d, to: {b: 100}}]}",
    ),
    balanced(
        "a locality after * is refused",
        "localityLbSetting: {distribute: [{from: '*', to: {a: 100}}, {from: a//, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a// overlap with previous specified ones",
        accepted="localityLbSetting: {distribute: [{from: a, to: {a: 100}}, {from: '*', to: {b: 100}}]}",
    ),
    balanced(
        "overlapping localities to which requests are distributed are refused",
        "localityLbSetting: {distribute: [{from: a, to: {b: 50, b/c: 50}}]}",
        "localityLbSetting.distribute[0].to",
        "overlap with previous specified ones",
    ),
    balanced(
        "a locality with an empty part is refused",
        "localityLbSetting: {distribute: [{from: a//b, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a//b must not contain empty region/zone/subzone info",
    ),
    balanced(
        "a locality with an asterisk in the middle is refused",
        "localityLbSetting: {distribute: [{from: a/*/b, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a/*/b wildcard '*' number can not exceed 1 and must be in the end",
    ),
    balanced(
        "a locality with two asterisks at the end is refused",
        "localityLbSetting: {distribute: [{from: a/**, to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality a/** wildcard '*' number can not exceed 1 and must be in the end",
    ),
    balanced(
        "distributing from no locality is refused",
        "localityLbSetting: {distribute: [{to: {b: 100}}]}",
        "localityLbSetting.distribute",
        "locality  must not contain empty region/zone/subzone info",
    ),
    balanced(
        "failover without outlier detection is stored with a warning",
        f"localityLbSetting: {{failover: [{{{A_TO_B}}}]}}",
        "localityLbSetting",
        "outlier detection policy must be provided for failover",
        severity="warned",
    ),
    *(
        policy(
            f"failover {name} is refused",
            f"outlierDetection: {{}}\nloadBalancer: {{localityLbSetting: {{failover: [{{{failover}}}]}}}}",
            "loadBalancer.localityLbSetting.failover[0]",
            said,
            accepted=f"outlierDetection: {{}}\nloadBalancer: {{localityLbSetting: {{failover: [{{{A_TO_B}}}]}}}}",
        )
        for name, failover, said in (
            ("to the same region", "from: a, to: a", "locality lb failover settings must specify different regions"),
            ("to a zone", "from: a, to: b/c", "locality lb failover only specify region"),
            ("to any region", "from: a, to: '*'", "locality lb failover region should not contain '*' wildcard"),
        )
    ),
]


def tls(behaviour: str, snippet: str, field: str, text: str, *, accepted: str | None = None) -> Row:
    neighbour = None if accepted is None else f"tls: {{{accepted}}}"
    place = f"tls.{field}" if field else "tls"
    return policy(behaviour, f"tls: {{{snippet}}}", place, text, accepted=neighbour)


TLS = [
    tls(
        "MUTUAL without a client certificate is refused",
        "mode: MUTUAL, privateKey: /key",
        "clientCertificate",
        "client certificate required for mutual tls",
        accepted="mode: MUTUAL, clientCertificate: /cert, privateKey: /key",
    ),
    tls(
        "MUTUAL without a private key is refused",
        "mode: MUTUAL, clientCertificate: /cert",
        "privateKey",
        "private key required for mutual tls",
        accepted="mode: MUTUAL, credentialName: secret",
    ),
    *(
        tls(
            f"credentialName beside {file} is refused",
            f"mode: SIMPLE, credentialName: secret, {file}: /file",
            "",
            "cannot specify client certificates or CA certificate or CA CRL If credentialName is set",
            accepted=f"mode: ISTIO_MUTUAL, {file}: /file",  # stored, and ignored
        )
        for file in ("clientCertificate", "privateKey", "caCertificates", "caCrl")
    ),
    tls(
        "a credential in a ConfigMap without its namespace is refused",
        "mode: SIMPLE, credentialName: 'configmap://ca'",
        "credentialName",
        'invalid configmap:// credentialName: invalid resource name "configmap://ca". Expected namespace',
        accepted="mode: SIMPLE, credentialName: 'configmap://shop/ca'",
    ),
    tls(
        "a credential in a ConfigMap of another namespace is refused",
        "mode: SIMPLE, credentialName: 'configmap://bank/ca'",
        "credentialName",
        'invalid configmap:// credentialName: namespace must match the configuration namespace "shop"',
    ),
    tls(
        "insecureSkipVerify beside what a SIMPLE server is verified by is refused",
        "mode: SIMPLE, insecureSkipVerify: true, caCertificates: /ca",
        "",
        "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set true",
        accepted="mode: SIMPLE, insecureSkipVerify: true",
    ),
    tls(
        "insecureSkipVerify beside what a MUTUAL server is verified by is refused",
        "mode: MUTUAL, insecureSkipVerify: true, credentialName: secret, subjectAltNames: [a]",
        "",
        "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true",
        accepted="mode: MUTUAL, insecureSkipVerify: true, credentialName: secret",
    ),
]

ROWS = [*SUBSETS, *SELECTORS, *POLICIES, *OUTLIERS, *POOLS, *HASHES, *LOCALITIES, *TLS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
