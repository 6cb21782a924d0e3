"""What a rule of http does: rewrite, redirect, respond, retry, mirror, fail (specification, section 24)."""

from __future__ import annotations

import base64

import pytest

from tests.router.admission.rows import Row, check, parameters, rule


def direct_bytes(size: int) -> str:
    return f"directResponse: {{status: 200, body: {{bytes: {base64.b64encode(b'a' * size).decode()}}}}}"


REWRITES = [
    rule(
        "a rewrite of nothing is refused",
        "rewrite: {}",
        "rewrite",
        "rewrite must specify at least one of URI, UriRegexRewrite, or authority",
        accepted="rewrite: {authority: a}",
    ),
    rule(
        "a rewrite by text and by regex is refused",
        "rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}",
        "rewrite",
        "rewrite may only contain one of URI or UriRegexRewrite",
        accepted=r"rewrite: {uriRegexRewrite: {match: '^/a/(.*)$', rewrite: '/b/\1'}}",
    ),
    rule(
        "a rewrite by regex without a replacement is refused",
        "rewrite: {uriRegexRewrite: {match: a}}",
        "rewrite.uriRegexRewrite",
        "UriRegexRewrite requires both Rewrite and Match fields to be specified",
    ),
    rule(
        "a rewrite by a broken regex is refused",
        "rewrite: {uriRegexRewrite: {match: '(', rewrite: b}}",
        "rewrite.uriRegexRewrite.match",
        '"HTTPRewrite.UriRegexRewrite.Match": error parsing regexp',
    ),
]

REDIRECTS = [
    rule(
        "a redirect to nowhere is refused",
        "redirect: {}",
        "redirect",
        "redirect must specify URI, authority, scheme, or port",
        accepted="redirect: {port: 8080}",
    ),
    rule(
        "a redirect to another scheme than http and https is refused",
        "redirect: {scheme: ftp}",
        "redirect.scheme",
        'invalid redirect scheme, must be "http" or "https"',
        accepted="redirect: {scheme: http, derivePort: FROM_REQUEST_PORT}",
    ),
    rule(
        "a redirect code that is no 3xx is refused",
        "redirect: {uri: /, redirectCode: 404}",
        "redirect.redirectCode",
        "404 is not a valid redirect code, must be 3xx",
        accepted="redirect: {uri: /, redirectCode: 300}",
    ),
    rule(
        "redirect code 400 is refused",
        "redirect: {uri: /, redirectCode: 400}",
        "redirect.redirectCode",
        "400 is not a valid redirect code, must be 3xx",
        accepted="redirect: {uri: /, redirectCode: 399}",
    ),
    rule(
        "a redirect to uri and prefixRewrite is refused",
        "redirect: {uri: /, prefixRewrite: /}",
        "redirect",
        "redirect may only specify one of uri or prefix_rewrite",
    ),
    rule(
        "prefixRewrite with a match by exact path is refused",
        "match: [{uri: {prefix: /a}}, {uri: {exact: /b}}]\nredirect: {prefixRewrite: /}",
        "redirect",
        "redirect prefix_rewrite requires all URI matches to use prefix match type",
        accepted="match: [{uri: {prefix: /a}}, {headers: {x: {}}}]\nredirect: {prefixRewrite: /}",
    ),
    rule(
        "a redirect with port and derivePort is refused",
        "redirect: {port: 80, derivePort: FROM_REQUEST_PORT}",
        "redirect",
        "must validate one and only one schema (oneOf)",
        by="schema",
    ),
    rule(
        "a redirect to a port above 65535 is refused",
        "redirect: {port: 70000}",
        "redirect.port",
        "port number 70000 must be in the range 1..65535",
    ),
]

