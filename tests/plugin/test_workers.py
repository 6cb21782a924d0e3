"""How many workers a run has when nobody says it, and that none outlives it."""

import operator
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

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


_ENDLESS = """
import os, pathlib, time

def test_one(): rest("one")
def test_other(): rest("other")

def rest(name):
    pathlib.Path(name).write_text(str(os.getpid()))
    time.sleep(60)
"""
_SECONDS = 2
"""execnet by itself lets a worker go on for five at least."""


def test_no_worker_outlives_a_controller_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text(_ENDLESS)
    command = [sys.executable, "-m", "pytest", "-q", "-n2", "test_endless.py"]
    places = [tmp_path / "one", tmp_path / "other"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as controller:
        _until(lambda: all(place.exists() and place.read_text() for place in places), seconds=30)
        controller.kill()

    workers = [int(place.read_text()) for place in places]
    _until(lambda: not any(map(_runs, workers)), seconds=_SECONDS)


def _until(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Returns when it is; raises tenacity.RetryError when it is not in time."""
    retry(retry=retry_if_result(operator.not_), stop=stop_after_delay(seconds), wait=wait_fixed(0.05))(is_so)()


def _runs(process: int) -> bool:
    """A zombie waits for somebody to ask after it, and runs no more."""
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
