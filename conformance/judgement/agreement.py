"""Document against router: whether every outcome that the router holds possible keeps a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from conformance.judgement.calls import is_call, predicted_status
from conformance.judgement.expectation import (
    NOBODY,
    NONE,
    CaseExpectation,
    Expected,
    ExpectedSight,
    Predicted,
    Shares,
    Turns,
)
from conformance.judgement.history import FailureKind, values_of
from conformance.judgement.shares import names_of
from conformance.router.prediction import Kind, Outcome, Sight
from conformance.router.request import Headers, Request

FAILURES: Mapping[Kind, frozenset[FailureKind]] = {
    Kind.REFUSED: frozenset({"connection"}),
    Kind.RESET_PLAINTEXT: frozenset({"reset"}),
    Kind.TLS_REFUSED: frozenset({"tls", "reset"}),
    # A proxy that closes a connection sends RST if request bytes were waiting, FIN otherwise (section 28).
    Kind.CLOSED: frozenset({"reset", "protocol", "tls"}),
    Kind.BLACKHOLE_TCP: frozenset({"reset", "protocol", "tls"}),
    Kind.DNS_FAILURE: frozenset({"name"}),
}
"""How a client without an answer sees an outcome that has none."""


def promise_against_router(expected: Expected, predicted: Predicted) -> tuple[str, ...]:
    """Why no outcome keeps the promise, or which outcome breaks it; empty if every possible outcome keeps it.

    What the router leaves undefined contradicts nobody. Of alternatives each outcome keeps one at least, and each that
    must come about is kept by an outcome; how often is not the router's to say, which knows nothing of what was before.
    """
    if expected.counts:
        return tuple(_broken_counts(expected, predicted))
    return tuple(
        dict.fromkeys(
            f"{difference}  [{describe(outcome)}]"
            for outcome in predicted.outcomes
            if outcome.kind is not Kind.UNDEFINED
            for difference in _broken_promises(expected, outcome, predicted.request)
        )
    )


def _broken_counts(expected: Expected, predicted: Predicted) -> Iterator[str]:
    outcomes = [each for each in predicted.outcomes if each.kind is not Kind.UNDEFINED]
    kept = [
        {
            number
            for number, each in enumerate(expected.counts)
            if not any(_broken_promises(each.expected, outcome, predicted.request))
        }
        for outcome in outcomes
    ]
    yield from (
        f"promised one of {len(expected.counts)} alternatives, predicted another  [{describe(outcome)}]"
        for outcome, numbers in zip(outcomes, kept, strict=True)
        if not numbers
    )
    yield from (
        f"promised {each.least} times alternative {number + 1}, predicted never"
        for number, each in enumerate(expected.counts)
        if outcomes and each.least and not any(number in numbers for numbers in kept)
    )


def case_against_router(case: CaseExpectation) -> tuple[str, ...]:
    """The same for all that a case promises; empty where the router was not asked."""
    if case.predicted is None:
        return ()
    broken = [*promise_against_router(case.expected, case.predicted)]
    if any(each.kind is Kind.UNDEFINED for each in case.predicted.outcomes):
        return tuple(broken)
    if case.shares is not None:
        broken += _broken_shares(case.shares, case.predicted)
    if case.turns is not None:
        broken += _broken_turns(case.turns, case.predicted)
    return tuple(broken)


def _broken_shares(shares: Shares, predicted: Predicted) -> Iterator[str]:
    """Each outcome is the first alternative that it keeps the promises of; their chances are the shares, exactly."""
    names = names_of(shares)
    found = dict.fromkeys(names, Fraction(0))
    for outcome in (each for each in predicted.outcomes if each.probability):
        for name, alternative in zip(names, shares.alternatives, strict=True):
            if not any(_broken_promises(alternative.expected, outcome, predicted.request)):
                found[name] += outcome.probability
                break
        else:
            yield f"promised {' or '.join(names)}  [{describe(outcome)}]"
    for name, alternative in zip(names, shares.alternatives, strict=True):
        if found[name] * 100 != alternative.share:
            share = f"{float(alternative.share):.4g} % {name}"
            yield f"promised {share}, predicted {float(found[name] * 100):.4g} %"


def _broken_turns(turns: Turns, predicted: Predicted) -> Iterator[str]:
    """The router knows who may answer, not in which order: it has no state. In turn all answer equally often."""
    possible = [each for each in predicted.outcomes if each.probability]
    pods = {(each.sight.workload, each.sight.pod, each.sight.address) for each in possible if each.sight}
    found = Counter(workload for workload, _, _ in pods)
    if found != Counter(dict(turns.replicas)) or len({each.probability for each in possible}) != 1:
        names = ", ".join(describe(each) for each in possible)
        yield f"promised turns of {', '.join(f'{count} {name}' for name, count in turns.replicas)}, predicted {names}"


def _broken_promises(expected: Expected, outcome: Outcome, request: Request) -> Iterator[str]:
    if expected.status is not None and outcome.status != expected.status:
        yield f"promised status {expected.status}, predicted {outcome.status or outcome.kind.value}"
    of_proxies = predicted_status(outcome)
    if expected.grpc_status is not None and of_proxies is not None and expected.grpc_status != of_proxies:
        yield f"promised gRPC's status {expected.grpc_status}, predicted {of_proxies} ({outcome.kind.value})"
    if expected.refused is not None and expected.refused not in FAILURES.get(outcome.kind, frozenset()):
        yield f"promised a refusal of kind {expected.refused}, predicted {outcome.kind.value}"
    workload = outcome.sight.workload if outcome.sight else NOBODY
    if expected.answered_by is not None and expected.answered_by != workload:
        yield f"promised {expected.answered_by}, predicted {workload}"
    # Of a proxy's answer to a stream that is none of HTTP all is body, its head too.
    says_body = outcome.body is not None and request.scheme in ("http", "https") and not is_call(request)
    if expected.body is not None and says_body and expected.body not in (outcome.body or ""):
        yield f"promised a body with {expected.body!r}, predicted {outcome.body!r}"
    yield from _broken_answer_headers(expected, outcome)
    if expected.takes is not None and not expected.takes[0] <= outcome.at_least <= expected.takes[1]:
        yield f"promised {expected.takes[0]:g} to {expected.takes[1]:g} s, predicted {outcome.at_least:g} s at least"
    yield from _broken_arrivals(expected, outcome)
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


def _broken_arrivals(expected: Expected, outcome: Outcome) -> Iterator[str]:
    if expected.arrivals is None:
        return
    promised = dict(expected.arrivals)
    possible = arrivals(outcome)
    for workload in dict.fromkeys((*promised, *possible)):
        least, most = possible.get(workload, (0, 0))
        if not least <= promised.get(workload, 0) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            yield f"promised {promised.get(workload, 0)} arrivals at {workload}, predicted {wanted}"


def arrivals(outcome: Outcome) -> Mapping[str, tuple[int, int]]:
    """How often workloads see the request, its copies included: at least, at most."""
    found: dict[str, tuple[int, int]] = {}
    if outcome.sight is not None:
        found[outcome.sight.workload] = outcome.attempts
    for mirror in outcome.mirrors:
        least, most = found.get(mirror.sight.workload, (0, 0))
        found[mirror.sight.workload] = (least + (mirror.probability == 1), most + 1)
    return found


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
