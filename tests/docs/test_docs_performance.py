"""docs/performance.md is what docs/performance.json says, and says what was not measured."""

from pathlib import Path

import pytest

from benchmarks.figures import Goal
from benchmarks.kept import KEPT, Run, keep, read_kept
from tests.benchmarks.made import MACHINE, figure, rated
from tools.performance_page import NOT_YET, PAGE, SUBJECTS, main, performance_page


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "performance.json", tmp_path / "performance.md"


def test_the_page_is_what_its_figures_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == performance_page(read_kept(KEPT))


def test_what_was_not_measured_is_said_and_not_made_up() -> None:
    assert performance_page({}).count(NOT_YET) == len(SUBJECTS) + 1


def test_a_page_that_differs_from_its_figures_is_found(paths: tuple[Path, Path]) -> None:
    figures, page = paths
    assert main(["--check"], figures, page) == 1
    assert main([], figures, page) == 0
    assert main(["--check"], figures, page) == 0
    keep("start", MACHINE, [figure()], figures)
    assert main(["--check"], figures, page) == 1


def test_an_option_that_does_not_exist_is_refused(paths: tuple[Path, Path]) -> None:
    assert main(["--chek"], *paths) == 2


def test_each_goal_is_beside_what_was_found() -> None:
    by_ratio = rated(0.5, 0.7, 0.9, goal=Goal("ratio", "at least", 0.6, 0.8))
    by_value = figure(goal=Goal("value", "at most", 100, 100))
    page = performance_page({"start": Run(MACHINE, (by_ratio, by_value))})
    assert "| Start: usher --help | at least 0.6, then 0.8 times a script | 0.7 | **least** |" in page
    assert "| Start: usher --help | at most 100 ms | 120 ms | **not reached** |" in page


def test_every_subject_names_the_machine_it_was_measured_on() -> None:
    page = performance_page({"start": Run(MACHINE, (figure(),))})
    assert f"Measured on {MACHINE}." in page
    assert "| usher --help | 120 (100–400) ms |  |  |" in page


def test_delivery_is_drawn_without_those_figures_that_only_repeat_a_bar() -> None:
    alone = figure("answers at once: Usher on SQLite", subject="delivery", unit="people/s", runs=(7000.0,))
    again = rated(0.7, name="answers at once: Usher on SQLite", subject="delivery", unit="people/s")
    later = figure("answers after 50 ms: Usher on SQLite", subject="delivery", unit="people/s", runs=(1200.0,))
    page = performance_page({"delivery": Run(MACHINE, (alone, again, later))})
    assert 'x-axis ["Usher on SQLite"]' in page
    assert "bar [7000]" in page
