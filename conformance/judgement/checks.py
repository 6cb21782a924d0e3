"""One function per kind of promise: the promise and one well-formed exchange in, an opinion out.

A check that finds several differences reports all of them, in one sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.judgement.expectation import NOBODY, NONE, Expected, ExpectedSight, Pairs
from conformance.judgement.history import (
    ANSWERED_BY,
    EARLY_SECONDS,
    GRPC_STATUS,
    Exchange,
    Headers,
    Seen,
    ended,
    values_of,
)
from conformance.judgement.verdict import Verdict

MAX_QUOTED = 200
"""Characters of a body in a sentence; the record has all of it."""


@dataclass(frozen=True)
class Opinion:
    """A verdict and the two halves of the sentence that explains it."""

    verdict: Verdict
    expected: str
    observed: str


Check = Callable[[Expected, Exchange], Opinion | None]
"""None where nothing is promised of this kind."""


def arrives_once(expected: Expected, exchange: Exchange) -> Opinion | None:
    """Promised of every request without being written down, unless something else is."""
    if expected.arrivals is not None or expected.counts:
        return None
    wanted = "the request at one workload, once, at most"
    return _opinion(wanted, _list(_workloads(exchange.seen)) or "none", agrees=len(exchange.seen) <= 1)


def arrivals(expected: Expected, exchange: Exchange) -> Opinion | None:
    """Attempts and copies: every workload that saw the request, and how often."""
    if expected.arrivals is None:
        return None
    wanted, seen = Counter(dict(expected.arrivals)), Counter(_workloads(exchange.seen))
    return _opinion(f"the request at {_counted(wanted)}", f"it was at {_counted(seen)}", agrees=wanted == seen)


def takes(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.takes is None:
        return None
    least, most = expected.takes
    ended = f"{exchange.seconds:.3f} s until {_outcome(exchange)}"
    return _opinion(
        f"an end after {least:g} to {most:g} s", ended, agrees=least - EARLY_SECONDS <= exchange.seconds <= most
    )


def answered_by(expected: Expected, exchange: Exchange) -> Opinion | None:
    """Needs both voices, the answer's own header and the journal; where they contradict each other, neither counts."""
    if expected.answered_by is None:
        return None
    named = _named(exchange)
    seen = _workloads(exchange.seen)
    voices = f"the answer names {_list(named) or NOBODY}, the journals name {_list(seen) or NOBODY}"
    observed = f"{_outcome(exchange)}; {voices}"
    wanted = f"an answer by {expected.answered_by}, in its own journal too"
    if expected.answered_by == NOBODY:
        wanted = "the request in no workload's journal"
    if len(set(named)) > 1 or not set(named) <= set(seen):
        return Opinion(Verdict.HARNESS_ERROR, wanted, observed)
    if expected.answered_by == NOBODY:
        return _opinion(wanted, observed, agrees=not seen)
    if exchange.answer and seen and not named:
        return Opinion(Verdict.HARNESS_ERROR, wanted, observed)
    return _opinion(wanted, observed, agrees=set(named) == {expected.answered_by})


