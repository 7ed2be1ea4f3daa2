"""Who is in which state: page by page, masked for viewers, and as a file that no spreadsheet runs."""

import csv
import io
from urllib.parse import quote

import pytest

from tests.dashboard.settled import settle
from tests.dashboard.visiting import House
from usher.access.roles import Role
from usher.domain.outcome import Accepted, Rejected
from usher.web.dashboard.job_downloads import csv_line, file_name


async def a_job(house: House) -> str:
    return str((await house.running.create_job())["id"])


async def enter(house: House, *members: str) -> None:
    for member in members:
        assert (await house.running.trigger(house.running.event(member))).status == 200


def many(count: int) -> list[str]:
    return [f"member{number:03d}@example.com" for number in range(count)]


def shown(text: str) -> list[str]:
    """Return the members on a page, in its order."""
    return [part.split("<")[0] for part in text.replace('">', '">\0').split("\0") if part.startswith("member")]


async def test_each_state_has_its_people_and_says_where_there_are_none(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    for state, said in (
        ("set_aside", "Nobody is set aside"),
        ("due", "nobody waits to be sent"),
        ("held", "holds nobody back"),
        ("accepted", "Mapp has accepted nobody"),
    ):
        assert said in (await admin.get(f"/jobs/{job_id}/people?state={state}")).words
    await enter(house, "member1@example.com")
    await settle(house, job_id, Accepted())
    await enter(house, "member2@example.com")
    await settle(house, job_id, Rejected("INVALID"))
    await enter(house, "member3@example.com")
    for state, number in (("accepted", 1), ("set_aside", 2), ("due", 3), ("nonsense", 2)):
        page = await admin.get(f"/jobs/{job_id}/people?state={state}")
        assert shown(page.text) == [f"member{number}@example.com"], state
    assert f"/jobs/{job_id}/member?m=member2%40example.com" in page.text


async def test_pages_lead_through_everybody_once(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    await enter(house, *many(120))
    first = await admin.get(f"/jobs/{job_id}/people?state=due")
    assert len(shown(first.text)) == 100
    older = first.text.split('">Older</a>')[0].split('href="')[-1].replace("&amp;", "&")
    assert "member" not in older.split("cursor=")[1], "a cursor names nobody"
    second = await admin.get(older)
    assert len(shown(second.text)) == 20
    assert sorted(shown(first.text) + shown(second.text)) == many(120)
    assert ">Older<" not in second.text


async def test_a_cursor_of_nobodys_making_is_refused(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    assert (await admin.get(f"/jobs/{job_id}/people?cursor=nonsense")).status == 400


async def test_one_reason_shows_only_its_people(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    await enter(house, "member1@example.com")
    await settle(house, job_id, Rejected("A & B"))
    await enter(house, "member2@example.com")
    await settle(house, job_id, Rejected("C"))
    page = await admin.get(f"/jobs/{job_id}/people?state=set_aside&reason={quote('A & B')}")
    assert shown(page.text) == ["member1@example.com"]
    assert "Only those of whom Mapp said: “A & B”" in page.words
    job_page = await admin.get(f"/jobs/{job_id}")
    assert f"/jobs/{job_id}/people?state=set_aside&amp;reason=A%20%26%20B" in job_page.text


async def test_a_viewer_sees_masked_people_without_links_or_retries(house: House) -> None:
    job_id, viewer = await a_job(house), await house.visitor(Role.VIEWER)
    await enter(house, "member1@example.com")
    await settle(house, job_id, Rejected("member1@example.com is odd"))
    page = await viewer.get(f"/jobs/{job_id}/people")
    assert "member1" not in page.text
    assert "m***@e***.com is odd" in page.words
    assert f'action="/jobs/{job_id}/retry"' not in page.text
    file = await viewer.get(f"/jobs/{job_id}/people.csv")
    assert "member1" not in file.text
    assert "m***@e***.com is odd" in file.text


async def test_the_file_holds_everybody_of_the_state(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    await enter(house, *many(130))
    file = await admin.get(f"/jobs/{job_id}/people.csv?state=due")
    assert file.headers["Content-Disposition"] == 'attachment; filename="vip-due.csv"'
    assert file.headers["Content-Type"].startswith("text/csv")
    assert file.text.startswith('\ufeff"member","state","wanted"')
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert sorted(row["member"] for row in rows) == many(130)
    assert {(row["state"], row["wanted"], row["accepted"]) for row in rows} == {("due", "true", "")}


async def test_the_file_of_one_reason_holds_only_its_people(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    await enter(house, "member1@example.com")
    await settle(house, job_id, Rejected("A"))
    await enter(house, "member2@example.com")
    await settle(house, job_id, Rejected("=cmd()"))
    file = await admin.get(f"/jobs/{job_id}/people.csv?state=set_aside&reason=%3Dcmd()")
    (row,) = csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff")))
    assert (row["member"], row["set_aside_reason"]) == ("member2@example.com", "'=cmd()")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "＝1+1", "＠SUM(A1)"])
def test_nothing_in_the_file_is_a_formula(cell: str) -> None:
    (read,) = next(csv.reader(io.StringIO(csv_line([cell]), newline="")))
    assert read == f"'{cell}"


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert (
        csv_line(["a=b", "jo+x@example.com", "", 'say "hi", now'])
        == '"a=b","jo+x@example.com","","say ""hi"", now"\r\n'
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VIP shoppers to Mapp", "vip-shoppers-to-mapp"),
        ('../../etc\r\nX: "y"', "etc-x-y"),
        ("Ünïcode 東京", "n-code"),
        ("東京", "job"),
        ("x" * 90, "x" * 60),
    ],
)
def test_a_file_has_a_name_that_is_safe_everywhere(text: str, name: str) -> None:
    assert file_name(text) == name


def test_a_spreadsheet_that_splits_at_semicolons_finds_no_formula_either() -> None:
    assert csv_line(["a;=1+1", "b"]) == '"a;=1+1","b"\r\n'
