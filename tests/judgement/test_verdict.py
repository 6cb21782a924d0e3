"""Several verdicts become one, and none of them is lost in a pass."""

from __future__ import annotations

from itertools import permutations

import pytest

from conformance.judgement.verdict import Verdict, composed

ORDER = ["violates", "harness-error", "blocked", "undecided", "departs", "pass", "not-applicable"]


@pytest.mark.parametrize(("stronger", "weaker"), list(permutations(range(len(ORDER)), 2)))
def test_of_two_verdicts_the_stronger_is_the_whole(stronger: int, weaker: int) -> None:
    assert composed([ORDER[stronger], ORDER[weaker]]) == ORDER[min(stronger, weaker)]


@pytest.mark.parametrize("word", ORDER)
def test_equal_verdicts_are_that_verdict(word: str) -> None:
    assert composed([word, word]) == word


def test_nothing_examined_is_blocked_and_not_passed() -> None:
    assert composed([]) is Verdict.BLOCKED


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="passed"):
        composed(["pass", "passed"])


def test_pass_and_what_is_known_or_does_not_apply_are_green() -> None:
    green = [Verdict.DEPARTS, Verdict.PASS, Verdict.NOT_APPLICABLE]
    assert [verdict for verdict in Verdict if verdict.is_green] == green
