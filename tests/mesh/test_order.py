"""Order and workers change no verdict: a slice of the catalogue. `conformance order` does it with all, ten times."""

from __future__ import annotations

import secrets

from cluster import kept
from cluster.embedded.cluster import Running
from conformance.order import Order, compare, differences


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


def test_seeds_and_workers_change_no_verdict(running: Running) -> None:
    name = f"test-{secrets.token_hex(4)}"
    try:
        kept.note(name, running)
        orders = [Order(1, 0), Order(2, 2), Order(3, 4)]
        assert compare(orders, name, ["--only", "routing/order*"], print) == []
    finally:
        kept.forget(name)
