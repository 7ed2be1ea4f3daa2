"""What the page on security says of its tests is so."""

import re

import pytest

from tests.docs.pages import ROOT, text_of

PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (taken|changed|not taken) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
POINTS = 14


@pytest.mark.parametrize(("path", "test"), sorted(set(NAMED.findall(text_of(PAGE)))))
def test_every_test_that_the_page_names_exists(path: str, test: str) -> None:
    file = ROOT / path
    assert file.is_file()
    assert re.search(rf"^(?:async )?def {test}\(", file.read_text(), re.MULTILINE)


def test_every_point_has_a_ruling_and_a_test_that_holds_it() -> None:
    rows = ROW.findall(text_of(PAGE))
    assert [int(row[0]) for row in rows] == list(range(1, POINTS + 1))
    assert [row[0] for row in rows if not NAMED.search(row[4])] == []


def test_whatever_is_proven_of_security_is_on_the_page() -> None:
    """A module of these tests that the page does not name proves something that nobody can find."""
    proven = {file.name for file in (ROOT / "tests" / "security").glob("test_*.py")} - {"test_security_page.py"}
    named = {path.rpartition("/")[2] for path, _ in NAMED.findall(text_of(PAGE)) if path.startswith("tests/security/")}
    assert named == proven
