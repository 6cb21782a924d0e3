"""From a configuration that shows a disagreement to a small one that still does. Pure: the oracle does the work.

Parts are taken away one after the other, large ones first: objects, then whatever hangs in them, level by level, then
what the request carries. A cut that the API server refuses or that makes the disagreement vanish is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from conformance.differential.config import Config
from conformance.router.request import Request

Oracle = Callable[[Sequence[Config]], Sequence[bool]]
"""Which of these still show it; as many are asked at once as there are arenas."""

Steps = tuple[str | int, ...]


def shrink(config: Config, oracle: Oracle, *, width: int, rounds: int) -> Config:
    """The smallest that `rounds` questions lead to, `width` candidates in each; less if nothing more can go."""
    position, failed = 0, 0
    for _ in range(rounds):
        candidates = list(smaller(config))
        if failed >= len(candidates):
            break
        # Around and around: a cut that failed may succeed after others, so it ends when all have failed in a row.
        asked = [candidates[(position + offset) % len(candidates)] for offset in range(min(width, len(candidates)))]
        taken = next((offset for offset, shows in enumerate(oracle(asked)) if shows), None)
        if taken is None:
            position, failed = (position + len(asked)) % len(candidates), failed + len(asked)
        else:
            # What followed the part that went is now in its place.
            position, failed, config = position + taken, 0, asked[taken]
    return config


def smaller(config: Config) -> Iterator[Config]:
    """Every configuration with one part less."""
    for index in range(len(config.objects)):
        yield replace(config, objects=config.objects[:index] + config.objects[index + 1 :])
    for index, manifest in enumerate(config.objects):
        for steps in _parts(manifest["spec"]):
            changed = {**manifest, "spec": without(manifest["spec"], steps)}
            yield replace(config, objects=(*config.objects[:index], changed, *config.objects[index + 1 :]))
    if len(config.requests) > 1:
        for index in range(len(config.requests)):
            yield replace(config, requests=(config.requests[index],))
    else:
        for request in config.requests:
            for simpler in _simpler(request):
                yield replace(config, requests=(simpler,))


def _parts(value: Any) -> list[Steps]:
    """Paths to everything in a spec, the shallow ones first: they take the most away."""
    return sorted(_walk(value, ()), key=len)


def _walk(value: Any, steps: Steps) -> Iterator[Steps]:
    members: Sequence[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list | tuple):
        members = list(enumerate(value))
    for step, member in members:
        yield (*steps, step)
        yield from _walk(member, (*steps, step))


def without(value: Any, steps: Steps) -> Any:
    """The same value with one part less; a list that is empty then goes as well."""
    step, *rest = steps
    if isinstance(value, dict):
        if not rest:
            return {key: each for key, each in value.items() if key != step}
        changed = without(value[step], tuple(rest))
        if changed == [] and value[step] != []:
            return {key: each for key, each in value.items() if key != step}
        return {**value, step: changed}
    assert isinstance(step, int)
    if not rest:
        return [*value[:step], *value[step + 1 :]]
    return [*value[:step], without(value[step], tuple(rest)), *value[step + 1 :]]


def _simpler(request: Request) -> Iterator[Request]:
    for index in range(len(request.headers)):
        headers = request.headers[:index] + request.headers[index + 1 :]
        yield replace(request, headers=headers, tokens=request.tokens if _carries(headers, request) else ())
    if "?" in request.path and not request.tokens:
        yield replace(request, path=request.path.partition("?")[0])
    if request.path != "/" and not request.tokens:
        yield replace(request, path="/")
    if request.method != "GET":
        yield replace(request, method="GET")
    if request.authority is not None:
        yield replace(request, authority=None)


def _carries(headers: tuple[tuple[str, str], ...], request: Request) -> bool:
    texts = (*(value for _, value in headers), request.path)
    return any(token.raw in text for token in request.tokens for text in texts)
