"""`conformance list`."""

from __future__ import annotations

import argparse
import os
import sys

from conformance.catalogue.join import Joined, entry
from conformance.catalogue.load import read_catalogue
from conformance.language.load import load_catalogue
from conformance.report import listing


def main(options: argparse.Namespace) -> int:
    joined = Joined(read_catalogue(), tuple(map(entry, load_catalogue(options.folder))))
    views = (listing.coverage, listing.coverage_json) if options.coverage else (listing.tree, listing.tree_json)
    try:
        print(views[options.json](joined), flush=True)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; without this, the interpreter would try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
