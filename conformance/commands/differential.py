"""`conformance differential`."""

from __future__ import annotations

import argparse
import secrets

from conformance.commands import FOLDER, say
from conformance.differential.command import Options, differential
from conformance.run import KEPT_NAME


def main(options: argparse.Namespace) -> int:
    chosen = Options(
        numbers=options.only or range(options.configs),
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        arenas=options.arenas,
        examples=options.examples,
        is_kept=options.kept,
        kept_name=KEPT_NAME,
        folder=FOLDER / "differential",
    )
    return 0 if differential(chosen, say) else 1
