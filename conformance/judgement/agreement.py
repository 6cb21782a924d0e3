"""Whether two of the three voices agree: document and router, router and mesh. One sentence for each difference.

The router says everything that may happen; a promise or an exchange agrees with it if it is one of these things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from conformance.judgement.expectation import NOBODY, NONE, Expected, ExpectedSight, Predicted
from conformance.judgement.history import Exchange, FailureKind, Seen, values_of
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Headers, Request

_FAILURES: Mapping[Kind, frozenset[FailureKind]] = {
    Kind.REFUSED: frozenset({"connection"}),
    Kind.RESET_PLAINTEXT: frozenset({"reset"}),
    Kind.TLS_REFUSED: frozenset({"tls", "reset"}),
    # A proxy that closes a connection sends RST if request bytes were waiting, FIN otherwise (section 28).
    Kind.CLOSED: frozenset({"reset", "protocol", "tls"}),
    Kind.BLACKHOLE_TCP: frozenset({"reset", "protocol", "tls"}),
    Kind.DNS_FAILURE: frozenset({"name"}),
}
"""How a client without an answer sees an outcome that has none."""

_EARLY = 0.01
"""Seconds by which two clocks may differ."""


def promise_against_router(expected: Expected, predicted: Predicted) -> tuple[str, ...]:
    """Why no outcome keeps the promise, or which outcome breaks it; empty if every possible outcome keeps it.

    What the router leaves undefined contradicts nobody.
    """
    return tuple(
        dict.fromkeys(
            f"{difference}  [{describe(outcome)}]"
            for outcome in predicted.outcomes
            if outcome.kind is not Kind.UNDEFINED
            for difference in _broken_promises(expected, outcome, predicted.request)
        )
    )


def _broken_promises(expected: Expected, outcome: Outcome, request: Request) -> Iterator[str]:
    if expected.status is not None and outcome.status != expected.status:
        yield f"promised status {expected.status}, predicted {outcome.status or outcome.kind.value}"
    if expected.refused is not None and expected.refused not in _FAILURES.get(outcome.kind, frozenset()):
        yield f"promised a refusal of kind {expected.refused}, predicted {outcome.kind.value}"
    workload = outcome.sight.workload if outcome.sight else NOBODY
    if expected.answered_by is not None and expected.answered_by != workload:
        yield f"promised {expected.answered_by}, predicted {workload}"
    if expected.body is not None and outcome.body is not None and expected.body not in outcome.body:
        yield f"promised a body with {expected.body!r}, predicted {outcome.body!r}"
    yield from _broken_answer_headers(expected, outcome)
    if expected.saw is not None:
        if outcome.sight is None:
            yield f"promised that a workload sees it, predicted {outcome.kind.value}"
        else:
            yield from _broken_sight(expected.saw, outcome.sight, request)


def _broken_answer_headers(expected: Expected, outcome: Outcome) -> Iterator[str]:
    said = dict(outcome.response_set)
    for name, value in expected.headers:
        predicted = said.get(name.lower())
        if predicted is not None and predicted != value:
            yield f"promised {name}: {value} in the answer, predicted {predicted}"
        if name.lower() in outcome.response_removed:
            yield f"promised {name}: {value} in the answer, predicted that it is taken away"
    for name in expected.without_headers:
        if name.lower() in said:
            yield f"promised an answer without {name}, predicted {said[name.lower()]}"
        if name.lower() == _UPSTREAM_TIME and outcome.upstream_time:
            yield f"promised an answer without {name}, predicted one from upstream"


_UPSTREAM_TIME = "x-envoy-upstream-service-time"


def _broken_sight(expected: ExpectedSight, sight: Sight, request: Request) -> Iterator[str]:
    for name, wanted, found in (
        ("path", expected.path, sight.path),
        ("method", expected.method, sight.method),
        ("host", expected.host, sight.host),
        ("principal", expected.principal, sight.principal or NONE),
    ):
        if wanted is not None and wanted != found:
            yield f"promised {name} {wanted} at {sight.workload}, predicted {found}"
    for name, value in expected.headers:
        values = arriving(name.lower(), sight, request.headers)
        if values is not None and values != (value,):
            yield f"promised {name}: {value} at {sight.workload}, predicted {', '.join(values) or 'none'}"
    for name in expected.without_headers:
        if arriving(name.lower(), sight, request.headers):
            yield f"promised no {name} at {sight.workload}, predicted {arriving(name.lower(), sight, request.headers)}"


_MADE_BY_PROXIES = ("x-forwarded-", "x-envoy-", "x-request-id", "x-b3-", "traceparent", "tracestate")


def arriving(name: str, sight: Sight, sent: Headers) -> tuple[str, ...] | None:
    """The values a workload sees of a header; None where the router does not say, as of what proxies always add."""
    added = values_of(sight.added_headers, name)
    placed = values_of(sight.set_headers, name)
    if placed:
        return (*placed, *added)
    if name in sight.removed_headers:
        return added
    if name.startswith(_MADE_BY_PROXIES):
        return None
    return (*values_of(sent, name), *added)


def router_against_mesh(predicted: Predicted, exchange: Exchange) -> tuple[str, ...]:
    """Why the exchange is none of the predicted outcomes: the differences from the one that comes nearest."""
    best: tuple[str, ...] | None = None
    for outcome in predicted.outcomes:
        if outcome.kind is Kind.UNDEFINED:
            return ()
        if not outcome.probability:
            continue
        differences = tuple(_differences(outcome, exchange, predicted.request))
        if not differences:
            return ()
        if best is None or len(differences) < len(best):
            best = differences
    return best or ("nothing was predicted",)


def _differences(outcome: Outcome, exchange: Exchange, request: Request) -> Iterator[str]:
    answer, failure = exchange.answer, exchange.failure
    if outcome.status is not None or outcome.kind in (Kind.UPSTREAM, Kind.PASSTHROUGH):
        if answer is None:
            found = f"a failure of kind {failure.kind}: {failure.detail}" if failure else "nothing"
            yield f"predicted {describe(outcome)}, observed {found}"
        elif outcome.status is not None and answer.status != outcome.status:
            yield f"predicted {describe(outcome)}, observed status {answer.status}"
        elif outcome.body is not None and not answer.body.startswith(outcome.body):
            yield f"predicted the body {outcome.body!r}, observed {answer.body[:80]!r}"
        if answer is not None:
            yield from _answer_differences(outcome, answer.headers)
    elif failure is None:
        yield f"predicted {describe(outcome)}, observed status {answer.status if answer else None}"
    elif failure.kind not in _FAILURES.get(outcome.kind, frozenset()):
        yield f"predicted {describe(outcome)}, observed a failure of kind {failure.kind}: {failure.detail}"
    if exchange.seconds < outcome.at_least - _EARLY:
        yield f"predicted at least {outcome.at_least:g} s, observed {exchange.seconds:.3f} s"
    yield from _sight_differences(outcome, exchange.seen, request)


def _answer_differences(outcome: Outcome, headers: Headers) -> Iterator[str]:
    added = {name for name, _ in outcome.response_added}
    for name, value in outcome.response_set:
        found = values_of(headers, name)
        if name not in added and found != (value,):
            yield f"predicted the answer's {name}: {value}, observed {', '.join(found) or 'none'}"
    for name, value in outcome.response_added:
        if value not in values_of(headers, name):
            yield f"predicted {name}: {value} among the answer's, observed {', '.join(values_of(headers, name))}"
    for name in outcome.response_removed:
        if name not in added and values_of(headers, name):
            yield f"predicted an answer without {name}, observed {', '.join(values_of(headers, name))}"
    if outcome.upstream_time is not None and outcome.upstream_time != bool(values_of(headers, _UPSTREAM_TIME)):
        yield f"predicted {'an' if outcome.upstream_time else 'no'} {_UPSTREAM_TIME}, observed the opposite"


def _sight_differences(outcome: Outcome, seen: Sequence[Seen], request: Request) -> Iterator[str]:
    mirrored = {mirror.sight.workload for mirror in outcome.mirrors}
    sight = outcome.sight
    own = [entry for entry in seen if sight is not None and entry.workload == sight.workload]
    strangers = {entry.workload for entry in seen} - mirrored - ({sight.workload} if sight else set())
    for name in sorted(strangers):
        yield f"predicted {sight.workload if sight else 'no workload'}, observed the request at {name}"
    if sight is None:
        return
    least, most = outcome.attempts
    if not least <= len(own) <= most and sight.workload not in mirrored:
        wanted = str(least) if least == most else f"{least} to {most}"
        yield f"predicted the request {wanted} times at {sight.workload}, observed {len(own)}"
    if own:
        yield from _entry_differences(sight, own[0], request)


def _entry_differences(sight: Sight, entry: Seen, request: Request) -> Iterator[str]:
    for name, predicted, observed in (
        ("method", sight.method, entry.method),
        ("path", sight.path, entry.path),
        ("host", sight.host, entry.host),
        ("principal", sight.principal or NONE, entry.principal or NONE),
    ):
        if predicted != observed:
            yield f"predicted {name} {predicted} at {sight.workload}, observed {observed}"
    names = {name.lower() for name, _ in (*request.headers, *sight.set_headers, *sight.added_headers)}
    for name in sorted(names | set(sight.removed_headers)):
        values = arriving(name, sight, request.headers)
        if values is not None and _joined(values) != _joined(values_of(entry.headers, name)):
            observed = _joined(values_of(entry.headers, name)) or "none"
            yield f"predicted {name}: {_joined(values) or 'none'} at {sight.workload}, observed {observed}"


def _joined(values: Iterable[str]) -> str:
    """Repeated headers and one with commas are the same to HTTP, and proxies may join them."""
    return ",".join(part.strip() for value in values for part in value.split(","))


def describe(outcome: Outcome) -> str:
    """An outcome in a few words."""
    words = [outcome.kind.value.replace("_", " ")]
    if outcome.status is not None:
        words.append(str(outcome.status))
    if outcome.sight is not None:
        words.append(f"at {outcome.sight.workload}")
    if outcome.probability != 1:
        words.append(f"with chance {float(outcome.probability):.3g}")
    return " ".join(words)
