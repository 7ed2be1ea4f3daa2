"""Every test that the coverage of the seed names exists."""

import re

import pytest

from tests.docs.pages import ROOT, text_of

PAGE = ROOT / "docs" / "seed-coverage.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (?!---|Where |Text )(.+) \|$", re.MULTILINE)


@pytest.mark.parametrize(("path", "test"), sorted(set(NAMED.findall(text_of(PAGE)))))
def test_every_named_test_exists(path, test):
    file = ROOT / path

    assert file.is_file()
    assert re.search(rf"^(?:async )?def {test}\(", file.read_text(), re.MULTILINE)


def test_every_line_of_the_seed_names_a_test():
    rows = ROW.findall(text_of(PAGE))

    assert len(rows) == 8 + 6 + 15
    assert [row for row in rows if not NAMED.search(row)] == []


def test_the_fifteen_steps_are_all_there():
    steps = re.findall(r"^\| Step (\d+) \|", text_of(PAGE), re.MULTILINE)

    assert steps == [str(number) for number in range(1, 16)]
