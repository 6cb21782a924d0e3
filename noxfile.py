"""What a contributor runs: `nox -s tests`, `nox -s conformance -- --help`; `nox -l` lists everything."""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "conformance"]

LOCK = "requirements.lock"
GO_TOOLCHAIN = "cluster/binaries/go-toolchain.txt"


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the scenarios against a cluster; arguments go to `conformance run`."""
    on_a_cluster(session, "run")


@nox.session
def kind(session: nox.Session) -> None:
    """Run the scenarios on a kind cluster whose images are built here; arguments go to `conformance run`."""
    install(session)
    session.run("python", "-m", "cluster.kind.system")
    session.run("python", "-m", "conformance", "run", "--cluster", "kind", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the harness's own tests; arguments go to pytest."""
    install(session)
    system_packages(session)
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, spelling and the workflows."""
    install(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("python", "-m", "cluster.binaries.lint")
    session.run("zizmor", "--offline", "--quiet", ".github/workflows")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy --strict."""
    install(session)
    session.run("mypy", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the harness itself; arguments go to `conformance bench`."""
    on_a_cluster(session, "bench")


@nox.session
def differential(session: nox.Session) -> None:
    """Compare the router with a mesh on random configurations; arguments go to `conformance differential`."""
    on_a_cluster(session, "differential")


@nox.session
def sabotage(session: nox.Session) -> None:
    """Apply wrong configurations to a real mesh and see each convicted by the check that should; a few minutes."""
    install(session)
    system_packages(session)
    session.run("pytest", "-v", "-m", "", "tests/mesh/test_sabotage.py", *session.posargs)


@nox.session
def order(session: nox.Session) -> None:
    """Run the catalogue in other orders and with 0, 2 and 4 workers; arguments go to `conformance order`."""
    on_a_cluster(session, "order")


@nox.session
def mutants(session: nox.Session) -> None:
    """Break the router in every small way and see its tables convict it; takes about an hour on two cores."""
    install(session)
    tree = Path(session.create_tmp()) / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(".", tree, ignore=shutil.ignore_patterns(".*", "__pycache__", "test_properties.py"))
    with session.chdir(tree):
        session.run("mutmut", "run", *session.posargs, success_codes=[0, 1])
        session.run("mutmut", "results")


@nox.session
def reap(session: nox.Session) -> None:
    """Remove what killed runs left behind; arguments go to `conformance reap`."""
    install(session)
    session.run("python", "-m", "conformance", "reap", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Write the lock files anew from pyproject.toml; `-- --upgrade` takes the newest versions."""
    install(session)
    header = "# Every dependency of every session, with hashes. Regenerate with `nox -s lock`, which runs:\n"
    compile_lock(session, header, LOCK, "pyproject.toml", *groups(), "--python-version", "3.11")
    header = "# A Go toolchain as a wheel, for machines without one. `nox -s lock` renews the hashes by running:\n"
    compile_lock(session, header, GO_TOOLCHAIN, GO_TOOLCHAIN)


def install(session: nox.Session) -> None:
    """Install exactly what is locked, then this project itself, editable."""
    # Compiled at once: every pod of the embedded cluster starts a Python that may not write here.
    session.install("--compile-bytecode", "--require-hashes", "-r", LOCK)
    # Without build isolation hatchling comes from the lock too, instead of whatever is newest today.
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    session.run("python", "-m", "compileall", "-q", "conformance", "cluster", "manifests", silent=True)


def on_a_cluster(session: nox.Session, word: str) -> None:
    """Run `conformance WORD` with the session's arguments, where an embedded cluster can be."""
    install(session)
    system_packages(session)
    session.run("python", "-m", "conformance", word, *session.posargs)


def system_packages(session: nox.Session) -> None:
    """Install the Debian packages that a cluster needs, or say which are missing."""
    session.run("python", "-m", "cluster.embedded.system")


def groups() -> list[str]:
    """Return the options that select every dependency group."""
    names = nox.project.load_toml("pyproject.toml")["dependency-groups"]
    return [option for name in names for option in ("--group", name)]


def compile_lock(session: nox.Session, header: str, target: str, *sources: str) -> None:
    """Run `uv pip compile` in place, keeping the versions that are locked already; the header names the command."""
    # No index address in the file: it has to be usable behind any mirror.
    form = ("--universal", "--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--quiet")
    command = ("uv", "pip", "compile", *sources, *form)
    session.run(*command, "--output-file", target, *session.posargs, silent=True)
    path = Path(target)
    path.write_text(f"{header}# {' '.join(command)} --output-file {target}\n{path.read_text()}")
