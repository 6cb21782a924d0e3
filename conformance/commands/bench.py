"""`conformance bench`."""

from __future__ import annotations

import argparse

from conformance.bench import mesh, router, scenarios
from conformance.commands import FOLDER, say


def main(options: argparse.Namespace) -> int:
    if options.starts:
        print(mesh.table(mesh.measure(FOLDER / "bench", options.starts, say)))
        print(scenarios.table(scenarios.measure(FOLDER / "runs")))
    print(router.table(router.measure()))
    return 0
