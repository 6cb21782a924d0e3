"""pytest: scenario files are items; one cluster per run, owned by the controller process and shared by its workers."""

from __future__ import annotations

import ctypes
import fnmatch
import gc
import os
import random
import signal
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from cluster.model import ClusterError
from conformance import choices
from conformance.errors import BadInput
from conformance.expectations.register import register
from conformance.judgement.profile import PROFILES
from conformance.language.load import SUFFIXES, Loaded, load_scenario
from conformance.report import terminal
from conformance.report.record import ScenarioRecord
from conformance.router.versions import Version
from conformance.run import KEPT_NAME, Run, WorkerSite

SITE = pytest.StashKey[WorkerSite]()
RUN = pytest.StashKey[Run]()

_PR_SET_PDEATHSIG = 1
"""prctl(2)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "Istio conformance scenarios")
    choices.add(group.addoption)
    group.addoption("--only", metavar="GLOB", help="only scenarios whose id matches, such as 'routing/*'")
    group.addoption(
        "--keep-cluster", choices=("never", "on-failure", "always"), default="never", help="leave the cluster running"
    )
    group.addoption(
        "--seed", type=int, default=None, help="decides the order of the scenarios; in the record; default: by chance"
    )
    group.addoption(
        "--profile", choices=tuple(PROFILES), default="full", help="quick: shares may be wrong by 10 points, not by 5"
    )
    group.addoption(
        "--kept", metavar="NAME", default=KEPT_NAME, help="use the kept cluster of this name, if it is there"
    )


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", None)
    if given is not None:
        _end_with(given["conformance_controller"])
        config.option.seed = given["conformance_seed"]
        if "conformance_site" in given:
            config.stash[SITE] = WorkerSite.from_json(given["conformance_site"])
        return
    try:
        run = Run.planned(
            folder=Path.cwd() / ".conformance",
            wanted=choices.wanted(config.option),
            keep=config.getoption("--keep-cluster"),
            seed=config.getoption("--seed"),
            profile=config.getoption("--profile"),
            kept_name=config.getoption("--kept"),
        )
        if _names_scenarios(config):
            register()
    except BadInput as bad:
        raise pytest.UsageError(str(bad)) from bad
    config.stash[RUN] = run
    config.option.seed = run.seed
    config.pluginmanager.register(_Controller(config, run), "conformance-controller")


def _end_with(controller: int) -> None:
    """Has the kernel kill this worker when the controller dies, however that comes about.

    execnet notices, too, but lets a worker go on for up to 15 seconds.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != controller:
        # It died before the kernel was told.
        os.kill(os.getpid(), signal.SIGKILL)


def pytest_unconfigure(config: pytest.Config) -> None:
    site = config.stash.get(SITE, None)
    if site is not None:
        site.close()


# --- collection -------------------------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Files named on the command line, and those below a folder called scenarios."""
    if file_path.suffix not in SUFFIXES:
        return None
    if not parent.session.isinitpath(file_path) and "scenarios" not in file_path.parts:
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays to the end, so the garbage collector need not walk through it again and again."""
    if any(isinstance(item, ScenarioItem) for item in session.items):
        gc.freeze()


class ScenarioFile(pytest.File):
    """One scenario file, one item."""

    def collect(self) -> Iterable[pytest.Item]:
        # Reading manifests/ is put off until there is a scenario to read.
        from conformance.mesh.applications import applications  # noqa: PLC0415 - see above

        try:
            loaded = load_scenario(self.path, applications())
            register().known(loaded, Version())
        except BadInput as bad:
            raise self.CollectError(str(bad)) from None
        yield ScenarioItem.from_parent(self, name=loaded.scenario.id, loaded=loaded)


class ScenarioItem(pytest.Item):
    """Performs its scenario on the run's cluster and judges what came of it."""

    def __init__(self, *, loaded: Loaded, **others: Any) -> None:
        super().__init__(**others)
        self.loaded = loaded
        self.record: ScenarioRecord | None = None
        scenario = loaded.scenario
        words = (scenario.title, *(case.name for stage in scenario.stages for case in stage.cases))
        self.extra_keyword_matches.update(word for text in words for word in text.split())

    def runtest(self) -> None:
        site = self.config.stash[SITE]
        self.record = site.perform(self.loaded)
        if not self.record.verdict.is_green:
            raise NotGreen(self.record)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotGreen):
            where = self.loaded.where()
            return terminal.failure(excinfo.value.record, where, self.config.stash[SITE].folder)
        if isinstance(excinfo.value, BadInput):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


