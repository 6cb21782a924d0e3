"""What becomes of a request, and what a workload sees of it; of many requests alike, how many end in which way."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from conformance.judgement.expectation import (
    NOBODY,
    Alternative,
    Counted,
    Expected,
    ExpectedSight,
    Refusal,
    Shares,
    Turns,
)
from conformance.judgement.profile import FULL
from conformance.judgement.shares import effect_of
from conformance.language.words import HeaderNames, HeaderValues, Label, Listed, Text, Words, contradiction


def _refuse_both(names: tuple[str, ...], absent: tuple[str, ...], *at: str) -> None:
    both = sorted({name.lower() for name in names} & {name.lower() for name in absent})
    if both:
        problem = f"{', '.join(both)} is both in headers and in without_headers"
        raise contradiction(problem, "no request and no answer can be both; keep one", *at)


class Saw(Words):
    """What the answering workload sees of the request."""

    path: Annotated[str, StringConstraints(pattern=r"^/[\x21-\x7e]*$")] | None = None
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")] | None = None
    host: Text | None = None
    headers: HeaderValues = Field({}, min_length=1)
    without_headers: HeaderNames = Field((), min_length=1)
    principal: Annotated[str, StringConstraints(pattern=r"^(none|spiffe://[!-~]+)$")] | None = None
    peer: Listed[Text] | None = None
    """The names in the certificate of whoever connects to the workload's own TLS port; [] if it shows none."""
    http_version: Literal["1.1", "2"] | None = None
    """Which need not be the client's: a proxy stands between the two."""

    @model_validator(mode="after")
    def _is_possible(self) -> Saw:
        if not self.model_fields_set:
            raise contradiction("saw promises nothing", f"write one of {', '.join(Saw.model_fields)}")
        _refuse_both(tuple(self.headers), self.without_headers, "headers")
        return self

    def expected(self) -> ExpectedSight:
        return ExpectedSight(
            path=self.path,
            method=self.method,
            host=self.host,
            headers=tuple(self.headers.items()),
            without_headers=self.without_headers,
            principal=self.principal,
            peer=self.peer,
            http_version=self.http_version,
        )


