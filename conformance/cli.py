"""The command line: its words and their options. Exit codes: 0 green, 1 not green, 2 bad input."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cluster.model import ClusterError
from conformance import choices
from conformance.commands import BAD_INPUT, SCENARIOS
from conformance.errors import BadInput

UNREAD = 1
"""Nobody read the output to its end, so nobody knows that it was green."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; every problem with its input is one message on standard error."""
    try:
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except (BadInput, ClusterError) as problem:
        print(problem, file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # Whoever read along has seen enough, as `| head` has; what Python still holds back goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD


def _dispatch(words: Sequence[str]) -> int:
    if words[:1] == ["run"]:
        return command("run:main")(words[1:])
    options = _parser().parse_args(words)
    return command(options.command)(options)


def command(name: str) -> Callable[[Any], int]:
    """A command such as cluster:up, whose module is imported now."""
    module, _, function = name.partition(":")
    found: Callable[[Any], int] = getattr(importlib.import_module(f"conformance.commands.{module}"), function)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="conformance", description="What do Istio's tutorials promise, and is it so?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Only for the help text: its arguments are pytest's.
    commands.add_parser("run", help="run scenarios: [FILE|FOLDER …] [--only GLOB] [-n WORKERS] [any option of pytest]")
    listed = commands.add_parser(
        "list", help="the scenarios below the promises they show; --coverage: what is not shown"
    )
    listed.add_argument(
        "folder", nargs="?", type=Path, default=SCENARIOS, metavar="FOLDER", help="of scenarios; default: the project's"
    )
    listed.add_argument("--coverage", action="store_true", help="document by document, section by section")
    listed.add_argument("--json", action="store_true", help="for a program")
    listed.set_defaults(command="listing:main")
    cluster = commands.add_parser("cluster", help="have a cluster with Istio and bookinfo, without running anything")
    actions = cluster.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="start it; it stays until `cluster down`")
    choices.add(up.add_argument)
    for port in ("api", "http", "https"):
        up.add_argument(f"--{port}-port", type=int, default=0, help=f"port on 127.0.0.1 for {port}; default: any free")
    up.set_defaults(command="cluster:up")
    actions.add_parser("status", help="what runs, and how to reach it").set_defaults(command="cluster:status")
    shell = actions.add_parser("shell", help="a shell in its network, with kubectl and istioctl")
    shell.add_argument("words", nargs="*", metavar="COMMAND", help="run this instead of a shell")
    shell.set_defaults(command="cluster:shell")
    actions.add_parser("down", help="end it and everything in it").set_defaults(command="cluster:down")
    _images(commands)
    measured = commands.add_parser(
        "bench",
        help="the mesh: seconds to ready, propagation, requests, memory, slowest scenarios; the router: predictions",
    )
    measured.add_argument(
        "--starts", type=int, default=3, help="how often to start a cluster (default 3; 0 for the router only)"
    )
    measured.set_defaults(command="bench:main")
    compared = commands.add_parser("differential", help="random configurations: does the router foretell the mesh?")
    compared.add_argument("--configs", type=int, default=300, help="how many (default 300)")
    compared.add_argument(
        "--seed", type=int, default=None, help="the same seed makes the same ones; default: by chance"
    )
    compared.add_argument("--arenas", type=int, default=4, help="how many are performed at once (default 4)")
    compared.add_argument("--examples", type=int, default=8, help="kinds of disagreements to shrink (default 8)")
    compared.add_argument("--only", type=int, action="append", metavar="NUMBER", help="only this one of the seed's")
    compared.add_argument("--kept", action="store_true", help="on the kept cluster, instead of one of its own")
    compared.set_defaults(command="differential:main")
    ordered = commands.add_parser("order", help="run again and again in other orders: does a verdict change?")
    ordered.add_argument("--runs", type=int, default=10, help="how many (default 10)")
    ordered.add_argument("--workers", default="0,2,4", metavar="N,N…", help="take turns with these (default 0,2,4)")
    ordered.add_argument("--seed", type=int, default=None, help="the same seed makes the same orders")
    ordered.add_argument("--only", metavar="GLOB", help="only scenarios whose id matches")
    ordered.set_defaults(command="order:main")
    why = commands.add_parser("explain", help="what Istio does with a request, given the YAML of a folder, and why")
    why.add_argument(
        "question", help='such as "GET http://reviews:9080/reviews/0 from productpage with end-user=jason"'
    )
    why.add_argument("-f", "--folder", type=Path, required=True, metavar="PATH", help="a manifest or a folder of them")
    why.add_argument("-n", "--namespace", default="default", help="of objects and clients that name none")
    why.add_argument("--istio", default="1.32", metavar="VERSION", help="the Istio to model (default 1.32)")
    why.add_argument("--json", action="store_true", help="for a program")
    why.set_defaults(command="explain:main")
    judged = commands.add_parser("replay", help="judge a stored record again")
    judged.add_argument("record", type=Path)
    judged.set_defaults(command="replay:main")
    _summary(commands)
    commands.add_parser("reap", help="remove what dead runs left behind").set_defaults(command="cluster:reap")
    return parser


def _images(commands: Any) -> None:
    images = commands.add_parser("images", help="the images of a kind cluster")
    what = images.add_subparsers(required=True, metavar="ACTION")
    listed_images = what.add_parser("list", help="name, version, size and origin of each; of an archive folder too")
    choices.add_images(listed_images.add_argument)
    listed_images.set_defaults(command="images:show")
    saved = what.add_parser("save", help="write them to a folder, for --images on another machine")
    saved.add_argument("folder", type=Path, metavar="DIR")
    choices.add_images(saved.add_argument)
    saved.set_defaults(command="images:save")


def _summary(commands: Any) -> None:
    summed = commands.add_parser("summary", help="a record as Markdown; two of them side by side, verdict by verdict")
    summed.add_argument("record", type=Path)
    summed.add_argument("other", type=Path, nargs="?", default=None)
    summed.set_defaults(command="summary:main")
