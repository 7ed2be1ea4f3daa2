"""Erasing a person on the dashboard: asked twice, answered with a receipt, and said wherever they are looked for."""

import re
from urllib.parse import quote

import pytest

from tests.dashboard.visiting import House
from usher.access.roles import Role

JO = "jo.public@example.com"
FIND = f"/members?q={quote(JO)}"
ASK = f"/members/erase?m={quote(JO)}"


@pytest.fixture
async def job(house: House) -> str:
    made = await house.running.create_job(mapp_attribute_name="vip")
    await house.running.trigger(house.running.event(JO))
    return str(made["id"])


async def test_the_members_page_leads_an_admin_there(house: House, job: str) -> None:
    path = f"/jobs/{job}/member?m={quote(JO)}"
    assert ASK.replace("%40", "@") in (await (await house.visitor()).get(path)).text.replace("%40", "@")
    assert 'href="/members/erase' not in (await (await house.visitor(Role.OPERATOR)).get(path)).text


@pytest.mark.parametrize("typed", ["", "jo", JO.upper()])
async def test_nobody_is_erased_whose_identifier_was_not_typed_alike(house: House, job: str, typed: str) -> None:
    visitor = await house.visitor()
    assert "What 1 job knows of them" in (await visitor.get(ASK)).words
    page = await visitor.post("/members/erase", {"m": JO, "typed": typed})
    assert page.status == 400
    assert "Nothing was erased" in page.words
    assert (await visitor.get(FIND)).status == 303  # known still: it leads to their page


async def test_the_receipt_is_shown_once_and_names_nobody(house: House, job: str) -> None:
    visitor = await house.visitor()
    page = await visitor.post("/members/erase", {"m": JO, "typed": JO})

    assert page.status == 200
    for words in ("What Mapp still holds", "vip", "What is left to do", "What happened"):
        assert words in page.words
    assert "jo.public" not in page.text
    assert re.search(r"Time \d{4}-\d\d-\d\dT", page.words)  # whoever reads it later needs the day
    found = await visitor.get(FIND)
    assert "This person was erased" in found.words
    assert "No job knows this person" not in found.words
    assert "Let them come back" in found.words
    assert "was erased at" in (await visitor.get(f"/jobs/{job}/member?m={quote(JO)}")).words
    assert "Erased a person" in (await visitor.get("/settings/audit")).words


async def test_a_hostile_identifier_is_shown_as_text(house: House, job: str) -> None:
    hostile = "<script>alert(1)</script>@example.com"
    page = await (await house.visitor()).get(f"/members/erase?m={quote(hostile)}")
    assert hostile in page.words
    assert "<script>alert" not in page.text
