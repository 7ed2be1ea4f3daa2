"""The door: who gets in and how, and what somebody who does not is told."""

import re
from urllib.parse import urlencode

import pytest

from tests.dashboard.failing import has_failed
from tests.dashboard.visiting import PASSWORD, House, Page, Visitor
from tests.web.service import OWNER
from usher.access.links import first_link
from usher.access.people import create_person
from usher.access.roles import Role
from usher.web.dashboard.cookies import SESSION

NAME = "admin@example.org"
NEW = "five odd words walk by"


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


async def first(house: House) -> str:
    token = await first_link(house.running.deps.desk)
    assert token is not None
    return f"/welcome/{token}"


async def invited(house: House, name: str, role: Role) -> str:
    _, token = await create_person(house.running.deps.desk, OWNER, name=name, role=role)
    return f"/welcome/{token}"


def try_in(visitor: Visitor, name: str, password: str, **more: str):
    return visitor.post("/sign-in", {"name": name, "password": password} | more)


def cookie_of(page: Page) -> str:
    return next((c for c in page.headers.getall("Set-Cookie", []) if c.startswith(f"{SESSION}=")), "")


async def test_the_first_page_is_the_jobs(house: House) -> None:
    found = await house.stranger().get("/")
    assert (found.status, found.leads_to) == (303, "/jobs")


async def test_while_nobody_can_sign_in_the_page_says_where_the_link_is_printed(house: House) -> None:
    found = await house.stranger().get("/sign-in")
    assert found.status == 200
    assert "Nobody can sign in yet" in found.words
    assert "within 15 minutes" in found.words
    assert 'type="password"' not in found.text


async def test_the_first_link_makes_an_administrator_who_is_signed_in_at_once(house: House) -> None:
    stranger, path = house.stranger(), await first(house)
    assert "Create the first administrator" in (await stranger.get(path)).words
    sent = await stranger.post(path, {"name": NAME, "password": NEW})
    assert (sent.status, sent.leads_to) == (303, "/jobs")
    account = await stranger.get("/account")
    assert account.status == 200
    assert f"{NAME} Administrator" in account.words


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    sent = await house.stranger().post(await first(house), {"name": NAME, "password": NEW})
    kept = cookie_of(sent)
    assert "HttpOnly" in kept
    assert "SameSite=lax" in kept
    assert "Max-Age=604800" in kept
    assert "Secure" not in kept, "plain http could not send it back"


async def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    path = await invited(house, "jo", Role.VIEWER)
    for _ in range(3):
        found = await house.stranger().get(path)
        assert (found.status, "Welcome, jo" in found.words) == (200, True)


async def test_a_link_lets_in_once_and_then_says_how_to_get_another(house: House) -> None:
    path = await invited(house, "jo", Role.VIEWER)
    assert (await house.stranger().post(path, {"password": NEW})).status == 303
    again = await house.stranger().post(path, {"password": NEW})
    looked = await house.stranger().get(path)
    for found in (again, looked):
        assert found.status == 404
        assert "This link opens nothing any more" in found.words
        assert "usher admin reset NAME" in found.words


async def test_a_dead_first_link_says_to_start_the_service_again(house: House) -> None:
    found = await house.stranger().get("/welcome/none-such")
    assert (found.status, "Start usher serve again" in found.words) == (404, True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": NAME, "password": "too short"}, "The password must have 12 to 256 characters."),
        ({"name": NAME, "password": NAME}, "The password is the name."),
        ({"name": NAME, "password": "abcabcabcabc"}, "The password is among the first"),
        ({"name": "", "password": NEW}, "The name must be 1 to 100 printable characters."),
    ],
    ids=["short", "the-name", "trivial", "no-name"],
)
async def test_a_wrong_field_is_said_at_the_field_and_the_link_stays_open(
    house: House, fields: dict[str, str], said: str
) -> None:
    path = await first(house)
    found = await house.stranger().post(path, fields)
    assert (found.status, said in found.words) == (400, True)
    assert f'value="{fields["name"]}"' in found.text, "what was typed stays"
    assert fields["password"] not in found.text.replace(f'value="{fields["name"]}"', ""), "but no password"
    assert (await house.stranger().post(path, {"name": NAME, "password": NEW})).status == 303


async def test_a_taken_name_is_said_at_the_name(house: House) -> None:
    path = await first(house)
    await invited(house, "Jo", Role.VIEWER)
    found = await house.stranger().post(path, {"name": " jo ", "password": NEW})
    assert (found.status, "There is a person named 'jo' already" in found.words) == (400, True)


async def test_a_name_that_nobody_has_is_refused_in_the_words_of_a_wrong_password(house: House) -> None:
    await house.visitor()
    wrong = await try_in(house.stranger(), NAME, "a wrong password")
    nobody = await try_in(house.stranger(), "somebody@else.org", "a wrong password")
    assert (wrong.status, nobody.status) == (400, 400)
    assert wrong.words.replace(NAME, "") == nobody.words.replace("somebody@else.org", "")
    assert "The name or the password is wrong." in wrong.words
    assert not cookie_of(wrong)
    assert "a wrong password" not in wrong.text


