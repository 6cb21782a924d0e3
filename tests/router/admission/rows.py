"""What the tables of this folder are made of: one behaviour, the YAML that shows it, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Any, Literal

import pytest
import yaml

from conformance.language.objects import KINDS, Untyped, typed
from conformance.router.admission import Remark, examine
from conformance.router.versions import Version

NEWEST = Version()


@dataclass(frozen=True)
class Row:
    """An object that is refused or warned about, and perhaps a neighbour of it about which nothing is said."""

    behaviour: str
    kind: str
    spec: str
    field: str
    text: str
    by: Literal["schema", "webhook"] = "webhook"
    severity: Literal["refused", "warned"] = "refused"
    accepted: str | None = None
    version: Version = NEWEST
    metadata: str = ""

    def manifest(self, spec: str | None = None) -> dict[str, Any]:
        """The object, by itself or with the neighbour's spec."""
        metadata = {"name": "it", "namespace": "shop"} | (yaml.safe_load(self.metadata) or {})
        body = yaml.safe_load(dedent(self.spec if spec is None else spec)) or {}
        return {"apiVersion": KINDS[self.kind][0], "kind": self.kind, "metadata": metadata, "spec": body}


def remarks(manifest: dict[str, Any], version: Version = NEWEST) -> tuple[Remark, ...]:
    """All that is said of a manifest: by the loader, which stands for the first part of the schema, or by `examine`."""
    try:
        return examine(typed(manifest, age=0, where=""), version)
    except Untyped as untyped:
        return tuple(Remark("refused", "schema", fault.field, fault.text) for fault in untyped.faults)


def check(row: Row) -> None:
    """The row's remark is made, at its field; about the neighbour nothing is said."""
    found = remarks(row.manifest(), row.version)
    fitting = [each for each in found if row.text in each.text]
    assert fitting, f"no remark has this text, but there are: {list(map(str, found))}"
    assert [(each.severity, each.by, each.field) for each in fitting] == [(row.severity, row.by, row.field)]
    if row.accepted is not None:
        assert not remarks(row.manifest(row.accepted), row.version)


def parameters(rows: Iterable[Row]) -> list[Any]:
    return [pytest.param(row, id=row.behaviour) for row in rows]


def http(rule: str, *, gateways: str = "") -> str:
    """A VirtualService's spec with one rule of http; a rule that says nothing of where it leads goes to reviews."""
    rule = dedent(rule).strip("\n")
    leads = any(line.startswith(("route:", "redirect:", "directResponse:", "delegate:")) for line in rule.splitlines())
    route = "" if leads else "\nroute: [{destination: {host: reviews}}]"
    bound = f"gateways: {gateways}\n" if gateways else ""
    return f"hosts: [reviews]\n{bound}http:\n-\n{indent(rule + route, '  ')}\n"


def rule(behaviour: str, snippet: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about one rule of http; `field` is relative to it."""
    neighbour = None if accepted is None else http(accepted)
    place = f"spec.http[0].{field}" if field else "spec.http[0]"
    return Row(behaviour, "VirtualService", http(snippet), place, text, accepted=neighbour, **more)


def policy(behaviour: str, snippet: str, field: str, text: str, *, accepted: str | None = None, **more: Any) -> Row:
    """A row about a DestinationRule's trafficPolicy; `field` is relative to it."""
    neighbour = None if accepted is None else _policy(accepted)
    place = f"spec.trafficPolicy.{field}" if field else "spec.trafficPolicy"
    return Row(behaviour, "DestinationRule", _policy(snippet), place, text, accepted=neighbour, **more)


def _policy(snippet: str) -> str:
    return f"host: reviews\ntrafficPolicy:\n{indent(dedent(snippet).strip(), '  ')}\n"
