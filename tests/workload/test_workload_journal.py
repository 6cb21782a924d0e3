"""The journal: what is recorded, how the caller's identity is read, what falls out."""

from __future__ import annotations

import pytest
from workload.journal import Entry, Journal, principal_of, split_outside_quotes

CALLER = "spiffe://cluster.local/ns/default/sa/bookinfo-productpage"


@pytest.mark.parametrize(
    ("header", "principal"),
    [
        (f'By=spiffe://cluster.local/ns/a/sa/b;Hash=0f;Subject="";URI={CALLER}', CALLER),
        (f'By=spiffe://x;Hash=0f;URI={CALLER};Subject="CN=a,O=b;URI=spiffe://wrong"', CALLER),
        (f"By=spiffe://x;URI=spiffe://first/hop,By=spiffe://y;URI={CALLER}", CALLER),
        (f'By=spiffe://x;Subject="quoted \\" quote, and ; more";URI="{CALLER}"', CALLER),
        (f"by=spiffe://x;uri={CALLER}", CALLER),
        (f"URI={CALLER},By=spiffe://y;Hash=0f", None),
        ("By=spiffe://x;URI=https://example.com", None),
        ("", None),
        ('Subject="never closed;URI=spiffe://x', None),
    ],
)
def test_principal_is_the_uri_of_the_last_element(header: str, principal: str | None) -> None:
    assert principal_of(header) == principal


def test_separators_in_quotes_do_not_split() -> None:
    assert split_outside_quotes('a="1,2",b', ",") == ['a="1,2"', "b"]


def _entry(token: str | None) -> Entry:
    return Entry(
        at=0.0, token=token, method="GET", target=b"/", http_version="1.1", headers=((b"a", b"\xff"),), peer_names=()
    )


def test_full_journal_loses_its_oldest_entry() -> None:
    journal = Journal(maximum=2)
    for token in ("a", "b", "c"):
        journal.record(_entry(token))
    assert [entry.token for entry in journal.with_prefix("")] == ["b", "c"]


def test_prefix_selects_and_forgets() -> None:
    journal = Journal(maximum=3)
    for token in ("run1-a", None, "run2-a"):
        journal.record(_entry(token))
    assert [entry.token for entry in journal.with_prefix("run1-")] == ["run1-a"]
    assert journal.forget("run1-") == 1
    assert [entry.token for entry in journal.with_prefix("")] == [None, "run2-a"]
    for token in ("x", "y"):
        journal.record(_entry(token))
    assert [entry.token for entry in journal.with_prefix("")] == ["run2-a", "x", "y"]


def test_bytes_of_a_header_survive() -> None:
    assert _entry("t").as_json()["headers"] == [["a", "ÿ"]]
