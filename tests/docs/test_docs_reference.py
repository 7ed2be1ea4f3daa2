"""The generated pages say what the code says, and their maker says so where they do not."""

import re
import shutil

import pytest

from tests.docs.pages import ROOT
from tools.counters import COUNTERS, FATES
from tools.reference import FOLDER, PAGES, main, stale_pages
from usher.jobs.figures import EVENTS

TELEMETRY = ROOT / "src" / "usher" / "engine" / "telemetry.py"
COUNTED = re.compile(r"tally\[[^\]]*?, f?\"([a-z_.{}]+)\"\]")


def test_no_generated_page_is_stale():
    assert stale_pages(FOLDER) == []


def test_every_page_of_the_reference_is_generated():
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_writing_anew_mends_what_the_check_finds(tmp_path, capsys):
    assert main(["--check"], tmp_path) == 1
    assert "settings.md" in capsys.readouterr().err

    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of fresh pages, to be copied."""
    folder = tmp_path_factory.mktemp("written")
    assert main([], folder) == 0
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_one_changed_letter_is_found(tmp_path, written, name):
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_text((tmp_path / name).read_text() + "x")

    assert stale_pages(tmp_path) == [name]


def test_a_wrong_use_is_said_and_writes_nothing(tmp_path):
    assert main(["--chekc"], tmp_path / "none") == 2
    assert not (tmp_path / "none").exists()


def test_the_metrics_name_every_count_and_no_other():
    source = "\n".join(path.read_text() for path in (ROOT / "src" / "usher").rglob("*.py"))
    counted = {name.replace("{reason}", "REASON") for name in COUNTED.findall(source)}

    assert {name for name in counted if not name.startswith("members.")} == set(COUNTERS)


def test_every_count_without_a_reason_is_shown_from_zero():
    assert set(EVENTS) == {name for name in COUNTERS if not name.endswith("REASON")}


def test_every_fate_of_an_event_is_explained():
    assert set(FATES) == set(re.findall(r'_events\.labels\("(\w+)"\)', TELEMETRY.read_text()))
    assert all(f"`{fate}`" in PAGES["metrics.md"]() for fate in FATES)
