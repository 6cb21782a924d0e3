"""`conformance explain`."""

from __future__ import annotations

import argparse

from conformance.errors import BadInput
from conformance.predictions import explain
from conformance.router.versions import Version


def main(options: argparse.Namespace) -> int:
    try:
        version = Version.of(options.istio)
    except ValueError as error:
        problem = f"{options.istio!r} is no version of Istio"
        raise BadInput(path="--istio", line=None, problem=problem, hint="write it as 1.32 or 1.32.0") from error
    found = explain.explain(options.folder, options.question, options.namespace, version)
    print(explain.as_json(found) if options.json else explain.as_text(found))
    return 0