RESPONSES = [
    rule(
        "a direct response with status 199 is refused",
        "directResponse: {status: 199}",
        "directResponse.status",
        "HTTP status 199 is not in range 200-599",
        accepted="directResponse: {status: 600}",
    ),
    rule(
        "a direct response with status 601 is refused",
        "directResponse: {status: 601}",
        "directResponse.status",
        "HTTP status 601 is not in range 200-599",
    ),
    rule(
        "a direct response without status is refused",
        "directResponse: {body: {string: a}}",
        "directResponse.status",
        "Required value",
        by="schema",
    ),
    rule(
        "a direct response of more than 1 MB is refused",
        f"directResponse: {{status: 200, body: {{string: {'a' * (1024 * 1024 + 1)}}}}}",
        "directResponse.body",
        "large direct_responses may impact control plane performance, must be less than 1MB",
    ),
    rule(
        "a direct response of more than 100 kB is stored with a warning",
        direct_bytes(1024 * 1024),
        "directResponse.body",
        "large direct_responses may impact control plane performance",
        severity="warned",
        accepted=direct_bytes(100 * 1024),
    ),
    rule(
        "a direct response with two bodies is refused",
        "directResponse: {status: 200, body: {string: a, bytes: YWJj}}",
        "directResponse.body",
        "must validate one and only one schema (oneOf)",
        by="schema",
    ),
    rule(
        "a direct response whose bytes are not base64 is refused",
        "directResponse: {status: 200, body: {bytes: '!'}}",
        "directResponse.body.bytes",
        "must be of type byte",
        by="schema",
    ),
]

RETRIES = [
    rule(
        "a negative number of attempts is refused",
        "retries: {attempts: -1}",
        "retries.attempts",
        "attempts cannot be negative",
        accepted="retries: {attempts: 0}",
    ),
    rule(
        "perTryTimeout without attempts is refused",
        "retries: {perTryTimeout: 1s}",
        "retries",
        "http retry policy configured when attempts are set to 0 (disabled)",
        accepted="retries: {attempts: 1, perTryTimeout: 1s, retryRemoteLocalities: true, backoff: 25ms}",
    ),
    rule(
        "retryOn with attempts 0 is refused",
        "retries: {attempts: 0, retryOn: 5xx}",
        "retries",
        "http retry policy configured when attempts are set to 0 (disabled)",
    ),
    rule(
        "retryRemoteLocalities without attempts is refused, even if it is false",
        "retries: {retryRemoteLocalities: false}",
        "retries",
        "http retry policy configured when attempts are set to 0 (disabled)",
        accepted="retries: {retryIgnorePreviousHosts: false}",
    ),
    rule(
        "an unknown word in retryOn is refused",
        "retries: {attempts: 1, retryOn: 'reset,often'}",
        "retries.retryOn",
        '"often" is not a valid retryOn policy',
        accepted="retries: {attempts: 1, retryOn: '5xx,gateway-error,503,418'}",
    ),
    rule(
        "a space in retryOn is refused",
        "retries: {attempts: 1, retryOn: '5xx, reset'}",
        "retries.retryOn",
        '" reset" is not a valid retryOn policy',
    ),
    rule(
        "a number in retryOn that is no status is refused",
        "retries: {attempts: 1, retryOn: '599'}",
        "retries.retryOn",
        '"599" is not a valid retryOn policy',
    ),
]

MIRRORS = [
    rule(
        "a mirrorPercentage above 100 is refused",
        "mirror: {host: a}\nmirrorPercentage: {value: 100.5}",
        "mirrorPercentage.value",
        "mirror_percentage must have a max value of 100 (it has 100.500000)",
        accepted="mirror: {host: a}\nmirrorPercentage: {value: 100}",
    ),
    rule(
        "a mirrorPercentage below 0 is refused",
        "mirror: {host: a}\nmirrorPercentage: {value: -1}",
        "mirrorPercentage.value",
        "mirror_percentage must have a min value of 0 (it has -1.000000)",
    ),
    rule(
        "a share of one of several mirrors above 100 is refused",
        "mirrors: [{destination: {host: a}, percentage: {value: 101}}]",
        "mirrors[0].percentage.value",
        "mirror percentage must have a max value of 100",
    ),
    rule(
        "mirrorPercent is stored with a warning that it is deprecated",
        "mirror: {host: a}\nmirrorPercent: 100",
        "mirrorPercent",
        'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead',
        severity="warned",
    ),
    rule(
        "a mirrorPercent above 100 is refused",
        "mirror: {host: a}\nmirrorPercent: 101",
        "mirrorPercent",
        "mirror_percent must have a max value of 100 (it has 101)",
    ),
    rule(
        "a mirror without destination is refused",
        "mirrors: [{percentage: {value: 5}}]",
        "mirrors[0].destination",
        "Required value",
        by="schema",
    ),
    rule(
        "mirroring to host * is refused",
        "mirror: {host: '*'}",
        "mirror.host",
        "invalid destination host *",
    ),
    rule(
        "mirroring to host * beside others is refused",
        "mirrors: [{destination: {host: a}}, {destination: {host: '*'}}]",
        "mirrors[1].destination.host",
        "invalid destination host *",
    ),
]