async def test_signing_in_leads_on_to_where_one_wanted_to_go(house: House) -> None:
    await house.visitor()
    stranger = house.stranger()
    page = await stranger.get("/sign-in?next=/settings/audit%3Farea%3Djobs")
    assert 'name="next" value="/settings/audit?area=jobs"' in page.text
    sent = await try_in(stranger, f" {NAME.upper()} ", PASSWORD, next="/settings/audit?area=jobs")
    assert (sent.status, sent.leads_to) == (303, "/settings/audit?area=jobs")
    assert (await stranger.get(sent.leads_to)).status == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
async def test_nobody_is_led_to_another_site(house: House, elsewhere: str) -> None:
    await house.visitor()
    stranger = house.stranger()
    sent = await try_in(stranger, NAME, PASSWORD, next=elsewhere)
    assert (sent.status, sent.leads_to) == (303, "/jobs")
    assert (await stranger.get("/sign-in?" + urlencode({"next": elsewhere}))).leads_to == "/jobs"
    themed = await stranger.post("/theme", {"theme": "dark", "back": elsewhere})
    assert themed.leads_to == "/jobs"


async def test_whoever_is_signed_in_is_not_asked_again(house: House) -> None:
    admin = await house.visitor()
    found = await admin.get("/sign-in?next=/settings/about")
    assert (found.status, found.leads_to) == (303, "/settings/about")


async def test_too_many_failures_say_how_long_to_wait_and_refuse_the_right_password_too(house: House) -> None:
    await house.visitor()
    await has_failed(house, NAME, times=9)
    found = await try_in(house.stranger(), NAME, PASSWORD)
    assert found.status == 429
    assert 1 <= int(found.headers["Retry-After"]) <= 16
    assert re.search(r"Too many attempts failed\. Wait \d+ s, then try again\.", found.words)
    assert "the right password is refused too" in found.words


async def test_signing_out_ends_the_session_and_not_only_the_cookie(house: House) -> None:
    admin = await house.visitor()
    kept = dict(admin.cookies)
    sent = await admin.post("/sign-out")
    assert (sent.status, sent.leads_to) == (303, "/sign-in")
    assert SESSION not in admin.cookies
    assert "You are signed out." in (await admin.get(sent.leads_to)).words
    thief = Visitor(admin.url, admin.http, kept)
    assert (await thief.get("/account")).leads_to.startswith("/sign-in")


async def test_signing_in_again_ends_the_session_that_the_browser_had(house: House) -> None:
    admin = await house.visitor()
    before = dict(admin.cookies)
    assert (await try_in(admin, NAME, PASSWORD)).status == 303
    assert (await Visitor(admin.url, admin.http, before).get("/account")).leads_to.startswith("/sign-in")
    assert (await admin.get("/account")).status == 200


async def test_a_link_used_in_a_browser_ends_the_session_that_it_had(house: House) -> None:
    admin = await house.visitor()
    before = dict(admin.cookies)
    assert (await admin.post(await invited(house, "jo", Role.VIEWER), {"password": NEW})).status == 303
    assert (await Visitor(admin.url, admin.http, before).get("/account")).leads_to.startswith("/sign-in")
    assert "jo Viewer" in (await admin.get("/account")).words


async def test_a_stranger_sends_no_more_than_names_and_passwords_need(house: House) -> None:
    await house.visitor()
    marks = "a" + "\u0315\u0300" * 16_000
    for fields in ({"name": marks, "password": "x"}, {"name": "x", "password": marks}):
        sent = await house.stranger().post("/sign-in", fields)
        assert (sent.status, "larger than 16 kB" in sent.words) == (400, True)
    whole = {"name": "\U0001f600" * 100, "password": "\U0001f600" * 256, "next": "/jobs?q=" + "x" * 4_000}
    assert "The name or the password is wrong." in (await house.stranger().post("/sign-in", whole)).words


async def test_light_or_dark_is_kept_for_the_next_pages(house: House) -> None:
    admin = await house.visitor()
    page = await admin.act("/theme", {"theme": "dark", "back": "/account"})
    assert 'data-theme="dark"' in page.text
    odd = await admin.post("/theme", {"theme": '"><script>', "back": "/account"})
    assert "usher-theme" not in str(odd.headers.getall("Set-Cookie", []))


async def test_a_name_is_shown_as_text_whatever_it_holds(house: House) -> None:
    path = await invited(house, "<script>alert(1)</script>", Role.VIEWER)
    found = await house.stranger().get(path)
    assert "<script>alert" not in found.text
    assert "Welcome, <script>alert(1)</script>" in found.words.replace("&lt;", "<")
