"""The words of TLS: certificates that are made anew for every run, Secrets made of them, and what a client shows.

A file has no PEM text: it names certificates, and what is in them is made when the scenario runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from conformance.language.words import Label, Listed, Text, Words, contradiction

OUTSIDE_AUTHORITY = "outside"
"""The authority of the outside world's servers and of the clients they trust (cluster/outside.py); always there."""
NO_NAME = "none"
"""As sni: the handshake names no server."""

HostName = Annotated[str, StringConstraints(pattern=r"^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$")]
Steps = tuple[str | int, ...]


class CertificateOf(Words):
    """A certificate with its key: the names in it, and the authority that issues it.

    Authorities need no words of their own: two certificates that name the same one chain to the same one.
    """

    hosts: Listed[HostName] = Field(min_length=1)
    authority: Label


class Content(Words):
    """What stands under one key of a Secret: exactly one of a certificate (its chain), a key, an authority."""

    certificate: Label | None = None
    key: Label | None = None
    authority: Label | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Content:
        if len(self.model_fields_set) != 1:
            problem = f"a key of a Secret holds one thing, this one {len(self.model_fields_set)}"
            raise contradiction(problem, "write one of certificate, key, authority, followed by a name")
        return self


class SecretOf(Words):
    """A Kubernetes Secret. What it lacks is left out of `data`: nothing is completed."""

    name: Text
    namespace: Label | None = None
    type: Literal["Opaque", "kubernetes.io/tls"] = "Opaque"
    data: dict[SecretKey, Content] = Field(min_length=1)


class Tls(Words):
    """The client's side of a handshake."""

    sni: HostName | None = None
    """The server's name in it; without the word that of the URL, `none` for a handshake without any."""
    certificate: Label | None = None
    """What the client shows when it is asked."""
    trusts: Label | None = None
    """The authority by which the client verifies the server and the name; without the word it takes any server."""
    max_version: TlsVersion | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Tls:
        if not self.model_fields_set:
            raise contradiction("tls says nothing", f"write one of {', '.join(Tls.model_fields)}, or remove tls")
        return self


def unknown_names(
    certificates: Mapping[str, CertificateOf],
    secrets: Sequence[tuple[Steps, SecretOf]],
    handshakes: Sequence[tuple[Steps, Tls]],
    served: Sequence[tuple[Steps, str]],
) -> Iterator[tuple[str, str, Steps]]:
    """Problem, hint and place of each name that no certificate of the scenario explains."""
    authorities = {OUTSIDE_AUTHORITY, *(each.authority for each in certificates.values())}
    named = [(steps, "certificate", each.certificate) for steps, each in handshakes]
    named += [(steps, "trusts", each.trusts) for steps, each in handshakes]
    named += [(steps[:-1], str(steps[-1]), name) for steps, name in served]
    for steps, secret in secrets:
        for key, content in secret.data.items():
            place = (*steps, "data", key)
            named += [(place, word, getattr(content, word)) for word in ("certificate", "key", "authority")]
    for steps, word, name in named:
        known = authorities if word in ("trusts", "authority") else certificates.keys()
        if name is not None and name not in known:
            kind = "authority" if known is authorities else "certificate"
            hint = f"known here: {', '.join(sorted(known)) or 'none'}; certificates are written under certificates"
            yield f"the scenario has no {kind} {name!r}", hint, (*steps, word)
