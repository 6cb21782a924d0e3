"""The command line: run, cluster, bench, differential, replay, reap. Exit codes: 0 green, 1 not green, 2 bad input."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cluster import kept
from cluster.embedded import cluster as embedded
from cluster.embedded.layout import KUBECONFIG
from cluster.model import Cluster, ClusterError
from conformance import explain
from conformance.bench import mesh as mesh_bench
from conformance.bench import router as router_bench
from conformance.differential.command import Options, differential
from conformance.errors import BadInput
from conformance.report.record import findings_to_json, read_record, replay
from conformance.router.versions import Version
from conformance.run import KEPT_NAME, named_programs, prepare

_SCENARIOS = Path(__file__).parent / "scenarios"
_FOLDER = Path(".conformance")

_BAD_INPUT = 2
# pytest's own words for what is bad input here: wrong usage, and nothing that matches.
_PYTEST_BAD_INPUT = (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; every problem with its input is one message on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        return run(words[1:])
    options = _parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (BadInput, ClusterError) as problem:
        print(problem, file=sys.stderr)
        return _BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="conformance", description="What do Istio's tutorials promise, and is it so?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Only for the help text: its arguments are pytest's.
    commands.add_parser("run", help="run scenarios: [FILE|FOLDER …] [--only GLOB] [-n WORKERS] [any option of pytest]")
    cluster = commands.add_parser("cluster", help="have a cluster with Istio and bookinfo, without running anything")
    actions = cluster.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="start it; it stays until `cluster down`")
    up.add_argument("--program", action="append", default=[], metavar="NAME=PATH", help="use this program")
    for port in ("api", "http", "https"):
        up.add_argument(f"--{port}-port", type=int, default=0, help=f"port on 127.0.0.1 for {port}; default: any free")
    up.set_defaults(command=_up)
    actions.add_parser("status", help="what runs, and how to reach it").set_defaults(command=_status)
    shell = actions.add_parser("shell", help="a shell in its network, with kubectl and istioctl")
    shell.add_argument("words", nargs="*", metavar="COMMAND", help="run this instead of a shell")
    shell.set_defaults(command=_shell)
    actions.add_parser("down", help="end it and everything in it").set_defaults(command=_down)
    measured = commands.add_parser(
        "bench", help="the mesh: seconds to ready, propagation, requests, memory; the router: predictions"
    )
    measured.add_argument(
        "--starts", type=int, default=3, help="how often to start a cluster (default 3; 0 for the router only)"
    )
    measured.set_defaults(command=_bench)
    compared = commands.add_parser("differential", help="random configurations: does the router foretell the mesh?")
    compared.add_argument("--configs", type=int, default=300, help="how many (default 300)")
    compared.add_argument(
        "--seed", type=int, default=None, help="the same seed makes the same ones; default: by chance"
    )
    compared.add_argument("--arenas", type=int, default=4, help="how many are performed at once (default 4)")
    compared.add_argument("--examples", type=int, default=8, help="kinds of disagreements to shrink (default 8)")
    compared.add_argument("--only", type=int, action="append", metavar="NUMBER", help="only this one of the seed's")
    compared.add_argument("--kept", action="store_true", help="on the kept cluster, instead of one of its own")
    compared.set_defaults(command=_differential)
    why = commands.add_parser("explain", help="what Istio does with a request, given the YAML of a folder, and why")
    why.add_argument(
        "question", help='such as "GET http://reviews:9080/reviews/0 from productpage with end-user=jason"'
    )
    why.add_argument("-f", "--folder", type=Path, required=True, metavar="PATH", help="a manifest or a folder of them")
    why.add_argument("-n", "--namespace", default="default", help="of objects and clients that name none")
    why.add_argument("--istio", default="1.32", metavar="VERSION", help="the Istio to model (default 1.32)")
    why.add_argument("--json", action="store_true", help="for a program")
    why.set_defaults(command=_explain)
    judged = commands.add_parser("replay", help="judge a stored record again")
    judged.add_argument("record", type=Path)
    judged.set_defaults(command=_replay)
    commands.add_parser("reap", help="remove what dead runs left behind").set_defaults(command=_reap)
    return parser


def run(words: Sequence[str]) -> int:
    """Scenarios through pytest: all of the project's, or the files and folders among the words."""
    named = any(Path(word.split("::")[0]).exists() for word in words if not word.startswith("-"))
    paths = [] if named else [str(_SCENARIOS)]
    code = pytest.main(["-q", "--no-header", "--assert=plain", *words, *paths])
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        print("no scenario matches: `pytest --collect-only -q` lists them", file=sys.stderr)
    return _BAD_INPUT if code in _PYTEST_BAD_INPUT else int(code)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _up(options: argparse.Namespace) -> int:
    if kept.find(KEPT_NAME):
        _say("it is running already")
        return _status(options)
    ports = {name: getattr(options, f"{name}_port") for name in ("api", "http", "https")}
    chosen = embedded.Options(given=named_programs(options.program), ports=ports)
    log = _FOLDER / "cluster.log"
    running = embedded.start(chosen, log, _say)
    try:
        prepare(running.cluster, _say)
    except BaseException:
        running.end()
        raise
    kept.keep(KEPT_NAME, running)
    return _status(options)


