"""One's own account: a new password, and the browsers that one is signed in with."""

import re

import pytest

from tests.dashboard.failing import has_failed
from tests.dashboard.visiting import PASSWORD, House, Visitor
from usher.access.roles import Role
from usher.access.throttle import ONE_GUESSER
from usher.web.dashboard.browsers import browser_words

NAME = "viewer@example.org"
NEW = "five odd words walk by"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


async def another_browser(house: House) -> Visitor:
    """Sign the viewer in once more."""
    stranger = house.stranger()
    sent = await stranger.post("/sign-in", {"name": NAME, "password": PASSWORD}, **{"User-Agent": FIREFOX})
    assert sent.status == 303, sent.words
    return stranger


async def is_in(visitor: Visitor) -> bool:
    return (await visitor.get("/account")).status == 200


async def test_the_account_shows_name_role_and_every_browser(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    await another_browser(house)
    found = await viewer.get("/account")
    assert f"{NAME} Viewer. An administrator can give you another role." in found.words
    assert "Firefox on Windows" in found.words
    assert found.words.count("This browser") == 1


async def test_a_new_password_signs_the_other_browsers_out_and_the_old_one_opens_nothing(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    other = await another_browser(house)
    page = await viewer.act("/account", {"old": PASSWORD, "new": NEW})
    assert "Your password is changed." in page.words
    assert (await is_in(viewer), await is_in(other)) == (True, False)
    assert (await house.stranger().post("/sign-in", {"name": NAME, "password": PASSWORD})).status == 400
    assert (await house.stranger().post("/sign-in", {"name": NAME, "password": NEW})).status == 303


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("not the password", NEW, "What you typed is not the password."),
        (PASSWORD, "short", "The new password must have 12 to 256 characters."),
        (PASSWORD, "aaaaaaaaaaaaaa", "The new password is among the first"),
    ],
    ids=["wrong-old", "short", "trivial"],
)
async def test_a_password_that_will_not_do_is_said_at_its_field(house: House, old: str, new: str, said: str) -> None:
    viewer = await house.visitor(Role.VIEWER)
    found = await viewer.post("/account", {"old": old, "new": new})
    assert (found.status, found.words.count(said)) == (400, 2), "above the form and at the field"
    assert not re.search(r'type="password" value="[^"]', found.text), "no password comes back"
    assert (await house.stranger().post("/sign-in", {"name": NAME, "password": PASSWORD})).status == 303


async def test_guessing_ones_password_is_slowed_down_here_too(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    await has_failed(house, NAME, times=9)
    for _ in range(ONE_GUESSER.free):  # the failures at the door are others'
        assert (await viewer.post("/account", {"old": "wrong", "new": NEW})).status == 400
    found = await viewer.post("/account", {"old": PASSWORD, "new": NEW})
    assert found.status == 429
    assert re.search(r"Too many attempts failed\. Wait \d+ s, then try again\.", found.words)


async def test_one_other_browser_is_signed_out(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    other = await another_browser(house)
    ids = re.findall(r'name="id" value="([0-9a-f]+)"', (await viewer.get("/account")).text)
    assert len(ids) == 1, "only the other one can be signed out by itself"
    page = await viewer.act("/account/end", {"id": ids[0]})
    assert "That browser is signed out." in page.words
    assert (await is_in(viewer), await is_in(other)) == (True, False)


async def test_all_other_browsers_are_signed_out_at_once(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    others = [await another_browser(house), await another_browser(house)]
    page = await viewer.act("/account/end-others")
    assert "2 other browsers are signed out." in page.words
    assert await is_in(viewer)
    assert [await is_in(other) for other in others] == [False, False]


async def test_nobody_ends_the_sessions_of_others_here(house: House) -> None:
    admin, viewer = await house.visitor(), await house.visitor(Role.VIEWER)
    await another_browser(house)
    theirs = re.findall(r'name="id" value="([0-9a-f]+)"', (await viewer.get("/account")).text)[0]
    page = await admin.act("/account/end", {"id": theirs})
    assert "signed out already" in page.words
    assert theirs in (await viewer.get("/account")).text


@pytest.mark.parametrize(
    ("called", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML) Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 CriOS/140 Mobile Safari/604.1",
            "Chrome on an iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "An unknown browser"),
    ],
    ids=["firefox", "safari", "edge", "iphone", "android", "curl", "none"],
)
def test_a_browser_is_named_as_people_name_it(called: str, words: str) -> None:
    assert browser_words(called) == words
