"""Router against mesh: which predicted outcome came true, or why none did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from conformance.judgement.agreement import FAILURES, arriving, describe
from conformance.judgement.calls import is_call, predicted_status, status_of
from conformance.judgement.checks import Opinion
from conformance.judgement.expectation import Predicted
from conformance.judgement.history import ANSWERED_BY, EARLY_SECONDS, Answer, Exchange, Seen, values_of
from conformance.judgement.history import ended as in_words
from conformance.judgement.verdict import Verdict
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Headers, Request

STREAMS = ("tcp", "tls")
"""What no proxy reads as HTTP: a workload sees that they come, and nothing of HTTP."""
_UPSTREAM_TIME = "x-envoy-upstream-service-time"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as predicted."""

    aspect: str
    predicted: str
    observed: str

    def __str__(self) -> str:
        return f"{self.aspect}: predicted {self.predicted}, observed {self.observed}"


@dataclass(frozen=True)
class Comparison:
    """`nearest` is the outcome with the fewest differences; without differences it is the one that came true."""

    nearest: Outcome | None
    differences: tuple[Difference, ...]
    is_undefined: bool = False
    """The router says that Istio's answer is not determined: that matches anything."""


PREDICTED = "router"
"""The check of the router's prediction against the exchange."""


def as_predicted(predicted: Predicted, exchange: Exchange) -> Opinion:
    """The router against the mesh: one of the two is wrong about Istio."""
    wanted = " or ".join(dict.fromkeys(describe(outcome) for outcome in predicted.outcomes))
    differences = compare(predicted.outcomes, predicted.request, exchange).differences
    if differences:
        return Opinion(Verdict.VIOLATES, f"what the router predicts, {wanted}", "; ".join(map(str, differences)))
    return Opinion(Verdict.PASS, f"what the router predicts, {wanted}", "just that")


def compare(outcomes: Sequence[Outcome], request: Request, exchange: Exchange) -> Comparison:
    """An outcome whose probability is 0 must not happen; of all others any may."""
    possible = [outcome for outcome in outcomes if outcome.probability]
    best = Comparison(None, (Difference("prediction", "nothing", ended(exchange)),))
    for outcome in possible:
        if outcome.kind is Kind.UNDEFINED:
            continue
        found = Comparison(outcome, tuple(differences(outcome, request, exchange)))
        if not found.differences:
            return found
        if best.nearest is None or len(found.differences) < len(best.differences):
            best = found
    undefined = next((outcome for outcome in possible if outcome.kind is Kind.UNDEFINED), None)
    return best if undefined is None else Comparison(undefined, (), is_undefined=True)


def ended(exchange: Exchange) -> str:
    """How it ended, as the client saw it: for messages, and to group disagreements by."""
    if exchange.answer is None:
        return f"a failure of kind {exchange.failure.kind}" if exchange.failure else "nothing"
    by = values_of(exchange.answer.headers, ANSWERED_BY)
    status = exchange.answer.status
    return f"{in_words(exchange.answer) if status is None else status} by {'a workload' if by else 'a proxy'}"


def differences(outcome: Outcome, request: Request, exchange: Exchange) -> Iterator[Difference]:
    """What keeps the exchange from being this outcome."""
    yield from _end(outcome, request, exchange)
    if exchange.answer is not None and outcome.status is not None and request.scheme not in STREAMS:
        yield from _answer(outcome, request, exchange.answer)
    if exchange.seconds < outcome.at_least - EARLY_SECONDS:
        yield Difference("seconds", f"at least {outcome.at_least:g}", f"{exchange.seconds:.3f}")
    yield from _seen(outcome, request, exchange.seen)


# --- the client's side ------------------------------------------------------------------------------------------------


def _end(outcome: Outcome, request: Request, exchange: Exchange) -> Iterator[Difference]:
    answer, failure = exchange.answer, exchange.failure
    if answer is not None and request.scheme in STREAMS:
        yield from _stream_end(outcome, exchange, answer)
    elif answer is not None and is_call(request):
        yield from _call_end(outcome, exchange, answer)
    elif outcome.status is None:
        expected = FAILURES.get(outcome.kind, frozenset())
        if failure is None or failure.kind not in expected:
            yield Difference("end", describe(outcome), ended(exchange))
    elif answer is None or answer.status != outcome.status:
        yield Difference("end", describe(outcome), ended(exchange))


def _stream_end(outcome: Outcome, exchange: Exchange, answer: Answer) -> Iterator[Difference]:
    """A proxy that takes the connection for HTTP says so in HTTP; whoever else answers says its name."""
    by = values_of(answer.headers, ANSWERED_BY)
    if outcome.status is not None:
        is_predicted = not by and answer.body.startswith(f"HTTP/1.1 {outcome.status}")
    else:
        is_predicted = outcome.sight is not None and by == (outcome.sight.workload,)
    if not is_predicted:
        yield Difference("end", describe(outcome), ended(exchange))