def _status(_: argparse.Namespace) -> int:
    found = kept.find(KEPT_NAME)
    if not found:
        print("no cluster is kept; `conformance cluster up` starts one")
        return 1
    print(_described(found.cluster))
    return 0


def _described(cluster: Cluster) -> str:
    width = max(map(len, cluster.parts))
    rows = [f"  {name:<{width}}  {part.version:<24}  {part.source}" for name, part in cluster.parts.items()]
    return "\n".join(
        (
            f"{cluster.kind} cluster with Istio and bookinfo",
            *rows,
            *(f"  note: {each}" for each in cluster.deviations),
            f"  KUBECONFIG={cluster.kubeconfig}",
            f"  ingress gateway: http://{cluster.ingress_http}  https://{cluster.ingress_https}",
            f"  logs: {cluster.logs}",
            "  conformance cluster shell   a shell in its network, with kubectl and istioctl",
            "  conformance run             scenarios use it while it is there",
            "  conformance cluster down    ends it",
        )
    )


def _shell(options: argparse.Namespace) -> int:
    found = kept.find(KEPT_NAME)
    if not found:
        raise ClusterError("no cluster is kept", "Start one: conformance cluster up")
    obtained = embedded.programs({}, lambda _: None)
    folders = [str(obtained[name].path.parent) for name in ("kubectl", "istioctl")]
    enter = ["nsenter", "--target", str(found.world.pid), "--net"]
    if os.geteuid() != 0:
        enter += ["--user", "--preserve-credentials"]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]),
        "KUBECONFIG": str(found.world.home / KUBECONFIG.name),
    }
    command = options.words or [os.environ.get("SHELL", "/bin/sh")]
    return subprocess.run([*enter, *command], env=environment, check=False).returncode


def _down(_: argparse.Namespace) -> int:
    found = kept.find(KEPT_NAME)
    if not found:
        print("no cluster is kept")
        return 0
    begun = time.monotonic()
    kept.end(found)
    print(f"ended in {time.monotonic() - begun:.1f} s")
    return 0


def _bench(options: argparse.Namespace) -> int:
    if options.starts:
        print(mesh_bench.table(mesh_bench.measure(_FOLDER / "bench", options.starts, _say)))
    print(router_bench.table(router_bench.measure()))
    return 0


def _differential(options: argparse.Namespace) -> int:
    chosen = Options(
        numbers=options.only or range(options.configs),
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        arenas=options.arenas,
        examples=options.examples,
        is_kept=options.kept,
        kept_name=KEPT_NAME,
        folder=_FOLDER / "differential",
    )
    return 0 if differential(chosen, _say) else 1


def _explain(options: argparse.Namespace) -> int:
    try:
        version = Version.of(options.istio)
    except ValueError as error:
        problem = f"{options.istio!r} is no version of Istio"
        raise BadInput(path="--istio", line=None, problem=problem, hint="write it as 1.32 or 1.32.0") from error
    found = explain.explain(options.folder, options.question, options.namespace, version)
    print(explain.as_json(found) if options.json else explain.as_text(found))
    return 0


def _replay(options: argparse.Namespace) -> int:
    record = read_record(options.record)
    changed = 0
    for scenario in record.scenarios:
        again = replay(scenario)
        same = findings_to_json(again) == findings_to_json(scenario.findings)
        changed += not same
        print(f"{scenario.id}  {scenario.verdict}  {len(again)} checks{'' if same else '  THE FINDINGS DIFFER'}")
    print(f"{len(record.scenarios)} scenarios judged again, {changed} differ from the record")
    return 1 if changed else 0


def _reap(_: argparse.Namespace) -> int:
    """Clusters of dead runs are gone with their owners; what can be left is the note of a kept one that died."""
    for name in kept.names():
        alive = kept.find(name)
        print(f"{name}: {'runs; `conformance cluster down` ends it' if alive else 'was dead, its note is removed'}")
    print("nothing else can be left: a cluster dies with the process that owns it")
    return 0
