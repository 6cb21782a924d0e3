"""Every scenario can fail: with a wrong configuration, the real mesh is convicted by the check that should.

The rows are in sabotage.yaml; `nox -s sabotage` runs all of them, `nox -s tests` the short ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml

from conformance.judgement.verdict import Verdict
from conformance.language.load import Loaded, load_catalogue
from conformance.language.models import Scenario
from conformance.run import WorkerSite

SCENARIOS = Path(__file__).resolve().parents[2] / "conformance" / "scenarios"


@dataclass(frozen=True)
class Sabotage:
    """A wrong configuration. `caught_by` is a check."""

    scenario: str
    wrong: str
    patch: list[dict[str, Any]]
    caught_by: str
    short: bool = False


def rows() -> Iterator[Any]:
    for row in yaml.safe_load(Path(__file__).with_suffix(".yaml").with_stem("sabotage").read_text()):
        each = Sabotage(**row)
        marks = () if each.short else pytest.mark.sabotage
        yield pytest.param(each, id=f"{each.scenario}: {each.wrong}", marks=marks)


@cache
def catalogue() -> dict[str, Loaded]:
    return {one.scenario.id: one for one in load_catalogue(SCENARIOS)}


def sabotaged(each: Sabotage) -> Loaded:
    """The scenario with its promises as they are and its configuration as it should not be."""
    original = catalogue()[each.scenario]
    patched = jsonpatch.apply_patch(original.source.value, each.patch)
    return replace(original, scenario=Scenario.model_validate(patched))


@pytest.mark.parametrize("each", [*rows()])
def test_a_wrong_configuration_is_convicted_by_its_check(site: WorkerSite, each: Sabotage) -> None:
    record = site.perform(sabotaged(each))

    assert record.verdict is Verdict.VIOLATES
    assert each.caught_by in {one.check for one in record.findings if one.verdict is Verdict.VIOLATES}


def test_there_are_at_least_thirty() -> None:
    assert len([*rows()]) >= 30
