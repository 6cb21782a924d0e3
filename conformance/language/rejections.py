"""The word for objects that must not become configuration."""

from __future__ import annotations

from conformance.language.words import Native, Text, Words


class Rejection(Words):
    """An object that is applied (as a dry run) and refused: by the API server, or by Istio's webhook."""

    name: Text
    object: Native
    because: Text
    """Stands in what the API server answers."""
    instead: Text | None = None
    """The kind that says the same today; the stage's configuration has one."""
