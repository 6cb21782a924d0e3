"""The key server in the cluster (manifests/outside.yaml): told what to offer, asked whether istiod has fetched it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from conformance.language.models import Stage
from conformance.mesh.applications import OUTSIDE
from conformance.mesh.workloads import Workloads
from conformance.tokens.wallet import Wallet

_NAME = "keys"


class KeyServer:
    """Documents stay when a scenario ends: istiod goes on asking for what it once had, and when that fails it asks for
    nothing at all for a minute (JwtPubKeyRefreshIntervalOnFailure).
    """

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads

    def offer(self, stage: Stage, wallet: Wallet) -> None:
        """From now on the server answers what the stage says; what was fetched before does not count."""
        documents = {
            _path(uri): {"status": 503, "body": ""}
            if isinstance(offered, str)
            else {"status": 200, "body": wallet.key_set(offered)}
            for uri, offered in stage.key_server.items()
        }
        self._workloads.put_documents(self._workloads.client(_NAME, OUTSIDE), documents)

    def unasked(self, stage: Stage) -> list[str]:
        """The URIs of which istiod does not surely know what they offer now.

        The second fetch of a key set proves that the first one has reached istiod's cache. Of a server that fails one
        fetch is enough: there is nothing to keep.
        """
        counts = self._workloads.documents(self._workloads.client(_NAME, OUTSIDE))
        wanted: Mapping[str, int] = {
            uri: 1 if isinstance(offered, str) else 2 for uri, offered in stage.key_server.items()
        }
        return [uri for uri, count in wanted.items() if counts[_path(uri)]["fetches"] < count]


def _path(uri: str) -> str:
    return urlsplit(uri).path or "/"
