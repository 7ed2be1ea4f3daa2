"""An audience of very many is read in lanes: everybody once, whatever Lytics makes of the splits."""

import pytest

from tests.lytics.fake_lytics import Asked, FakeHttp, client_of, refusal, reply
from usher.errors import RemoteRefused, RemoteRejected
from usher.http import Reply
from usher.lytics.lanes import FROM_PEOPLE, LANES
from usher.lytics.scan import PAGE_SIZE, Page

PEOPLE = [{"_id": f"p{n:05}", "email": f"p{n:05}@example.org"} for n in range(3 * LANES * PAGE_SIZE + 7)]


def splitting(asked: Asked, *, total: str = "whole", marks_end: bool = True, ignores: bool = False) -> Reply:
    """Answer as a Lytics that keeps each person in the split of their number."""
    splits = {int(split) for split in asked.query["splits"].split(",")} if "splits" in asked.query else None
    if ignores or splits is None:
        splits = set(range(100))
    inside = [person for n, person in enumerate(PEOPLE) if n % 100 in splits]
    start = int(asked.query.get("start", "0"))
    end = start + int(asked.query["limit"])
    following = {"_next": str(end)} if end < len(inside) else {"_next": ""} if marks_end else {}
    return reply(200, {"data": inside[start:end], "total": len(inside) if total == "own" else len(PEOPLE), **following})


async def read(http: FakeHttp, *, expected: int | None = FROM_PEOPLE) -> list[Page]:
    client, cursor, pages = client_of(http), "", []
    while not pages or pages[-1].next_cursor:
        pages.append(await client.scan_page("vip", field="email", cursor=cursor, expected=expected))
        cursor = pages[-1].next_cursor
    return pages


def named(pages: list[Page]) -> list[str]:
    return sorted(profile["email"] for page in pages for profile in page.profiles)


EVERYBODY = [person["email"] for person in PEOPLE]


async def test_everybody_is_read_once_and_ten_pages_at_a_time() -> None:
    http = FakeHttp(splitting)

    pages = await read(http)

    assert named(pages) == EVERYBODY
    assert len(pages) == 4
    assert len(pages[0].profiles) == LANES * PAGE_SIZE
    assert pages[-1].has_end_marker


@pytest.mark.parametrize("expected", [None, FROM_PEOPLE - 1])
async def test_a_small_audience_is_read_without_splits(expected: int | None) -> None:
    http = FakeHttp(splitting)

    assert named(await read(http, expected=expected)) == EVERYBODY
    assert not any("splits" in asked.query for asked in http.asked)


@pytest.mark.parametrize("total", ["whole", "own"])
async def test_what_is_announced_is_the_whole_audience(total: str) -> None:
    pages = await read(FakeHttp(lambda asked: splitting(asked, total=total)))

    assert [page.total for page in pages] == [len(PEOPLE), None, None, None]


async def test_a_lytics_that_passes_over_splits_is_read_in_one_piece() -> None:
    http = FakeHttp(lambda asked: splitting(asked, ignores=True))

    assert named(await read(http)) == EVERYBODY
    assert sum("splits" in asked.query for asked in http.asked) == LANES


async def test_a_lytics_that_refuses_splits_is_read_in_one_piece() -> None:
    http = FakeHttp(lambda asked: refusal(400) if "splits" in asked.query else splitting(asked))

    assert named(await read(http)) == EVERYBODY


async def test_one_lane_without_an_end_marker_leaves_the_end_unsure() -> None:
    last = f"{len(PEOPLE) // LANES // PAGE_SIZE * PAGE_SIZE}"

    def answer(asked: Asked) -> Reply:
        is_third = asked.query["splits"].startswith("3,")
        return splitting(asked, marks_end=not (is_third and asked.query.get("start") == last))

    assert not (await read(FakeHttp(answer)))[-1].has_end_marker


async def test_one_lane_that_fails_fails_the_page_and_reads_it_again_whole() -> None:
    client = client_of(FakeHttp(splitting))
    first = await client.scan_page("vip", field="email", cursor="", expected=FROM_PEOPLE)
    failing = client_of(FakeHttp(lambda asked: refusal(401) if asked.query["splits"][0] == "7" else splitting(asked)))

    with pytest.raises(RemoteRefused):
        await failing.scan_page("vip", field="email", cursor=first.next_cursor)

    second = await client.scan_page("vip", field="email", cursor=first.next_cursor)
    assert not set(named([first])) & set(named([second]))


async def test_a_lane_that_is_sent_in_circles_has_the_cursor_of_its_page() -> None:
    circling = client_of(FakeHttp(lambda asked: reply(200, {"data": PEOPLE[:1], "_next": "100"})))
    first = await client_of(FakeHttp(splitting)).scan_page("vip", field="email", cursor="", expected=FROM_PEOPLE)

    again = await circling.scan_page("vip", field="email", cursor=first.next_cursor)

    assert again.next_cursor == first.next_cursor


async def test_an_audience_that_is_refused_is_refused_by_its_own_name() -> None:
    with pytest.raises(RemoteRejected):
        await read(FakeHttp(lambda asked: refusal(400)))
