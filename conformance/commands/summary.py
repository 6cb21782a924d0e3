"""`conformance summary`."""

from __future__ import annotations

import argparse

from conformance.report import markdown
from conformance.report.record import read_record


def main(options: argparse.Namespace) -> int:
    run = read_record(options.record)
    if options.other is None:
        print(markdown.summary(run), end="")
        return 0
    other = read_record(options.other)
    kinds = tuple("kind" if "kubelet" in each.header.versions else "embedded" for each in (run, other))
    names = (kinds[0], kinds[1]) if kinds[0] != kinds[1] else ("first", "second")
    print(markdown.side_by_side(run, other, names), end="")
    return 0
