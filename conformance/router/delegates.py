"""Rules that a VirtualService leaves to another one (specification, section 11; model/virtualservice.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from conformance.router.objects.virtual_service import HTTPMatchRequest, HTTPRoute, StringMatch


def merged(root: HTTPRoute, delegate: HTTPRoute) -> HTTPRoute | None:
    """The delegate's rule under the conditions of the root's; None where the two contradict each other."""
    matches = _matches(root.match, delegate.match)
    if matches is None:
        return None
    return replace(
        delegate,
        match=matches,
        rewrite=delegate.rewrite or root.rewrite,
        timeout=delegate.timeout or root.timeout,
        retries=delegate.retries or root.retries,
        fault=delegate.fault or root.fault,
        mirror=delegate.mirror or root.mirror,
        mirrors=delegate.mirrors or root.mirrors,
        mirror_percent=root.mirror_percent if delegate.mirror_percent is None else delegate.mirror_percent,
        mirror_percentage=delegate.mirror_percentage or root.mirror_percentage,
        cors_policy=delegate.cors_policy or root.cors_policy,
        direct_response=delegate.direct_response or root.direct_response,
        headers=delegate.headers or root.headers,
    )


def _matches(
    roots: tuple[HTTPMatchRequest, ...], delegates: tuple[HTTPMatchRequest, ...]
) -> tuple[HTTPMatchRequest, ...] | None:
    """Every pair that can hold at once; None when a block of the delegate lies inside none of the root's."""
    if not roots or not delegates:
        return roots or delegates
    pairs = []
    for delegate in delegates:
        inside = [_both(root, delegate) for root in roots if not _conflicts(root, delegate)]
        if not inside:
            return None
        pairs += inside
    return tuple(pairs)


def _both(root: HTTPMatchRequest, delegate: HTTPMatchRequest) -> HTTPMatchRequest:
    """Of two blocks that do not contradict each other; `name` and `statPrefix`, which decide nothing, are left out."""
    return HTTPMatchRequest(
        uri=delegate.uri or root.uri,
        scheme=delegate.scheme or root.scheme,
        method=delegate.method or root.method,
        authority=delegate.authority or root.authority,
        headers={**root.headers, **delegate.headers},
        without_headers={**root.without_headers, **delegate.without_headers},
        query_params={**root.query_params, **delegate.query_params},
        port=delegate.port or root.port,
        source_labels={**root.source_labels, **delegate.source_labels},
        gateways=delegate.gateways or root.gateways,
        # The root's are the same, or not set.
        ignore_uri_case=delegate.ignore_uri_case,
        source_namespace=delegate.source_namespace,
    )


def _conflicts(root: HTTPMatchRequest, delegate: HTTPMatchRequest) -> bool:
    """Whether a block of the delegate leaves that of its root (hasConflict)."""
    labels = delegate.source_labels.items()
    return (
        any(_strings_conflict(*pair) for pair in _string_pairs(root, delegate))
        or bool(root.ignore_uri_case) != bool(delegate.ignore_uri_case)
        or bool(root.port and delegate.port and root.port != delegate.port)
        # A root with a namespace wants the same one spelt out, although nothing would be lost without.
        or bool(root.source_namespace and root.source_namespace != delegate.source_namespace)
        or any(root.source_labels.get(key, value) != value for key, value in labels)
        or bool(root.gateways and not set(delegate.gateways) <= set(root.gateways))
    )


def _string_pairs(
    root: HTTPMatchRequest, delegate: HTTPMatchRequest
) -> Iterator[tuple[StringMatch | None, StringMatch | None]]:
    yield root.uri, delegate.uri
    yield root.scheme, delegate.scheme
    yield root.method, delegate.method
    yield root.authority, delegate.authority
    yield from _shared(root.headers, delegate.headers)
    yield from _shared(root.without_headers, delegate.without_headers)
    yield from _shared(root.query_params, delegate.query_params)


def _shared(
    root: Mapping[str, StringMatch], delegate: Mapping[str, StringMatch]
) -> Iterator[tuple[StringMatch, StringMatch]]:
    return ((root[key], value) for key, value in delegate.items() if key in root)


def _strings_conflict(root: StringMatch | None, delegate: StringMatch | None) -> bool:
    """A delegate may narrow its root's condition, never widen or leave it; regexes and presence cannot be compared."""
    if root is None or delegate is None:
        return False
    if delegate.regex:
        return True
    if root.exact:
        return delegate.exact != root.exact
    return not (root.prefix and (delegate.exact or delegate.prefix or "").startswith(root.prefix))
