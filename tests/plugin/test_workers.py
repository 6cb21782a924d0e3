"""How many workers a run has when nobody says it."""

from collections.abc import Sequence

import pytest

from conformance.commands.run import WORKERS, _workers


@pytest.mark.parametrize(
    ("words", "whole", "options"),
    [
        ((), True, [f"--numprocesses={WORKERS}", "--dist=loadgroup"]),
        (("--seed", "7", "--profile", "quick"), True, [f"--numprocesses={WORKERS}", "--dist=loadgroup"]),
        (("--only", "names/*"), True, []),
        (("mine.yaml",), False, []),
        (("-n", "4"), True, ["--dist=loadgroup"]),
        (("-n0",), True, ["--dist=loadgroup"]),
        (("--dist=load", "--seed=1"), True, []),
    ],
)
def test_the_whole_catalogue_has_workers_and_a_choice_of_scenarios_none(
    words: Sequence[str], *, whole: bool, options: list[str]
) -> None:
    assert _workers(words, whole=whole) == options