FAULTS = [
    rule(
        "a fault without abort and delay is refused",
        "fault: {}",
        "fault",
        "HTTP fault injection must have an abort and/or a delay",
        accepted="fault: {delay: {fixedDelay: 1s}, abort: {httpStatus: 500, percentage: {value: 0.0001}}}",
    ),
    rule(
        "an abort of HTTP/2 is refused",
        "fault: {abort: {http2Error: INTERNAL_ERROR}}",
        "fault.abort.http2Error",
        "HTTP/2 abort fault injection not supported yet",
    ),
    rule(
        "an exponential delay is refused",
        "fault: {delay: {exponentialDelay: 1s}}",
        "fault.delay.exponentialDelay",
        "exponentialDelay not supported yet",
    ),
    rule(
        "a fixed delay finer than milliseconds is refused",
        "fault: {delay: {fixedDelay: 1500us}}",
        "fault.delay.fixedDelay",
        "only durations to ms precision are supported",
    ),
    rule(
        "an exponential delay finer than milliseconds is refused for that too",
        "fault: {delay: {exponentialDelay: 1500us}}",
        "fault.delay.exponentialDelay",
        "only durations to ms precision are supported",
    ),
    rule(
        "an exponential delay of 0s is refused for that too",
        "fault: {delay: {exponentialDelay: 0s}}",
        "fault.delay.exponentialDelay",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    rule(
        "a delay of two kinds is refused",
        "fault: {delay: {fixedDelay: 1s, exponentialDelay: 1s}}",
        "fault.delay",
        "must validate one and only one schema (oneOf)",
        by="schema",
    ),
    rule(
        "a share finer than a ten-thousandth of a percent is refused",
        "fault: {abort: {httpStatus: 500, percentage: {value: 0.00001}}}",
        "fault.abort.percentage.value",
        "percentage 1e-05 is neither 0.0, nor in range [0.0001, 100.0]",
    ),
    rule(
        "a share above 100 is refused",
        "fault: {delay: {fixedDelay: 1s, percentage: {value: 100.1}}}",
        "fault.delay.percentage.value",
        "percentage 100.1 is neither 0.0, nor in range [0.0001, 100.0]",
        accepted="fault: {delay: {fixedDelay: 1s, percentage: {}}}",
    ),
    rule(
        "an abort with status 199 is refused",
        "fault: {abort: {httpStatus: 199}}",
        "fault.abort.httpStatus",
        "HTTP status 199 is not in range 200-599",
        accepted="fault: {abort: {httpStatus: 200}}",
    ),
    rule(
        "an abort with an unknown gRPC status is refused",
        "fault: {abort: {grpcStatus: FOO}}",
        "fault.abort.grpcStatus",
        'gRPC status "FOO" is not supported',
        accepted="fault: {abort: {grpcStatus: UNAVAILABLE}}",
    ),
    rule(
        "a share above 100 of an abort of no kind is refused, the abort itself is not",
        "fault: {abort: {percentage: {value: 101}}}",
        "fault.abort.percentage.value",
        "percentage 101 is neither 0.0, nor in range",
        accepted="fault: {abort: {percentage: {value: 100}}}",
    ),
]

CORS = [
    rule(
        "an origin that matches nothing is refused",
        "corsPolicy: {allowOrigins: [{}]}",
        "corsPolicy.allowOrigins[0]",
        "'' is not a valid match type for CORS allow origins",
        accepted=(
            "corsPolicy: {allowOrigins: [{exact: 'http://a'}, {regex: '.*'}], allowMethods: [GET, '*'],"
            " allowHeaders: [x, '*'], exposeHeaders: [y], maxAge: 24h, allowCredentials: true}"
        ),
    ),
    rule(
        "an empty exact origin is refused",
        "corsPolicy: {allowOrigins: [{exact: ''}]}",
        "corsPolicy.allowOrigins[0]",
        "'' is not a valid match type for CORS allow origins",
    ),
    rule(
        "an origin with a broken regex is refused",
        "corsPolicy: {allowOrigins: [{regex: '('}]}",
        "corsPolicy.allowOrigins[0].regex",
        '"corsPolicy.allowOrigins": error parsing regexp',
    ),
    rule(
        "an unknown method is refused",
        "corsPolicy: {allowMethods: [get]}",
        "corsPolicy.allowMethods[0]",
        '"get" is not a supported HTTP method',
    ),
    rule(
        "an allowed header with a space is refused",
        "corsPolicy: {allowHeaders: ['a b']}",
        "corsPolicy.allowHeaders[0]",
        "header name a b is not a valid header name",
    ),
    rule(
        "an exposed header without a name is refused",
        "corsPolicy: {exposeHeaders: ['']}",
        "corsPolicy.exposeHeaders[0]",
        "header name cannot be empty",
    ),
    rule(
        "a maxAge with fractions of a second is refused",
        "corsPolicy: {maxAge: 1.5s}",
        "corsPolicy.maxAge",
        "max_age duration is accurate only to seconds precision",
    ),
    rule(
        "a maxAge of less than a second is refused",
        "corsPolicy: {maxAge: 500ms}",
        "corsPolicy.maxAge",
        "max_age duration is accurate only to seconds precision",
        accepted="corsPolicy: {maxAge: 1s}",
    ),
]

DURATIONS = [
    *(
        rule(
            f"{name} 0s is refused",
            snippet.format("0s"),
            name,
            "must be a valid duration greater than 1ms",
            by="schema",
            accepted=snippet.format("1ms"),
        )
        for name, snippet in (
            ("timeout", "timeout: {}"),
            ("retries.perTryTimeout", "retries: {{attempts: 1, perTryTimeout: {}}}"),
            ("retries.backoff", "retries: {{backoff: {}}}"),
            ("fault.delay.fixedDelay", "fault: {{delay: {{fixedDelay: {}}}}}"),
        )
    ),
    rule(
        "a timeout of less than a millisecond is refused",
        "timeout: 999us",
        "timeout",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    rule(
        "a timeout without a unit is refused",
        "timeout: '5'",
        "timeout",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    rule(
        "a timeout that is a number is refused",
        "timeout: 5",
        "timeout",
        'spec.http[0].timeout in body must be of type string: "integer"',
        by="schema",
    ),
    rule(
        "corsPolicy.maxAge 0s is refused",
        "corsPolicy: {maxAge: 0s}",
        "corsPolicy.maxAge",
        "must be a valid duration greater than 1ms",
        by="schema",
    ),
    *(
        rule(
            f"{name} finer than milliseconds is refused",
            snippet,
            name,
            "only durations to ms precision are supported",
        )
        for name, snippet in (
            ("retries.perTryTimeout", "retries: {attempts: 1, perTryTimeout: 1500us}"),
            ("retries.backoff", "retries: {backoff: 1500us}"),
            ("corsPolicy.maxAge", "corsPolicy: {maxAge: 1500us}"),
        )
    ),
    rule(
        "a timeout finer than milliseconds is refused",
        "timeout: 1500us",
        "timeout",
        "only durations to ms precision are supported",
        accepted="timeout: 1h2m3.5s",
    ),
]

ROWS = [*REWRITES, *REDIRECTS, *RESPONSES, *RETRIES, *MIRRORS, *FAULTS, *CORS, *DURATIONS]


@pytest.mark.parametrize("row", parameters(ROWS))
def test_it_is_said(row: Row) -> None:
    check(row)
