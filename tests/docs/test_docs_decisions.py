"""Every direct dependency has its reason, and every decision says what would change it."""

import re

import pytest

from tests.docs.pages import ROOT, name_of, text_of

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
NEEDED = sorted(
    {
        line.strip()
        for name in ("build", "runtime", "dev")
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
        if line.strip() and not line.startswith(("-", "#"))
    }
)


@pytest.mark.parametrize("dependency", NEEDED)
def test_every_direct_dependency_has_its_reason_in_a_decision(dependency):
    name = re.split(r"[\[<>=!~; ]", dependency)[0]

    assert any(f"**{name}**" in text_of(page) for page in DECISIONS)


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_every_decision_says_its_context_its_choice_and_what_would_change_it(page):
    text = text_of(page)

    assert re.match(rf"# {page.name[:4]} \S", text)
    for heading in ("## Context", "## Choice", "## What would change our mind"):
        assert heading in text


def test_decisions_are_numbered_without_a_gap():
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