class NotGreen(Exception):  # noqa: N818 - a verdict, not a fault
    """The verdict of a scenario is not green; its findings say why."""

    def __init__(self, record: ScenarioRecord) -> None:
        super().__init__(record.id)
        self.record = record


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    scenarios = [item for item in items if isinstance(item, ScenarioItem)]
    first: dict[str, ScenarioItem] = {}
    for item in scenarios:
        earlier = first.setdefault(item.name, item)
        if earlier is not item:
            here, there = item.loaded.where("id"), earlier.loaded.where("id")
            raise pytest.UsageError(f"{here}: the id {item.name} is taken by {there}\n  give one of the two another id")
    pattern = config.getoption("--only")
    others = [item for item in scenarios if pattern and not fnmatch.fnmatchcase(item.name, pattern)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    _shuffle(items, config.getoption("--seed"))


def _shuffle(items: list[pytest.Item], seed: int | None) -> None:
    """Scenarios in the order of the seed, in the places that they have among other items; no verdict depends on it."""
    scenarios = sorted((item for item in items if isinstance(item, ScenarioItem)), key=lambda item: item.name)
    random.Random(seed).shuffle(scenarios)  # noqa: S311 - an order, not a secret
    shuffled = iter(scenarios)
    items[:] = [next(shuffled) if isinstance(item, ScenarioItem) else item for item in items]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if isinstance(item, ScenarioItem) and call.when == "call":
        # Travels from a worker to the controller as JSON.
        vars(report).update(
            scenario_id=item.name,
            scenario_record=item.record.to_json().decode() if item.record else None,
            scenario_bad_input=bool(call.excinfo and isinstance(call.excinfo.value, BadInput)),
        )
    return report


# --- the controller ---------------------------------------------------------------------------------------------------


class _Controller:
    """What only the controller does: own the cluster, write the record, tell how far the run is."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._done = 0
        self._bad_input = False

    def _say(self, line: str) -> None:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter:
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush() if hasattr(reporter, "flush") else sys.stdout.flush()

    def _start(self) -> WorkerSite:
        try:
            return self._run.start(self._say)
        except ClusterError as error:
            pytest.exit(str(error), returncode=2)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist: before a worker starts; the first one gets the cluster started. All have to find one order."""
        node.workerinput["conformance_seed"] = self._run.seed
        node.workerinput["conformance_controller"] = os.getpid()
        if _names_scenarios(self._config) and not self._config.option.collectonly:
            node.workerinput["conformance_site"] = self._start().to_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """With --dist loadgroup: scenarios that would wait for each other are one worker's."""
        if config.getoption("dist") != "loadgroup":
            return None
        from conformance.lanes import Lanes  # noqa: PLC0415 - xdist is not there in every run

        return Lanes(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        if error:
            self._run.lost_worker()

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Without xdist: after collection, so that a bad file is reported before anything is started."""
        wanted = any(isinstance(item, ScenarioItem) for item in session.items)
        if wanted and not session.config.option.collectonly and not session.testsfailed:
            session.config.stash[SITE] = self._start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not hasattr(report, "scenario_id"):
            return
        self._done += 1
        self._bad_input = self._bad_input or report.scenario_bad_input
        record = ScenarioRecord.from_json(report.scenario_record) if report.scenario_record else None
        if record:
            self._run.add(record)
        self._say(terminal.line(report.scenario_id, record, self._done, self._total()))

    def _total(self) -> int:
        session: Any = self._config.pluginmanager.get_plugin("session")
        scheduler: Any = getattr(self._config.pluginmanager.get_plugin("dsession"), "sched", None)
        names = getattr(scheduler, "collection", None)
        return len(names) if names else session.testscollected if session else self._done

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Scenarios have lines of their own, so pytest prints no letter for them."""
        if hasattr(report, "scenario_id"):
            return ("passed" if report.passed else "failed"), "", ""
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._run.finish(failed=bool(session.testsfailed))
        if self._bad_input:
            session.exitstatus = 2

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in terminal.summary(self._run):
            terminalreporter.write_line(line)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if excinfo.type is not KeyboardInterrupt:
            # pytest.exit and a file that cannot be read come here too; they have their own messages.
            return
        self._say(f"interrupted; what was recorded lies in {self._run.folder}")

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self._run.end()


def _names_scenarios(config: pytest.Config) -> bool:
    paths = [Path(argument.split("::")[0]) for argument in config.args]
    return any(
        path.suffix in SUFFIXES or "scenarios" in path.resolve().parts or next(path.rglob("scenarios/**/*.yaml"), None)
        for path in paths
        if path.exists()
    )
