"""Order and workers change no verdict: a slice of the catalogue. `conformance order` does it with all, ten times."""

from __future__ import annotations

import secrets

import pytest

from cluster import kept
from cluster.embedded.cluster import Running
from conformance.commands import SCENARIOS
from conformance.order import Order, compare, differences

SLICE = [str(SCENARIOS / f"{name}.yaml") for name in ("routing/order", "routing/order/swapped", "gateway/host")]
"""By their paths, so that five processes need not read all others too."""


def test_a_verdict_that_changed_is_told_with_its_check() -> None:
    one = {
        "a/one": ("pass", frozenset({("root", "status", "pass")})),
        "a/two": ("pass", frozenset[tuple[str, str, str]]()),
    }
    other = {"a/one": ("violates", frozenset({("root", "status", "violates")}))}

    assert list(differences(one, other)) == [
        "a/one: pass, then violates (status of 'root')",
        "a/two: performed in one of the two runs only",
    ]
    assert not list(differences(one, one))


@pytest.mark.timeout(900)
def test_seeds_and_workers_change_no_verdict(running: Running) -> None:
    name = f"test-{secrets.token_hex(4)}"
    try:
        kept.note(name, running)
        orders = [Order(1, 0), Order(2, 2), Order(3, 4)]
        assert compare(orders, name, SLICE, print) == []
    finally:
        kept.forget(name)
