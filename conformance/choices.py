"""The options that say which cluster is wanted: the same for runs and for `conformance cluster up`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.kind.asked import Asked
    from cluster.provide import Wanted

Add = Callable[..., Any]


def add(option: Add) -> None:
    """`option` is add_argument of argparse, or pytest's addoption."""
    option("--cluster", choices=("embedded", "kind"), default="embedded", help="where to run (default: embedded)")
    add_images(option)
    option(
        "--program", action="append", default=[], metavar="NAME=PATH", help="use this program instead of a built one"
    )


def add_images(option: Add) -> None:
    """Where a kind cluster's images come from."""
    option("--images", type=Path, default=None, metavar="DIR", help="kind: archives of `conformance images save DIR`")
    option("--registry", action="store_true", help="kind: official images from a registry, instead of built here")
    option("--istio", default="", metavar="X.Y.Z", help="kind: only with this version; which, with --registry")
    option("--kubernetes", default="", metavar="vX.Y.Z", help="kind: the same for Kubernetes")


def asked(options: Any) -> Asked:
    """What is said about images."""
    # The help text needs none of what a cluster does.
    from cluster.kind.asked import Asked  # noqa: PLC0415 - see above

    return Asked(options.images, options.registry, options.istio, options.kubernetes)


def wanted(options: Any) -> Wanted:
    """Raises BadInput for a program that is not NAME=PATH."""
    from cluster.provide import Wanted  # noqa: PLC0415 - as above
    from conformance.run import named_programs  # noqa: PLC0415 - as above

    ports = {name: getattr(options, f"{name}_port", 0) for name in ("api", "http", "https")}
    return Wanted(options.cluster, named_programs(options.program), ports, asked(options))
