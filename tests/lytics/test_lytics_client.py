from typing import Any

import pytest
from fake_lytics import TOKEN, Asked, FakeHttp, client_answering, client_of, data, refusal, reply

from usher.errors import RemoteError, RemoteMissing, RemoteRejected, RemoteUnknown, RemoteUnreachable
from usher.http import Reply
from usher.lytics.exchange import Account
from usher.lytics.scan import PAGE_BYTES, CursorExpired

VIP = {"id": "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f", "slug_name": "vip_buyers", "name": "VIP buyers", "size": 3}
LAPSED = {"id": "a" * 32, "slug_name": "lapsed", "name": "Lapsed", "invalid": True}
PEOPLE = [{"email": f"p{n}@example.org"} for n in range(250)]


class StoppedClock:
    """Always the same moment."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("Nothing here waits.")


def scanning(*, next_key: str | None = "_next") -> FakeHttp:
    """A Lytics whose only audience holds PEOPLE, and which calls the next cursor *next_key*."""

    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get("start", "0"))
        stop = start + int(asked.query["limit"])
        cursor = str(stop) if stop < len(PEOPLE) else ""
        page = {"status": 200, "message": "success", "total": len(PEOPLE), "data": PEOPLE[start:stop]}
        return reply(200, page | ({next_key: cursor} if next_key else {}))

    return FakeHttp(answer)


async def test_audiences_are_listed_with_invalid_ones_and_those_without_id_left_out() -> None:
    http = FakeHttp(lambda asked: data([VIP, LAPSED, {"name": "nameless"}, None]))

    found = await client_of(http).audiences()

    assert [(one.slug, one.is_valid, one.size) for one in found] == [("vip_buyers", True, 3), ("lapsed", False, None)]
    (asked,) = http.asked
    assert asked.line == "GET /v2/segment"
    assert asked.query == {"table": "user", "kind": "segment", "valid": "all", "sizes": "true"}


async def test_the_token_goes_out_raw() -> None:
    http = FakeHttp(lambda asked: data([]))

    await client_of(http).fields()

    assert http.asked[0].headers["Authorization"] == TOKEN
    assert http.lines == ["GET /v2/schema/user/field"]


async def test_one_audience_is_found_by_whatever_a_person_typed() -> None:
    http = FakeHttp(lambda asked: data(VIP))

    found = await client_of(http).audience("vip/../buyers?x=1")

    assert found.id == VIP["id"]
    assert http.lines == ["GET /v2/segment/vip%2F..%2Fbuyers%3Fx%3D1"]


async def test_an_audience_that_is_gone_is_missing() -> None:
    with pytest.raises(RemoteMissing, match="no such segment"):
        await client_answering(refusal(404, "no such segment")).audience("vip_buyers")


@pytest.mark.parametrize("nonsense", [None, [], [VIP], {}, "vip"])
async def test_an_answer_that_describes_no_audience_is_rejected(nonsense: Any) -> None:
    with pytest.raises(RemoteRejected):
        await client_answering(data(nonsense)).audience("vip_buyers")


@pytest.mark.parametrize("nonsense", [None, {}, "vip"])
async def test_an_answer_that_is_no_list_is_not_an_empty_list(nonsense: Any) -> None:
    with pytest.raises(RemoteRejected):
        await client_answering(data(nonsense)).audiences()


async def test_fields_say_which_of_them_identify_people() -> None:
    described = [{"id": "email", "type": "string", "is_identifier": True}, {"id": "score", "type": "number"}, {}]

    found = await client_answering(data(described)).fields()

    assert [(one.name, one.is_identifier) for one in found] == [("email", True), ("score", False)]


async def test_raw_answers_are_passed_on_untouched() -> None:
    assert await client_answering(data([VIP, None])).raw_segments() == [VIP, None]
    assert await client_answering(data(VIP)).raw_segment("vip_buyers") == VIP
    assert await client_answering(data([{"id": "email"}])).raw_fields() == [{"id": "email"}]


@pytest.mark.parametrize("next_key", ["_next", "next"])
async def test_a_scan_reads_everybody_whatever_the_cursor_is_called(next_key: str) -> None:
    http = scanning(next_key=next_key)
    client = client_of(http)
    seen: list[str] = []
    page = await client.scan_page("vip_buyers", field="email", cursor="")
    seen += [profile["email"] for profile in page.profiles]
    while page.next_cursor:
        page = await client.scan_page("vip_buyers", field="email", cursor=page.next_cursor)
        seen += [profile["email"] for profile in page.profiles]

    assert seen == [person["email"] for person in PEOPLE]
    assert page.has_end_marker
    assert http.lines == ["GET /api/segment/vip_buyers/scan"] * 3
    assert [asked.query for asked in http.asked] == [
        {"limit": "100", "fields": "email"},
        {"limit": "100", "fields": "email", "start": "100"},
        {"limit": "100", "fields": "email", "start": "200"},
    ]
    assert http.asked[0].most_bytes == PAGE_BYTES


async def test_a_page_that_names_no_next_one_has_no_end_marker() -> None:
    page = await client_of(scanning(next_key=None)).scan_page("vip_buyers", field="email", cursor="200")

    assert (len(page.profiles), page.next_cursor, page.has_end_marker) == (50, "", False)


async def test_an_expired_cursor_has_its_own_name() -> None:
    client = client_answering(refusal(400, "start token is too old"))

    with pytest.raises(CursorExpired, match="start token is too old"):
        await client.scan_page("vip_buyers", field="email", cursor="100")
    with pytest.raises(RemoteRejected) as caught:
        await client.scan_page("vip_buyers", field="email", cursor="")
    assert not isinstance(caught.value, CursorExpired)


async def test_a_cut_page_is_an_error_and_not_a_short_page() -> None:
    whole = reply(200, {"data": PEOPLE, "_next": ""})

    with pytest.raises(RemoteRejected):
        await client_answering(Reply(200, {}, whole.body[:1_000], is_cut=True)).scan_page("v", field="email", cursor="")


async def test_one_odd_value_on_a_page_does_not_stop_the_scan() -> None:
    body = b'{"_next": "", "data": [{"email": "a@example.org"}, {"email": "\\ud83d"}]}'

    page = await client_answering(reply(200, body)).scan_page("vip_buyers", field="email", cursor="")

    assert page.profiles == ({"email": "a@example.org"}, {"email": None})


@pytest.mark.parametrize(("limit", "asked_for"), [(5, "5"), (0, "1"), (1_000, "100")])
async def test_a_sample_is_the_field_of_the_first_people(limit: int, asked_for: str) -> None:
    http = scanning()

    sample = await client_of(http).identifier_sample("vip_buyers", field="email", limit=limit)

    assert sample == [person["email"] for person in PEOPLE[: int(asked_for)]]
    assert http.asked[0].query["limit"] == asked_for


async def test_people_without_the_field_stay_in_the_sample_as_none() -> None:
    sample = await client_of(scanning()).identifier_sample("vip_buyers", field="phone", limit=2)

    assert sample == [None, None]


@pytest.mark.parametrize("error", [RemoteUnknown("no answer"), RemoteUnreachable("no connection")])
async def test_a_read_whose_answer_was_lost_may_simply_be_asked_again(error: RemoteError) -> None:
    with pytest.raises(RemoteUnreachable, match=error.message):
        await client_answering(error).audiences()


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Fri, 20 Nov 2026 10:15:02 GMT", 0.0),
        ("Fri, 20 Nov 2026 10:17:02 GMT", 120.0),
        ("Fri, 20 Nov 2026 10:15:01 GMT", -1.0),
        ("Fri, 20 Nov 2026 10:15:02 -0000", 0.0),
        ("yesterday", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [200, 401])
async def test_the_clocks_are_compared_by_any_answer(status: int, date: str, expected: float | None) -> None:
    client = client_answering(reply(status, b"", date=date))

    difference = await client.clock_difference_seconds(clock=StoppedClock(1_795_169_702_500))

    assert difference == expected


def test_an_account_shows_no_token() -> None:
    assert TOKEN not in repr(Account(TOKEN))
    assert Account(TOKEN).api_url == "https://api.lytics.io"
