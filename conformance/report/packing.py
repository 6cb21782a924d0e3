"""Thousands of exchanges that are alike, written down as one and what each of the others has of its own. Lossless."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from conformance.judgement.history import Exchange, alike

Repeat = tuple[int, int, str, float, float, tuple[float, ...]]
"""An exchange like another: its place among all, the place of the other, token, started, seconds, and when it was seen
by each of the workloads."""


def packed(exchanges: Sequence[Exchange]) -> tuple[tuple[Exchange, ...], tuple[Repeat, ...]]:
    """The first of each kind, in their order, and the others."""
    first: dict[Hashable, int] = {}
    kinds: list[Exchange] = []
    repeats: list[Repeat] = []
    for place, one in enumerate(exchanges):
        like = first.setdefault(alike(one), place)
        if like == place:
            kinds.append(one)
        else:
            repeats.append((place, like, one.token, one.started, one.seconds, tuple(entry.at for entry in one.seen)))
    return tuple(kinds), tuple(repeats)


def unpacked(kinds: Sequence[Exchange], repeats: Sequence[Repeat]) -> tuple[Exchange, ...]:
    """All of them in their order; ValueError if the two do not belong together."""
    repeated = {repeat[0]: repeat for repeat in repeats}
    if len(repeated) < len(repeats):
        raise ValueError("two exchanges have one place")
    remaining = iter(kinds)
    exchanges: list[Exchange] = []
    for place in range(len(kinds) + len(repeats)):
        repeat = repeated.get(place)
        one = next(remaining, None) if repeat is None else _repeated(exchanges, repeat)
        if one is None:
            raise ValueError(f"no exchange has the place {place}")
        exchanges.append(one)
    return tuple(exchanges)


def _repeated(exchanges: Sequence[Exchange], repeat: Repeat) -> Exchange:
    _, like, token, started, seconds, at = repeat
    if not 0 <= like < len(exchanges) or len(exchanges[like].seen) != len(at):
        raise ValueError(f"the exchange {token} is like none before it")
    seen = tuple(replace(entry, at=time) for entry, time in zip(exchanges[like].seen, at, strict=True))
    return replace(exchanges[like], token=token, started=started, seconds=seconds, seen=seen)
