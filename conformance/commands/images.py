"""`conformance images list` and `conformance images save`."""

from __future__ import annotations

import argparse

from cluster.kind import daemon, saved, sources
from cluster.kind.docker import Docker
from cluster.kind.images import Images
from conformance.choices import asked
from conformance.commands import FOLDER, say


def show(options: argparse.Namespace) -> int:
    found = _images(options)
    print(f"{found.source}:")
    for each in found.all():
        print(f"  {each.name:<9}  {each.size / 1e6:6.0f} MB  {each.reference}  {each.path}")
    for name, part in found.parts.items():
        print(f"  {name:<24}  {part.version:<26}  {part.source}")
    return 0


def save(options: argparse.Namespace) -> int:
    saved.save(_images(options), options.folder, say)
    print(f"use them with --cluster kind --images {options.folder}")
    return 0


def _images(options: argparse.Namespace) -> Images:
    """From the source that the options name; a daemon is started only if it has to build or pull something."""
    source = sources.choose(asked(options))
    programs = sources.programs({}, say)
    source.refuse(programs)
    started: list[daemon.Daemon] = []

    def docker() -> Docker:
        if not started:
            started.append(daemon.start({}, FOLDER / "docker.log", say))
        return started[0].docker

    try:
        return source.images(programs, docker, say)
    finally:
        for each in started:
            each.end()
