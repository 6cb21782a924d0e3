"""`conformance explain`: what Istio will do with one request, given the YAML of a folder, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import to_json

from conformance.errors import BadInput, Problem
from conformance.language.kubernetes import Addresses, Kubernetes, kubernetes
from conformance.language.manifests import Manifest, read_manifests
from conformance.language.objects import KINDS, Untyped, typed
from conformance.mesh.applications import INGRESS, INTERNET, OUTSIDE, read
from conformance.predictions.worlds import PLAIN, foundation, world_of
from conformance.router.admission.examine import examine
from conformance.router.objects import AnyObject
from conformance.router.predict import UnknownClient, predict
from conformance.router.prediction import Outcome, Prediction
from conformance.router.request import Headers, Request, Scheme
from conformance.router.versions import Version
from conformance.router.world import World

_QUESTION = re.compile(
    r"(?:(?P<method>[A-Za-z]+) )?(?P<url>\S+://\S+)(?: from (?P<client>\S+))?(?: with (?P<headers>.+))?"
)
_FORM = "write it as: GET http://reviews:9080/reviews/0 from productpage with end-user=jason, x-debug=1"
_SCHEMES = ("http", "https", "tls", "tcp")
_PORTS = {"http": 80, "https": 443, "tls": 443}


@dataclass(frozen=True)
class Explanation:
    request: Request
    prediction: Prediction
    warnings: tuple[str, ...]


def explain(folder: Path, question: str, namespace: str, version: Version) -> Explanation:
    """Raises BadInput for manifests that cannot be read or would be refused, and for a question that is none."""
    request = asked(question, namespace)
    world, warnings = read_world(folder, namespace, version)
    try:
        prediction = predict(world, request)
    except UnknownClient as unknown:
        hint = "name a workload as NAME or NAMESPACE/NAME, or outside, or internet (through the ingress gateway)"
        raise BadInput(path="question", line=None, problem=str(unknown), hint=hint) from unknown
    return Explanation(request, prediction, warnings)


def asked(question: str, namespace: str) -> Request:
    """The request in a sentence: [METHOD] URL [from CLIENT] [with NAME=VALUE, …]."""
    found = _QUESTION.fullmatch(question.strip())
    if not found:
        raise _unclear(f"{question!r} is no request")
    parts = urlsplit(found["url"])
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        raise _unclear(f"{found['url']}: {error}") from error
    if parts.scheme not in _SCHEMES or not parts.hostname or port is None:
        raise _unclear(f"{found['url']} is no URL with one of the schemes {', '.join(_SCHEMES)}, a host and a port")
    headers = _headers(found["headers"] or "")
    hosts = [value for name, value in headers if name.lower() == "host"]
    client = found["client"] or OUTSIDE
    scheme: Scheme = parts.scheme  # type: ignore[assignment]
    return Request(
        client=_client(client, namespace),
        host=parts.hostname,
        port=port,
        scheme=scheme,
        method=(found["method"] or "GET").upper(),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=tuple(pair for pair in headers if pair[0].lower() != "host"),
        authority=hosts[-1] if hosts else parts.netloc,
        dial=(INGRESS, port) if client == INTERNET else None,
    )


def _client(name: str, namespace: str) -> str:
    if "/" in name:
        return name
    return f"{OUTSIDE if name in (OUTSIDE, INTERNET) else namespace}/{name}"


def _headers(text: str) -> Headers:
    pairs = [part.partition("=") for part in text.split(", ") if part.strip()]
    for name, equals, _ in pairs:
        if not equals or not name.strip():
            raise _unclear(f"{name!r} is no header with a value")
    return tuple((name.strip(), value) for name, _, value in pairs)


def _unclear(problem: str) -> BadInput:
    return BadInput(path="question", line=None, problem=problem, hint=_FORM)


def read_world(folder: Path, namespace: str, version: Version) -> tuple[World, tuple[str, ...]]:
    """The mesh of a folder's manifests, and what admission would warn of.

    A folder without workloads is about bookinfo. Every refusal is a problem with file and line.
    """
    manifests = read_manifests(folder)
    objects, warnings = _admitted(manifests.items, namespace, version)
    addresses = Addresses()
    plain = [each.value for each in manifests.items if each.value["kind"] in PLAIN]
    found = foundation(addresses)
    found = found.with_more(_workloads(plain, namespace, addresses))
    return world_of(objects, found, version), (*map(str, manifests.warnings), *warnings)


def _workloads(plain: Sequence[dict[str, Any]], namespace: str, addresses: Addresses) -> Kubernetes:
    injected = [namespace]
    if any(each["kind"] in ("Deployment", "Pod") for each in plain):
        return kubernetes([*plain, *read("clients")], namespace, addresses, injected)
    return kubernetes([*read("bookinfo"), *read("clients"), *plain], namespace, addresses, injected)


def _admitted(
    manifests: Sequence[Manifest], namespace: str, version: Version
) -> tuple[list[AnyObject], tuple[str, ...]]:
    objects: list[AnyObject] = []
    warnings: list[str] = []
    problems: list[Problem] = []
    for age, each in enumerate(manifests):
        if each.value["kind"] in PLAIN or not _is_istio(each):
            continue
        try:
            made = typed(each.value, age=age, where=each.where, namespace=namespace)
        except Untyped as untyped:
            problems += [
                each.problem(fault.field, problem=fault.text, hint=fault.hint or "correct it as the API says")
                for fault in untyped.faults
            ]
            continue
        objects.append(made)
        for remark in examine(made, version):
            if remark.severity == "refused":
                hint = f"the API server would refuse this ({remark.by}); correct {remark.field or 'the object'}"
                problems.append(each.problem(remark.field, problem=remark.text, hint=hint))
            else:
                warnings.append(f"{each.path}:{each.line(remark.field)}: warning: {remark.text}")
    if problems:
        raise BadInput.joined(problems)
    return objects, tuple(warnings)


def _is_istio(each: Manifest) -> bool:
    return each.value["kind"] in KINDS or "istio.io" in str(each.value.get("apiVersion", ""))


def as_text(explanation: Explanation) -> str:
    """For a person: what happens first, then every decision with its reason."""
    request, prediction = explanation.request, explanation.prediction
    lines = [*explanation.warnings, f"{request.method} {_url(request)} from {request.client}"]
    lines += [f"  {_sentence(outcome)}" for outcome in prediction.outcomes]
    lines += ["", "because"]
    for step in prediction.trace:
        lines.append(f"  {step}")
        lines += [f"      not {reason}" for reason in step.rejected]
    return "\n".join(lines)


def _url(request: Request) -> str:
    return f"{request.scheme}://{request.authority or request.host}{request.path if request.method else ''}"


def _sentence(outcome: Outcome) -> str:
    share = "" if outcome.probability == 1 else f"{float(outcome.probability):.4g} "
    words = [f"{share}{outcome.kind.value.replace('_', ' ')}"]
    if outcome.status is not None:
        words.append(str(outcome.status))
    if outcome.sight is not None:
        sight = outcome.sight
        words.append(f"at {sight.namespace}/{sight.workload} (pod {sight.pod}) as {sight.method} {sight.path}")
        words.append(f"host {sight.host}, caller {sight.principal or 'unknown'}")
    words += [f"{name}: {value}" for name, value in outcome.response_set if name == "location"]
    if outcome.attempts[1] > 1:
        words.append(f"after up to {outcome.attempts[1]} tries")
    if outcome.at_least:
        words.append(f"not before {outcome.at_least:g} s")
    if outcome.reason:
        words.append(f"({outcome.reason})")
    words += [
        f"copied to {mirror.sight.workload} with chance {float(mirror.probability):.4g}" for mirror in outcome.mirrors
    ]
    return ", ".join(words)


def as_json(explanation: Explanation) -> str:
    """For a program: chances are exact, written as fractions."""
    return to_json(_named(explanation), indent=2, fallback=str).decode()


def _named(value: object) -> object:
    """Every member under its name, also those of named tuples, which JSON would have as lists."""
    if isinstance(value, tuple):
        members = [_named(each) for each in value]
        return dict(zip(value._fields, members, strict=True)) if hasattr(value, "_fields") else members
    if is_dataclass(value):
        return {each.name: _named(getattr(value, each.name)) for each in fields(value)}
    return value
