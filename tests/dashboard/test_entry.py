"""What a browser is told where the page that it asked for cannot be shown, and a cookie that is none of ours."""

import base64

import pytest
from starlette.requests import Request
from starlette.routing import Route

from tests.dashboard.visiting import House, Visitor
from usher.web.dashboard.cookies import SAID, SESSION, Said, read_said


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


async def test_a_fault_of_ours_is_a_page_with_a_number_that_asks_the_database_nothing(house: House) -> None:
    async def fail(request: Request) -> None:
        raise ZeroDivisionError("a secret detail")

    house.running.service.app.router.routes.insert(0, Route("/broken", fail))  # type: ignore[attr-defined]
    admin = await house.visitor()
    await house.running.service.store.database.close()
    found = await admin.get("/broken", **{"X-Request-Id": "number-seven"})
    assert (found.status, "Something went wrong inside Usher" in found.words) == (500, True)
    assert f"give an engineer this number: {found.headers['X-Request-Id']} ." in found.words
    assert "secret detail" not in found.text
    assert "Content-Security-Policy" in found.headers


async def test_a_script_whose_viewer_is_signed_out_is_told_to_load_the_page_anew(house: House) -> None:
    lapsed = Visitor(house.running.url, house.running.http, {SESSION: "no session of ours"})
    for answer in (
        await lapsed.post("/jobs/new/check", {"name": "VIP"}, **{"HX-Request": "true"}),
        await lapsed.get("/jobs", **{"HX-Request": "true"}),
    ):
        assert (answer.status, answer.headers["HX-Refresh"], answer.text) == (401, "true", "")
        assert not answer.leads_to, "htmx would put the sign-in page into the middle of the other"


def packed(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


GARBLED = {
    "blank": "",
    "no base64": "%%%",
    "half of it": packed(b'["Saved.","ok"]')[:-3],
    "no JSON": packed(b"Saved."),
    "one text": packed(b'["Saved."]'),
    "three": packed(b'["Saved.","ok","more"]'),
    "a number": packed(b'["Saved.",1]'),
    "no UTF-8": packed(b'["\xff","ok"]'),
    "deep": packed(b"[" * 3_000),
}


@pytest.mark.parametrize("kept", GARBLED.values(), ids=GARBLED.keys())
def test_a_sentence_that_is_none_of_ours_counts_as_nothing(kept: str) -> None:
    assert read_said(carrying(kept)) is None


def test_a_sentence_of_ours_is_read_with_its_mood() -> None:
    assert read_said(carrying(packed(b'["Saved.","warn"]'))) == Said("Saved.", "warn")


def carrying(kept: str) -> Request:
    headers = [(b"host", b"usher.example.org"), (b"cookie", f"{SAID}={kept}".encode())]
    return Request({"type": "http", "scheme": "http", "path": "/", "headers": headers})


async def test_a_page_bears_whatever_stands_in_its_cookie(house: House) -> None:
    admin = await house.visitor()
    for kept in (*GARBLED.values(), packed(b'["<b>Sent</b>","<b>"]')):
        admin.cookies[SAID] = kept
        found = await admin.get("/account")
        assert (found.status, "<b>" in found.text) == (200, False), kept
