"""
How one mutant is put before its tests: in a child of one warm process, with the module's text exchanged on import.

A child has limits of processor time and memory, so that a mutant that never ends counts as noticed.
"""

import ast
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, ModuleType

import hypothesis
import pytest

from tools.mutations import Mutation

MOST_BYTES = 2 * 1024**3
LEAST_SECONDS = 10
TIMES_EXPECTED = 10  # slower by this much than without the mutant is noticed too
REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"  # what is warm already is no test
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-o", "timeout=0", "-W", REWRITTEN)


class BaselineFailed(Exception):
    """The tests fail without any mutant; mend them first."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A module, and the test files that answer for it."""

    module: str
    path: Path
    tests: tuple[Path, ...]


class _Exchange(MetaPathFinder, Loader):
    """Gives one module another text."""

    def __init__(self, trial: Trial, code: CodeType) -> None:
        self._trial, self._code = trial, code

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self._trial.module:
            return None
        return spec_from_file_location(fullname, self._trial.path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)  # noqa: S102 # the text is our own module, changed in one place


def warm_up() -> None:
    """Make hypothesis repeatable, and content with the first failing example; every later profile inherits it."""
    hypothesis.settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=tuple(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")


def survivors(trial: Trial, mutations: Sequence[Mutation], *, at_once: int) -> Iterator[Mutation]:
    """
    Yield the *mutations* that no test of *trial* notices.

    Args:
        at_once: how many are tried at the same time.

    Raises:
        BaselineFailed: the tests fail as they are.
    """
    seconds = _baseline_seconds(trial)
    running: dict[int, Mutation] = {}
    for mutation in mutations:
        if len(running) >= at_once:
            yield from _ended(running)
        running[_start(trial, mutation.tree(), seconds)] = mutation
    while running:
        yield from _ended(running)


def _baseline_seconds(trial: Trial) -> int:
    """Return how many seconds of the processor a mutant may take."""
    child = _start(trial, ast.parse(trial.path.read_text(encoding="utf-8")), 3600)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise BaselineFailed(f"The tests of {trial.module} fail without any mutant: {[str(t) for t in trial.tests]}")
    return max(LEAST_SECONDS, round(TIMES_EXPECTED * (usage.ru_utime + usage.ru_stime)))


def _ended(running: dict[int, Mutation]) -> Iterator[Mutation]:
    child, status = os.wait()
    mutation = running.pop(child)
    if os.waitstatus_to_exitcode(status) == 0:
        yield mutation


def _start(trial: Trial, tree: ast.Module, seconds: int) -> int:
    child = os.fork()
    if child == 0:
        os._exit(_outcome(trial, tree, seconds))
    return child


def _outcome(trial: Trial, tree: ast.Module, seconds: int) -> int:
    """Run the tests in this process; 0 means that they noticed nothing."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    try:
        sys.meta_path.insert(0, _Exchange(trial, compile(tree, str(trial.path), "exec")))
        with TemporaryDirectory() as folder:
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
            return int(pytest.main([*OPTIONS, *map(str, trial.tests)]))
    except BaseException:  # noqa: BLE001 # whatever a mutant breaks, it was noticed
        return 1
