"""Router and judgement stay pure: nothing in them can touch the world, or answer one question in two ways."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import conformance

EFFECTS = frozenset(
    "asyncio http.client http.server io os pathlib random socket subprocess threading time urllib.request".split()
)
"""Of the standard library too: what reads the world, or gives two answers to one question."""

ALLOWED = {
    "router": ("conformance.router", "re2"),
    # Of the router only what it says, never how it comes to it.
    "judgement": ("conformance.judgement", "conformance.router.prediction", "conformance.router.request"),
}
ROOT = Path(conformance.__path__[0])
MODULES = [
    pytest.param(module, allowed, id=f"{package}/{module.relative_to(ROOT / package).with_suffix('')}")
    for package, allowed in ALLOWED.items()
    for module in sorted((ROOT / package).rglob("*.py"))
]


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module or ""


@pytest.mark.parametrize(("module", "allowed"), MODULES)
def test_a_module_imports_nothing_that_has_effects(module: Path, allowed: tuple[str, ...]) -> None:
    for name in imported(module):
        top = name.partition(".")[0]
        own = any(name == root or name.startswith(f"{root}.") for root in allowed)
        assert own or (top in sys.stdlib_module_names and EFFECTS.isdisjoint({top, name})), (
            f"{module.name} imports {name}"
        )


def test_there_are_modules_to_look_at() -> None:
    assert {"router/predict", "judgement/judge"} <= {parameter.id for parameter in MODULES}
