"""Versions of Istio as they are written."""

from __future__ import annotations

import pytest

from conformance.router.versions import Version


@pytest.mark.parametrize(
    ("text", "minor"),
    [("1.32", (1, 32)), ("1.32.0", (1, 32)), ("v1.9.8", (1, 9)), ("1.30-alpha", (1, 30)), ("1.30-alpha.v1", (1, 30))],
)
def test_a_version_is_its_minor(text: str, minor: tuple[int, int]) -> None:
    assert Version.of(text).minor == minor


@pytest.mark.parametrize("text", ["", "1", "latest", "1.x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Version.of(text)