def status(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.status is None:
        return None
    agrees = exchange.answer is not None and exchange.answer.status == expected.status
    return _opinion(f"status {expected.status}", _outcome(exchange), agrees=agrees)


def grpc_status(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.grpc_status is None:
        return None
    trailers = exchange.answer.trailers if exchange.answer else ()
    agrees = values_of(trailers, GRPC_STATUS) == (str(expected.grpc_status),)
    return _opinion(f"gRPC's status {expected.grpc_status}", _outcome(exchange), agrees=agrees)


def trailers(expected: Expected, exchange: Exchange) -> Opinion | None:
    wanted = expected.trailers
    if not wanted:
        return None
    words = f"an answer with the trailers {_pairs_wanted(wanted)}"
    if exchange.answer is None:
        return Opinion(Verdict.VIOLATES, words, _outcome(exchange))
    found = _list(_pair_differences(wanted, exchange.answer.trailers))
    return _opinion(words, found or "just that", agrees=not found)


def body(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.body is None:
        return None
    wanted = f"a body that contains {_quoted(expected.body)}"
    if exchange.answer is None:
        return Opinion(Verdict.VIOLATES, wanted, _outcome(exchange))
    found = exchange.answer.body
    return _opinion(wanted, f"the body {_quoted(found)}", agrees=expected.body in found)


def headers(expected: Expected, exchange: Exchange) -> Opinion | None:
    wanted = expected.headers
    if not wanted:
        return None
    return _of_answer(exchange, _pairs_wanted(wanted), lambda found: _pair_differences(wanted, found))


def without_headers(expected: Expected, exchange: Exchange) -> Opinion | None:
    wanted = expected.without_headers
    if not wanted:
        return None
    return _of_answer(exchange, _absence_wanted(wanted), lambda found: _name_differences(wanted, found))


def refused(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.refused is None:
        return None
    agrees = exchange.failure is not None and exchange.failure.kind == expected.refused
    return _opinion(f"no answer but a refusal of kind {expected.refused}", _outcome(exchange), agrees=agrees)


def alert(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.alert is None:
        return None
    found = exchange.failure.alert if exchange.failure else None
    observed = f"the alert {found}" if found else _outcome(exchange)
    return _opinion(f"the alert {expected.alert}", observed, agrees=found == expected.alert)


def served(expected: Expected, exchange: Exchange) -> Opinion | None:
    if expected.served is None:
        return None
    wanted = f"a server that shows the certificate {expected.served}"
    shown = exchange.served
    if shown is None:
        return Opinion(Verdict.VIOLATES, wanted, f"none, and {_outcome(exchange)}")
    name = shown.certificate or "none of the scenario's certificates"
    return _opinion(wanted, f"{name} (sha256 {shown.fingerprint[:16]})", agrees=shown.certificate == expected.served)


def saw_path(expected: Expected, exchange: Exchange) -> Opinion | None:
    return _seen_value(_sight(expected).path, exchange, "path", lambda seen: seen.path)


def saw_method(expected: Expected, exchange: Exchange) -> Opinion | None:
    return _seen_value(_sight(expected).method, exchange, "method", lambda seen: seen.method)


def saw_host(expected: Expected, exchange: Exchange) -> Opinion | None:
    return _seen_value(_sight(expected).host, exchange, "host", lambda seen: seen.host)


def saw_principal(expected: Expected, exchange: Exchange) -> Opinion | None:
    return _seen_value(_sight(expected).principal, exchange, "caller", lambda seen: seen.principal or NONE)


def saw_peer(expected: Expected, exchange: Exchange) -> Opinion | None:
    wanted = _sight(expected).peer
    words = None if wanted is None else _names(wanted)
    return _seen_value(words, exchange, "peer", lambda seen: _names(seen.peer))


def saw_http_version(expected: Expected, exchange: Exchange) -> Opinion | None:
    return _seen_value(_sight(expected).http_version, exchange, "HTTP version", lambda seen: seen.http_version or NONE)


def saw_headers(expected: Expected, exchange: Exchange) -> Opinion | None:
    wanted = _sight(expected).headers
    if not wanted:
        return None
    return _of_sights(
        exchange, f"a request with {_pairs_wanted(wanted)}", lambda seen: _pair_differences(wanted, seen.headers)
    )


def saw_without_headers(expected: Expected, exchange: Exchange) -> Opinion | None:
    wanted = _sight(expected).without_headers
    if not wanted:
        return None
    return _of_sights(
        exchange, f"a request with {_absence_wanted(wanted)}", lambda seen: _name_differences(wanted, seen.headers)
    )


CHECKS: Mapping[str, Check] = {
    "arrives-once": arrives_once,
    "arrivals": arrivals,
    "answered-by": answered_by,
    "status": status,
    "grpc-status": grpc_status,
    "trailers": trailers,
    "body": body,
    "headers": headers,
    "without-headers": without_headers,
    "saw-path": saw_path,
    "saw-method": saw_method,
    "saw-host": saw_host,
    "saw-headers": saw_headers,
    "saw-without-headers": saw_without_headers,
    "saw-principal": saw_principal,
    "saw-peer": saw_peer,
    "saw-http-version": saw_http_version,
    "refused": refused,
    "alert": alert,
    "served": served,
    "takes": takes,
}
"""In the order of the findings of a case."""


def _opinion(expected: str, observed: str, *, agrees: bool) -> Opinion:
    return Opinion(Verdict.PASS if agrees else Verdict.VIOLATES, expected, observed)


def _sight(expected: Expected) -> ExpectedSight:
    return expected.saw or ExpectedSight()


def _outcome(exchange: Exchange) -> str:
    """What the client ended with, in a few words."""
    if exchange.answer:
        return ended(exchange.answer)
    assert exchange.failure, "a well-formed exchange has an answer or a failure"
    return f"no answer, but a failure of kind {exchange.failure.kind}: {exchange.failure.detail}"


def _named(exchange: Exchange) -> tuple[str, ...]:
    return values_of(exchange.answer.headers, ANSWERED_BY) if exchange.answer else ()


def _workloads(seen: Iterable[Seen]) -> tuple[str, ...]:
    return tuple(entry.workload for entry in seen)


def _names(peer: Iterable[str]) -> str:
    """A certificate's names, whose order means nothing."""
    return ", ".join(sorted(peer)) or NONE


def _of_answer(exchange: Exchange, words: str, differences: Callable[[Headers], Iterator[str]]) -> Opinion:
    if exchange.answer is None:
        return Opinion(Verdict.VIOLATES, f"an answer with {words}", _outcome(exchange))
    found = _list(differences(exchange.answer.headers))
    return _opinion(f"an answer with {words}", found or "just that", agrees=not found)


def _seen_value(wanted: str | None, exchange: Exchange, name: str, found: Callable[[Seen], str]) -> Opinion | None:
    if wanted is None:
        return None

    def differences(seen: Seen) -> Iterator[str]:
        if found(seen) != wanted:
            yield f"{name} {found(seen)}"

    return _of_sights(exchange, f"a request with the {name} {wanted}", differences)


def _of_sights(exchange: Exchange, wanted: str, differences: Callable[[Seen], Iterator[str]]) -> Opinion:
    """Looks into the journal of the workload that the answer names; into all of them when it names none."""
    named = _named(exchange)
    sights = [seen for seen in exchange.seen if not named or seen.workload in named]
    if not sights and named:
        observed = f"an answer that names {_list(named)}, whose journal does not have the request"
        return Opinion(Verdict.HARNESS_ERROR, wanted, observed)
    if not sights:
        return Opinion(Verdict.VIOLATES, wanted, f"no workload that saw the request, and {_outcome(exchange)}")
    found = _list(f"{difference} at {seen.workload}" for seen in sights for difference in differences(seen))
    return _opinion(wanted, found or f"just that at {_list(_workloads(sights))}", agrees=not found)


def _pairs_wanted(pairs: Pairs) -> str:
    return _list(f"{name}: {value}" for name, value in pairs)


def _absence_wanted(names: Iterable[str]) -> str:
    return _list(f"no {name}" for name in names)


def _pair_differences(wanted: Pairs, found: Headers) -> Iterator[str]:
    for name, value in wanted:
        values = values_of(found, name)
        if values != (value,):
            yield f"{name}: {', '.join(values)}" if values else f"no {name}"


def _name_differences(wanted: tuple[str, ...], found: Headers) -> Iterator[str]:
    for name in wanted:
        for value in values_of(found, name):
            yield f"{name}: {value}"


def _counted(workloads: Mapping[str, int]) -> str:
    return _list(f"{name} {count} times" for name, count in sorted(workloads.items())) or "no workload"


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…")
