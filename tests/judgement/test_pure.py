"""The judgement stays pure: it imports the standard library and itself, so that nothing in it can touch the world."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import conformance.judgement

MODULES = sorted(Path(conformance.judgement.__path__[0]).rglob("*.py"))

EFFECTS = frozenset({"asyncio", "http", "io", "os", "pathlib", "random", "socket", "subprocess", "threading", "time"})
"""Of the standard library too: what reads the world, or gives two answers to one question."""


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_module_imports_the_standard_library_and_the_judgement_only(module: Path) -> None:
    for name in imported(module):
        top = name.partition(".")[0]
        own = name == "conformance.judgement" or name.startswith("conformance.judgement.")
        assert own or (top in sys.stdlib_module_names and top not in EFFECTS), f"{module.name} imports {name}"


def test_there_are_modules_to_look_at() -> None:
    assert {"judge", "checks", "verdict"} <= {module.stem for module in MODULES}
