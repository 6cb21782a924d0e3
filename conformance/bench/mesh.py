"""What the embedded cluster costs: seconds to ready, propagation, requests per second, memory, seconds to tear down."""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cluster.api import Api, Object, Reference
from cluster.embedded import cluster as embedded
from conformance.mesh.applications import deploy, lay_foundation
from conformance.mesh.workloads import Question, Workloads

CHANGES = 50
LOAD_SECONDS = 5.0
_SERVED_WITHIN_SECONDS = 30

Say = Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """One row: a name, its unit, every value seen, and the goal as a person reads it."""

    name: str
    unit: str
    values: tuple[float, ...]
    goal: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def measure(folder: Path, starts: int, say: Say) -> tuple[Figure, ...]:
    """Starts a cluster `starts` times and measures the last one in use; also writes the figures as JSON."""
    ready, bookinfo, down = [], [], []
    used: list[Figure] = []
    for number in range(1, starts + 1):
        say(f"start {number} of {starts}")
        embedded.programs({}, lambda _: None)
        begun = time.monotonic()
        running = embedded.start(embedded.Options(), folder / "cluster.log", lambda _: None)
        try:
            ready.append(time.monotonic() - begun)
            api = Api(running.cluster.kubeconfig)
            begun = time.monotonic()
            deploy(api, "bookinfo", "default")
            bookinfo.append(time.monotonic() - begun)
            if number == starts:
                lay_foundation(api)
                used = _in_use(api, running.world.pid, say)
            api.close()
        finally:
            begun = time.monotonic()
            running.end()
            down.append(time.monotonic() - begun)
    figures = (
        Figure("Istio ready, from nothing", "s", tuple(ready), "≤ 9"),
        Figure("bookinfo with sidecars, after that", "s", tuple(bookinfo), "≤ 6"),
        *used,
        Figure("torn down", "s", tuple(down), "≤ 2"),
    )
    _write(folder, figures)
    return figures


def _in_use(api: Api, world: int, say: Say) -> list[Figure]:
    workloads = Workloads(api)
    say(f"{CHANGES} changes of a VirtualService")
    spans = _propagation(api, workloads)
    figures = [
        Figure(f"propagation p50, {CHANGES} changes", "ms", (percentile(spans, 0.5) * 1000,), "≤ 150"),
        Figure(f"propagation p99, {CHANGES} changes", "ms", (percentile(spans, 0.99) * 1000,), "≤ 1000"),
    ]
    client = workloads.client("productpage", "default")
    for connections, goal in ((1, "≥ 1500"), (8, "")):
        say(f"requests on {connections} connection{'s' * (connections > 1)} for {LOAD_SECONDS:g} s")
        plan = {"url": "http://details:9080/", "connections": connections, "seconds": LOAD_SECONDS}
        result = workloads.load(client, plan)
        if result["failures"] or set(result["statuses"]) != {"200"}:
            raise RuntimeError(f"the load saw other answers than 200: {result}")
        name = f"requests, sidecar to sidecar, {connections} connection{'s' * (connections > 1)}"
        figures.append(Figure(name, "1/s", (result["per_second"],), goal))
    memory = memory_by_program(world)
    figures += [Figure(f"memory of {name} (RSS)", "MiB", (rss,)) for name, (rss, _) in memory.items()]
    total = [sum(each[index] for each in memory.values()) for index in (0, 1)]
    figures.append(Figure("memory in all (RSS, shared pages counted every time)", "MiB", (total[0],)))
    figures.append(Figure("memory in all (PSS, shared pages counted once)", "MiB", (total[1],), "≤ 2560"))
    return figures


def _propagation(api: Api, workloads: Workloads) -> list[float]:
    """Seconds from the beginning of an apply until the client's sidecar serves it, asked without pause."""
    asked = Question("http://details:9080/", by=workloads.client("productpage", "default"))
    spans = []
    for number in range(CHANGES):
        body = f"change {number}"
        begun = time.monotonic()
        applied = api.apply(_answering(body))
        while workloads.answer(asked) != body:
            if time.monotonic() - begun > _SERVED_WITHIN_SECONDS:
                raise RuntimeError(f"{body} was not served after {_SERVED_WITHIN_SECONDS} s")
        spans.append(time.monotonic() - begun)
    api.delete(Reference.of(applied))
    while (workloads.answer(asked) or "").startswith("change"):
        pass
    return spans


def _answering(body: str) -> Object:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "details", "namespace": "default"},
        "spec": {
            "hosts": ["details"],
            "http": [{"directResponse": {"status": 200, "body": {"string": body}}}],
        },
    }


def memory_by_program(root: int) -> dict[str, tuple[float, float]]:
    """MiB (RSS, PSS) by program name over all descendants of a process, largest first."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for process in parents:
        if not _descends(process, root, parents):
            continue
        try:
            name = Path(f"/proc/{process}/exe").readlink().name
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        fields = {line.split(":")[0]: line.split() for line in rollup.splitlines()[1:]}
        sums[name][0] += int(fields["Rss"][1]) / 1024
        sums[name][1] += int(fields["Pss"][1]) / 1024
    ordered = sorted(sums.items(), key=lambda each: -each[1][0])
    return {name: (rss, pss) for name, (rss, pss) in ordered}


def _descends(process: int, root: int, parents: dict[int, int]) -> bool:
    while process not in (0, root):
        process = parents.get(process, 0)
    return process == root


def table(figures: Sequence[Figure]) -> str:
    """The figures for a person: median, spread where there is one, goal."""
    width = max(len(figure.name) for figure in figures)
    rows = [f"{'':<{width}}  {'median':>9}  {'min-max':>15}  {'goal':>7}"]
    for figure in figures:
        several = len(figure.values) > 1
        spread = f"{min(figure.values):.1f}-{max(figure.values):.1f} (n={len(figure.values)})" if several else ""
        rows.append(f"{figure.name:<{width}}  {figure.median:>9.1f}  {spread:>15}  {figure.goal:>7} {figure.unit}")
    return "\n".join([f"{os.cpu_count()} cores, {_memory_gib():.0f} GiB", *rows])


def _memory_gib() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _write(folder: Path, figures: Sequence[Figure]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "measured": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "figures": [asdict(figure) for figure in figures],
    }
    (folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json").write_text(json.dumps(document, indent=2, ensure_ascii=False))
