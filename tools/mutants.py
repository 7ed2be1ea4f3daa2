"""
Measures whether the tests of the rules would notice a fault: `python -m tools.mutants [MODULE ...]`.

Each rule in usher.domain is changed in one small place at a time and put before the tests in tests/domain that import
it. Without arguments every module is tried and docs/explain/mutants.md is written. It fails where under LEAST_SHARE are
noticed, and where a mutant survives that tools/survivors.toml does not explain.
"""

import ast
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.measuring import keep
from tools.mutant_runs import Trial, survivors, warm_up
from tools.mutants_page import Score, mutants_page
from tools.mutations import mutations_of

ROOT = Path(__file__).parent.parent
RULES = ROOT / "src" / "usher" / "domain"
TESTS = ROOT / "tests" / "domain"
EXPLAINED = ROOT / "tools" / "survivors.toml"
PAGE = ROOT / "docs" / "explain" / "mutants.md"
LEAST_SHARE = 0.9
AT_ONCE = 2
NICE = 15


@dataclass(frozen=True, slots=True)
class Explanations:
    """Why each mutant that is known to survive does no harm: by module, by the mutant's name."""

    by_module: Mapping[str, Mapping[str, str]]

    def of(self, module: str) -> Mapping[str, str]:
        return self.by_module.get(module, {})


def main(arguments: Sequence[str]) -> int:
    """Try the named modules, or all; return the exit code."""
    os.nice(NICE)
    warm_up()
    explained = read_explanations(EXPLAINED)
    scores = [_tried(name, explained) for name in arguments or module_names()]
    if not arguments:
        tried, killed = sum(score.tried for score in scores), sum(score.killed for score in scores)
        keep("mutants.made", tried)
        keep("mutants.killed_percent", round(100 * killed / tried, 1))
        PAGE.write_text(mutants_page(scores), encoding="utf-8")
    return _judged(scores, explained)


def module_names() -> list[str]:
    """Return the modules that have anything to change, in order."""
    return sorted(path.stem for path in RULES.glob("*.py") if mutations_of(path.read_text(encoding="utf-8")))


def read_explanations(path: Path) -> Explanations:
    return Explanations(tomllib.loads(path.read_text(encoding="utf-8")))


def tests_of(module: str) -> tuple[Path, ...]:
    """Return the test files that import *module* of the rules, themselves or through a world that they share."""
    worlds = {f"tests.domain.{path.stem}" for path in TESTS.glob("*_world.py") if _imports(path, {_full(module)})}
    return tuple(path for path in sorted(TESTS.glob("test_*.py")) if _imports(path, {_full(module), *worlds}))


def _full(module: str) -> str:
    return f"usher.domain.{module}"


def _imports(path: Path, wanted: set[str]) -> bool:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
    return bool(imported & wanted)


def _tried(name: str, explained: Explanations) -> Score:
    path = RULES / f"{name}.py"
    mutations = mutations_of(path.read_text(encoding="utf-8"))
    trial = Trial(_full(name), path, tests_of(name))
    alive = tuple(mutations) if not trial.tests else tuple(survivors(trial, mutations, at_once=AT_ONCE))
    score = Score(name, len(mutations), tuple(sorted(alive, key=mutations.index)), explained.of(name))
    sys.stdout.write(f"{name}: {score.killed} of {score.tried} noticed\n")
    for mutation in score.unexplained:
        sys.stdout.write(f"  line {mutation.line}: {mutation.name}\n")
    sys.stdout.flush()
    return score


def _judged(scores: Sequence[Score], explained: Explanations) -> int:
    tried, killed = sum(score.tried for score in scores), sum(score.killed for score in scores)
    sys.stdout.write(f"{killed} of {tried} mutants were noticed ({100 * killed / tried:.1f} %)\n")
    idle = [f"{score.module}: {name}" for score in scores for name in score.idle_explanations]
    for one in idle:
        sys.stdout.write(f"explained, but no such mutant survives: {one}\n")
    is_enough = killed >= LEAST_SHARE * tried
    return 0 if is_enough and not idle and not any(score.unexplained for score in scores) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
