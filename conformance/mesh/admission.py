"""Objects that must be refused, shown to the API server and its webhooks without effect."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.api import Api, ApiError, Object, Reference, in_namespace
from conformance.judgement.admission import Attempt
from conformance.language.rejections import Rejection

_STORED = 200


def attempts(api: Api, rejections: Iterable[Rejection], namespace: str) -> list[Attempt]:
    """Each object once, by a dry run of its creation: every check of a real one, and nothing is stored."""
    return [_attempt(api, each.name, *in_namespace([each.object], namespace)) for each in rejections]


def _attempt(api: Api, name: str, manifest: Object) -> Attempt:
    described = str(Reference.of(manifest))
    try:
        api.try_create(manifest)
    except ApiError as refused:
        return Attempt(name, described, refused.status, refused.message)
    return Attempt(name, described, _STORED, "")