def _ascending(band: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= band[0] < band[1]:
        raise contradiction(f"the band {list(band)} is empty", "write the least and the most seconds, such as [5, 6]")
    return band


def _whole_range(count: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= count[0] <= count[1]:
        raise contradiction(f"the count {list(count)} is empty", "write the least and the most, such as [2, 4]")
    return count


def _percent(value: Any) -> Fraction:
    """A number, or one that decimals cannot write: 100/3."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6}|/[1-9]\d?)?", text) or Fraction(text) > 100:
        raise contradiction(f"{value!r} is no share", "write percents, from 0 to 100, such as 30, 0.5 or 100/3")
    return Fraction(text)


Band = Annotated[tuple[float, float], Field(strict=False), AfterValidator(_ascending)]
Range = Annotated[tuple[int, int], Field(strict=False), AfterValidator(_whole_range)]
Percent = Annotated[Fraction, BeforeValidator(_percent)]

_OF_MANY = frozenset({"shares", "effect", "draws", "turns", "counts"})
"""Words about many requests alike."""


class Expectation(Words):
    """What becomes of the request; at least one key, and none that excludes another."""

    status: Annotated[int, Field(ge=100, le=599)] | None = None
    answered_by: Label | None = None
    body: Annotated[str, StringConstraints(min_length=1)] | None = None
    headers: HeaderValues = Field({}, min_length=1)
    without_headers: HeaderNames = Field((), min_length=1)
    saw: Saw | None = None
    refused: Refusal | None = None
    alert: Annotated[str, StringConstraints(pattern=r"^[a-z]+(_[a-z]+)*$")] | None = None
    """With refused: tls, what the server said of the handshake, in the words of RFC 8446, section 6."""
    served: Label | None = None
    """The certificate that the server showed."""
    grpc_status: Annotated[int, Field(ge=0, le=16)] | None = None
    trailers: HeaderValues = Field({}, min_length=1)
    takes: Band | None = None
    """Seconds until the end: at least, at most."""
    arrivals: dict[Label, Annotated[int, Field(ge=1)]] | None = None
    """Attempts and copies by workload: how often the journal of each has the request."""
    counts: Listed[Count] = Field((), min_length=1)
    """Of the `times` requests of a case each is one of these (the first that it keeps), and each of them so often."""
    shares: Annotated[Listed[Share], Field(min_length=1)] | None = None
    """Of many requests alike; each is the first of these that it keeps all promises of."""
    effect: Annotated[float, Field(ge=1, lt=100, strict=False)] | None = None
    """By how many points of a hundred shares must be wrong to be convicted; 5 where nothing is written."""
    draws: Literal["independent"] | None = None
    """Beside equal shares: what becomes of a request has nothing to do with what became of the one before."""
    turns: Annotated[dict[Label, Annotated[int, Field(ge=1)]], Field(min_length=1)] | None = None
    """Pods by workload that are taken in turn, always in the same order."""

    @model_validator(mode="after")
    def _is_possible(self) -> Expectation:
        given = self.model_fields_set
        if not given:
            raise contradiction("the case expects nothing", f"write one of {', '.join(Expectation.model_fields)}")
        if self.alert is not None and self.refused != "tls":
            raise contradiction("an alert ends a handshake", "write refused: tls beside it", "alert")
        if self.refused is not None:
            self._is_possible_without_answer()
        if self.saw is not None and self.answered_by == NOBODY:
            problem = "saw tells what a workload saw, and answered_by that nobody did"
            raise contradiction(problem, "keep one of the two", "saw")
        _refuse_both(tuple(self.headers), self.without_headers, "headers")
        self._is_a_distribution()
        return self

    @property
    def is_distribution(self) -> bool:
        """Whether as many requests are needed as it takes to tell."""
        return self.shares is not None or self.turns is not None

    def _is_a_distribution(self) -> None:
        if self.shares is None:
            if lonely := self.model_fields_set & {"effect", "draws"}:
                word = min(lonely)
                raise contradiction(f"{word} is about shares, and there are none", "write shares beside it", word)
            if self.turns is not None and sum(self.turns.values()) < 2:
                raise contradiction("one pod takes no turns", "name two pods at least", "turns")
            return
        if besides := self.model_fields_set - {"shares", "effect", "draws"}:
            problem = f"{', '.join(sorted(besides))} beside shares is promised of no request in particular"
            raise contradiction(problem, "write it in each of the shares that it is promised of", min(besides))
        if (total := sum(each.share for each in self.shares)) != 100:
            raise contradiction(f"the shares add up to {float(total):g} %", "they are percents: make it 100", "shares")
        if self.draws and (len({each.share for each in self.shares}) > 1 or len(self.shares) == 1):
            problem = "draws: independent is tested by how often one repeats the one before, which needs equal shares"
            raise contradiction(problem, "make the shares equal, or drop draws", "draws")

    def _is_possible_without_answer(self) -> None:
        without = {"refused", "answered_by", "alert", "takes", "arrivals", "count", "share"}
        of_answers = self.model_fields_set - without - ({"served"} if self.refused == "tls" else set())
        if self.answered_by not in {None, NOBODY}:
            of_answers |= {"answered_by"}
        if of_answers:
            problem = f"a refused request has no answer, so {', '.join(sorted(of_answers))} cannot be expected"
            raise contradiction(problem, f"keep refused, with answered_by: {NOBODY} at most", "refused")

    def expected(self) -> Expected:
        return Expected(
            status=self.status,
            answered_by=self.answered_by,
            body=self.body,
            headers=tuple(self.headers.items()),
            without_headers=self.without_headers,
            saw=self.saw.expected() if self.saw else None,
            refused=self.refused,
            alert=self.alert,
            served=self.served,
            grpc_status=self.grpc_status,
            trailers=tuple(self.trailers.items()),
            takes=self.takes,
            arrivals=None if self.arrivals is None else tuple(self.arrivals.items()),
            counts=tuple(Counted(*each.count, each.expected()) for each in self.counts),
        )

    def expected_shares(self, effect: float = FULL.effect) -> Shares | None:
        """`effect` is the profile's; a case may ask for a larger one."""
        if self.shares is None:
            return None
        alternatives = tuple(Alternative(each.share, each.expected()) for each in self.shares)
        return Shares(alternatives, effect_of(self.effect, effect), independent=self.draws is not None)

    def expected_turns(self) -> Turns | None:
        return None if self.turns is None else Turns(tuple(self.turns.items()))


class Share(Expectation):
    """One of the ways many requests may end; it promises nothing but its share of them where it has no other word."""

    share: Percent

    @model_validator(mode="after")
    def _is_of_one_request(self) -> Share:
        if many := self.model_fields_set & _OF_MANY:
            word = min(many)
            problem = f"{word} is about many requests, a share about each"
            raise contradiction(problem, f"move {word} beside shares", word)
        if self.model_fields_set == {"share"}:
            hint = "write what becomes of such a request, answered_by or status"
            raise contradiction("the share has nothing that tells it from the others", hint)
        return self


class Count(Expectation):
    """An expectation, and how many of a case's requests meet it: at least, at most."""

    count: Range

    @model_validator(mode="after")
    def _is_one_of_many(self) -> Count:
        if self.model_fields_set & _OF_MANY:
            raise contradiction("an alternative has alternatives of its own", "list them side by side", "counts")
        if self.model_fields_set == {"count"}:
            raise contradiction("the alternative expects nothing", "say what becomes of so many requests")
        return self


Expectation.model_rebuild()
