"""The policies of a proxy before anything is routed or served: CUSTOM, tokens, DENY, ALLOW (section 17, filter order).

The same at a workload's sidecar and at a gateway; a 401 or 403 therefore precedes a 404, a redirect and a fault.
"""

from __future__ import annotations

from dataclasses import replace

from conformance.router.authorization import DENIED_BODY, Caller, Decision
from conformance.router.doors import Door
from conformance.router.message import Message
from conformance.router.passage import Edits, Passage, failed, local
from conformance.router.prediction import Kind, Outcome
from conformance.router.request_authentication import Authenticated, JwtRejected
from conformance.router.trace import Step
from conformance.router.world import World

FORWARDED_FOR = "x-forwarded-for"


def guarded(world: World, door: Door, passage: Passage, message: Message, trail: list[Step]) -> Passage | Outcome:
    """The request as the policies let it pass, or the proxy's own answer."""
    if door.is_unguarded:
        if message.claims is not None:
            # Another proxy found them; they do not travel.
            message = replace(message, claims=None)
        return passage if passage.message is message else passage.read(message)
    caller = _caller(passage, message)
    address = door.pod.address
    asked = door.authorization.decide_custom(caller, message, door.port, destination_address=address)
    if asked.allowed is not True:
        return _denied(asked, trail)
    verified = door.authentication.check(message, passage.request.tokens, world.mesh.key_sets)
    if isinstance(verified, JwtRejected):
        trail.append(Step("request authentication", f"rejected: {verified.body}", verified.by, verified.field))
        made = Outcome(Kind.JWT_REJECTED, status=verified.status, body=verified.body, attempts=(0, 0))
        return made._replace(upstream_time=False, response_set=(("www-authenticate", verified.www_authenticate),))
    if verified.by:
        trail.append(Step("request authentication", "the token is good", verified.by, verified.field))
    decision = door.authorization.decide_http(caller, verified.message, door.port, destination_address=address)
    if decision.allowed is not True:
        return _denied(decision, trail)
    if decision.policy:
        trail.append(Step("authorization", "allowed", decision.policy, decision.field))
    if verified.message is message and passage.message is message:
        return passage
    return passage._replace(message=verified.message, edits=passage.edits.then(_edits(verified)))


def guarded_stream(door: Door, passage: Passage, trail: list[Step]) -> Outcome | None:
    """Whether policies close a connection that is not read as HTTP; None if they let it be."""
    decision = door.authorization.decide_tcp(_caller(passage), door.port, destination_address=door.pod.address)
    if decision.allowed is True:
        return None
    _note(decision, trail)
    return failed(Kind.UNDEFINED if decision.allowed is None else Kind.CLOSED, decision.why)


def _caller(passage: Passage, message: Message | None = None) -> Caller:
    """`remote.ip` is what X-Forwarded-For ends with, whoever wrote it: a sidecar does not count trusted proxies."""
    forwarded = message.headers.get(FORWARDED_FOR) if message else None
    remote = forwarded[-1].rpartition(",")[2].strip() if forwarded else passage.source
    return Caller(passage.principal, passage.source, remote, passage.sni)


def _edits(verified: Authenticated) -> Edits:
    """Headers that the JWT filter writes replace the client's; those whose value is not known are left open."""
    known = tuple((name, value) for name, value in verified.added_headers if value is not None)
    return Edits(known, (), verified.removed_headers)


def _denied(decision: Decision, trail: list[Step]) -> Outcome:
    _note(decision, trail)
    if decision.allowed is None:
        return failed(Kind.UNDEFINED, decision.why)
    return local(Kind.RBAC_DENIED, 403, DENIED_BODY, decision.why)


def _note(decision: Decision, trail: list[Step]) -> None:
    verb = "not determined" if decision.allowed is None else "denied"
    trail.append(Step("authorization", f"{verb}: {decision.why}", decision.policy, decision.field))
