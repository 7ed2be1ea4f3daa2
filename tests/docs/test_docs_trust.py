"""docs/trust.md says what was proven: its tests exist, and it is what its table and its figures say."""

import json
import re
import tomllib

import pytest

from tests.docs.pages import ROOT
from tools.trust import FIGURES, PAGE, TABLE
from tools.trust_page import NOT_YET, promises_of, trust_page

TEXT = TABLE.read_text(encoding="utf-8")
PROMISES = promises_of(TEXT)
KEPT = json.loads(FIGURES.read_text(encoding="utf-8"))


@pytest.mark.parametrize("named", sorted({test for one in PROMISES for test in one.tests}))
def test_every_test_that_proves_something_exists(named: str) -> None:
    path, _, name = named.partition("::")
    assert re.search(rf"^(?:async )?def {name}\(|^{name} = |^class {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda one: one.says)
def test_every_promise_is_proven_or_measured(promise) -> None:
    assert promise.tests or promise.figures


def test_the_page_is_what_table_and_figures_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == trust_page(TEXT, KEPT)


@pytest.mark.parametrize("name", sorted({figure.name for one in PROMISES for figure in one.figures}))
def test_every_figure_was_taken(name: str) -> None:
    assert name in KEPT["figures"]


def test_what_is_not_promised_is_said_too() -> None:
    assert len(tomllib.loads(TEXT)["limit"]) >= 10


def test_a_figure_that_was_not_taken_is_not_made_up() -> None:
    table = (
        'title = "T"\nopening = "o"\n[[section]]\ntitle = "S"\n[[section.promise]]\nsays = "p"\n'
        'figures = [{name = "a.b", says = "{} things"}]\n[[limit]]\nsays = "l"\n'
    )
    nothing = {"run": {}, "tests": {}, "figures": {}}
    assert f"{NOT_YET} things" in trust_page(table, nothing)
    some = nothing | {"figures": {"a.b": {"value": 1234, "on": "2026-01-02"}}}
    assert "1,234 things (2026-01-02)" in trust_page(table, some)
