"""`conformance replay`."""

from __future__ import annotations

import argparse

from conformance.report.record import findings_to_json, read_record, replay


def main(options: argparse.Namespace) -> int:
    record = read_record(options.record)
    changed = 0
    for scenario in record.scenarios:
        again = replay(scenario)
        same = findings_to_json(again) == findings_to_json(scenario.findings)
        changed += not same
        print(f"{scenario.id}  {scenario.verdict}  {len(again)} checks{'' if same else '  THE FINDINGS DIFFER'}")
    print(f"{len(record.scenarios)} scenarios judged again, {changed} differ from the record")
    return 1 if changed else 0
