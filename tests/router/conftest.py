"""What one run of the router remembers is nothing to the next one in the same process."""

from __future__ import annotations

import sys

import pytest


def pytest_sessionstart(session: pytest.Session) -> None:
    """Empty the router's caches: a mutant runs in a process forked from one that has run all tests (see noxfile.py)."""
    for name, module in list(sys.modules.items()):
        if name.startswith("conformance.router"):
            for value in vars(module).values():
                if callable(clear := getattr(value, "cache_clear", None)):
                    clear()