def _call_end(outcome: Outcome, exchange: Exchange, answer: Answer) -> Iterator[Difference]:
    """What a workload says in gRPC nobody foretells; what a proxy says follows from HTTP's status."""
    of_proxies = predicted_status(outcome)
    is_of_proxy = not values_of(answer.headers, ANSWERED_BY)
    if outcome.status is None or is_of_proxy != (outcome.sight is None) or of_proxies not in (None, status_of(answer)):
        yield Difference("end", describe(outcome), ended(exchange))


def _answer(outcome: Outcome, request: Request, answer: Answer) -> Iterator[Difference]:
    if (
        outcome.body is not None
        and not is_call(request)
        and request.method != "HEAD"
        and answer.status == outcome.status
    ):
        # Of a 503 the end of the text differs between versions of Envoy, but an empty one is empty.
        is_beginning = answer.status == 503 and outcome.body != ""
        if not (answer.body.startswith(outcome.body) if is_beginning else answer.body == outcome.body):
            yield Difference("body", repr(outcome.body), repr(answer.body[:80]))
    yield from _answer_headers(outcome, answer.headers)
    has_time = bool(values_of(answer.headers, _UPSTREAM_TIME))
    if outcome.upstream_time is not None and outcome.upstream_time != has_time:
        said = {True: "present", False: "absent"}
        yield Difference(f"answer's {_UPSTREAM_TIME}", said[outcome.upstream_time], said[has_time])


def _answer_headers(outcome: Outcome, headers: Headers) -> Iterator[Difference]:
    placed, added = _lowered(outcome.response_set), _lowered(outcome.response_added)
    removed = {name.lower() for name in outcome.response_removed}
    is_of_workload = outcome.sight is not None and outcome.kind in (Kind.UPSTREAM, Kind.PASSTHROUGH)
    own = {ANSWERED_BY: [outcome.sight.workload]} if outcome.sight and is_of_workload else {}
    for name in dict.fromkeys((*own, *placed, *added, *removed)):
        found = values_of(headers, name)
        # None: the workload may have said something that nobody foretells.
        known = placed.get(name, [] if name in removed else own.get(name))
        wanted = [*(known or ()), *added.get(name, ())]
        if set(wanted) - set(found) if known is None else joined(wanted) != joined(found):
            yield Difference(f"answer's {name}", joined(wanted) or "none", joined(found) or "none")


def _lowered(headers: Headers) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def joined(values: Iterable[str]) -> str:
    """A repeated header and one with commas are the same to HTTP, and proxies may join them."""
    return ",".join(part.strip() for value in values for part in value.split(","))


# --- the workloads' side ----------------------------------------------------------------------------------------------


def _seen(outcome: Outcome, request: Request, seen: tuple[Seen, ...]) -> Iterator[Difference]:
    sights = [*([outcome.sight] if outcome.sight else []), *(mirror.sight for mirror in outcome.mirrors)]
    for workload in dict.fromkeys(entry.workload for entry in seen):
        entries = [entry for entry in seen if entry.workload == workload]
        possible = [sight for sight in sights if sight.workload == workload]
        if not possible:
            yield Difference("seen by", outcome.sight.workload if outcome.sight else "nobody", workload)
        for entry in entries:
            flaws = [list(_entry(sight, request, entry)) for sight in possible]
            yield from min(flaws, key=len, default=[])
    yield from _counts(outcome, seen)


def _counts(outcome: Outcome, seen: tuple[Seen, ...]) -> Iterator[Difference]:
    copies = {mirror.sight.workload for mirror in outcome.mirrors}
    if outcome.sight is not None:
        least, most = outcome.attempts
        count = sum(entry.workload == outcome.sight.workload for entry in seen)
        if count < least or (count > most and outcome.sight.workload not in copies):
            wanted = str(least) if least == most else f"{least} to {most}"
            yield Difference("times seen", f"{wanted} at {outcome.sight.workload}", str(count))
    for mirror in outcome.mirrors:
        if mirror.probability == 1 and all(entry.workload != mirror.sight.workload for entry in seen):
            yield Difference("mirror", f"a copy at {mirror.sight.workload}", "none")


def _entry(sight: Sight, request: Request, entry: Seen) -> Iterator[Difference]:
    if request.scheme in STREAMS:
        return
    for aspect, predicted, observed in (
        ("method", sight.method, entry.method),
        ("path", sight.path, entry.path),
        ("host", sight.host, entry.host),
        ("principal", sight.principal or "none", entry.principal or "none"),
    ):
        if predicted != observed:
            yield Difference(aspect, predicted, observed)
    named = (*request.headers, *sight.set_headers, *sight.added_headers)
    for name in sorted({name.lower() for name, _ in named} | set(sight.removed_headers)):
        values = arriving(name, sight, request.headers)
        observed = joined(values_of(entry.headers, name))
        if values is not None and joined(values) != observed:
            yield Difference(f"header {name}", joined(values) or "none", observed or "none")
