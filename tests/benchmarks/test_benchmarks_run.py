"""`python -m benchmarks` keeps full runs and nothing else, each subject by itself, with the machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.__main__ import SUBJECTS, main
from benchmarks.figures import Figure
from benchmarks.kept import Run, keep, read_kept
from benchmarks.machine import cpu_model, this_machine
from benchmarks.size import Size
from tests.benchmarks.made import MACHINE, figure
from tools import performance_page


async def told(size: Size) -> AsyncIterator[Figure]:
    yield figure(runs=(1.0,) * size.runs)


async def people(size: Size) -> AsyncIterator[Figure]:
    yield figure("people", runs=(float(size.pick(100_000, 5_000)),))


GIVEN = {"told": told, "people": people}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "performance.json"


def test_a_full_run_is_kept_with_the_machine_it_was_made_on(path: Path) -> None:
    main([], GIVEN, path)
    assert read_kept(path) == {
        "told": Run(this_machine(), (figure(runs=(1.0,) * 3),)),
        "people": Run(this_machine(), (figure("people", runs=(100_000.0,)),)),
    }


def test_a_quick_run_is_shown_and_never_kept(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["people", "--quick"], GIVEN, path)
    assert "5,000" in capsys.readouterr().out
    assert not path.exists()


def test_measuring_one_subject_leaves_the_others_as_they_were(path: Path) -> None:
    before = figure("before")
    keep("other", MACHINE, [before], path)
    keep("told", MACHINE, [before], path)
    main(["told", "--runs", "2"], GIVEN, path)
    kept = read_kept(path)
    assert kept["other"] == Run(MACHINE, (before,))
    assert kept["told"].figures == (figure(runs=(1.0, 1.0)),)


def test_every_figure_has_a_line_of_its_own_in_the_file(path: Path) -> None:
    keep("told", MACHINE, [figure("one"), figure("two")], path)
    assert [line.count('"name"') for line in path.read_text().splitlines() if '"name"' in line] == [1, 1]


def test_the_table_names_the_machine_before_any_figure(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["told"], GIVEN, path)
    assert capsys.readouterr().out.startswith(str(this_machine()))


@pytest.mark.parametrize("arguments", [["tolld"], ["--runs", "0"], ["--runs", "x"]])
def test_what_cannot_be_measured_is_refused_before_anything_runs(arguments, path, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments, GIVEN, path)
    assert ended.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_every_subject_has_its_place_on_the_page() -> None:
    assert list(SUBJECTS) == list(performance_page.SUBJECTS)


def test_a_machine_is_named_by_its_processor() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n") == "AMD EPYC"
    assert cpu_model("") is None
