"""Exchanges that are alike are written down once, and come back as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.judgement.history import Answer, Exchange, Failure, Seen, Served
from conformance.report.packing import Repeat, packed, unpacked

ONE = Exchange(
    token="t-0",
    case="many",
    client="client",
    method="GET",
    url="http://reviews:9080/",
    headers=(),
    started=1.0,
    seconds=0.5,
    answer=Answer(200, (("x-answered-by", "v1"),), "", "HTTP/1.1"),
    failure=None,
    seen=(Seen("v1", "v1-a", "GET", "/", "reviews:9080", (("a", "b"),), None, 1.25),),
)
LATER = replace(ONE, token="t-1", started=2.0, seconds=0.75, seen=(replace(ONE.seen[0], at=2.5),))
OTHERS = (
    replace(ONE, token="t-2", case="another"),
    replace(ONE, token="t-3", answer=None, failure=Failure("reset", "")),
    replace(ONE, token="t-4", seen=(replace(ONE.seen[0], pod="v1-b"),)),
    replace(ONE, token="t-5", seen=()),
    replace(ONE, token="t-6", headers=(("a", "b"),)),
    replace(ONE, token="t-7", moment="during"),
    replace(ONE, token="t-8", moment="after"),
    replace(ONE, token="t-9", served=Served("ab", None)),
    replace(ONE, token="t-10", seen=(replace(ONE.seen[0], peer=("client.example.com",)),)),
    replace(ONE, token="t-11", seen=(replace(ONE.seen[0], http_version="2"),)),
)


def test_what_differs_in_token_and_time_is_a_repeat() -> None:
    assert packed((ONE, LATER)) == ((ONE,), ((1, 0, "t-1", 2.0, 0.75, (2.5,)),))


def test_what_differs_in_anything_else_is_not() -> None:
    assert packed((ONE, *OTHERS)) == ((ONE, *OTHERS), ())


def test_all_come_back_in_their_order() -> None:
    exchanges = (OTHERS[0], ONE, OTHERS[1], LATER, replace(OTHERS[1], token="t-12"), OTHERS[2])
    assert unpacked(*packed(exchanges)) == exchanges


@pytest.mark.parametrize(
    ("repeats", "said"),
    [
        ([(1, 0, "t-1", 2.0, 0.75, (2.5,)), (1, 0, "t-2", 2.0, 0.75, (2.5,))], "one place"),
        ([(2, 0, "t-1", 2.0, 0.75, (2.5,))], "no exchange has the place 1"),
        ([(1, 1, "t-1", 2.0, 0.75, (2.5,))], "like none"),
        ([(1, -1, "t-1", 2.0, 0.75, (2.5,))], "like none"),
        ([(1, 0, "t-1", 2.0, 0.75, ())], "like none"),
    ],
)
def test_repeats_that_belong_to_nothing_are_refused(repeats: list[Repeat], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        unpacked((ONE,), repeats)
