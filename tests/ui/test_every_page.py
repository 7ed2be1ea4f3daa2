"""What holds on every page, in every state worth a look: readable, reachable, inside its window, without complaint."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser

from tests.ui.browsing import Window, window
from tests.ui.house import House
from tests.ui.scenes import furnish
from usher.web.dashboard.pages import PAGES

EMPTY = {
    "jobs-empty": "/jobs",
    "authorizations-empty": "/authorizations",
    "new-2-accounts-empty": "/jobs/new/accounts",
    "members-empty": "/members?q=nobody@example.com",
    "tokens-empty": "/settings/tokens",
    "alerts-empty": "/settings/alerts",
    "unreadable-empty": "/settings/about/unreadable",
}
CHOSEN = "draft=1&mapp={mapp}&lytics={lytics}&withbackfill=on&exit_brake=on&name=VIP"
WHAT = "segment_id=vip_shoppers&uid_field=email&group_id=2324000001&mapp_attribute_name=shots"
FURNISHED = {
    "jobs": "/jobs",
    "jobs-all": "/jobs?show=all",
    "jobs-none-found": "/jobs?q=nothing",
    "job-running": "/jobs/{running}",
    "job-day": "/jobs/{running}?span=day&level=warn",
    "job-aside": "/jobs/{aside}",
    "job-held": "/jobs/{held}",
    "job-faulted": "/jobs/{faulted}",
    "job-paused": "/jobs/{paused}",
    "job-completed": "/jobs/{completed}",
    "job-killed": "/jobs/{killed}",
    "job-log": "/jobs/{running}/log",
    "job-edit": "/jobs/{running}/edit",
    "job-people": "/jobs/{running}/people?state=accepted",
    "job-people-aside": "/jobs/{aside}/people",
    "job-people-nobody": "/jobs/{running}/people",
    "ask-kill": "/jobs/{running}/ask/kill",
    "ask-retry": "/jobs/{aside}/ask/retry",
    "ask-resend": "/jobs/{running}/ask/resend",
    "removals": "/jobs/{held}/removals",
    "removals-over": "/jobs/{running}/removals",
    "members": "/members",
    "members-found": "/members?q={person}",
    "member": "/jobs/{running}/member?m={person}",
    "member-aside": "/jobs/{aside}/member?m={person_aside}",
    "member-erase": "/members/erase?m={person}",
    "member-unknown": "/jobs/{running}/member?m=nobody@example.com",
    "new-1-type": "/jobs/new",
    "new-2-accounts": "/jobs/new/accounts",
    "new-3-export": "/jobs/new/export?" + CHOSEN,
    "new-4-review": f"/jobs/new/review?{CHOSEN}&{WHAT}",
    "authorizations": "/authorizations",
    "authorization-mapp": "/authorizations/{mapp}",
    "authorization-lytics": "/authorizations/{lytics}",
    "authorization-refused": "/authorizations/{refused}",
    "authorization-edit": "/authorizations/{mapp}/edit",
    "authorization-delete": "/authorizations/{mapp}/delete",
    "authorization-tokens": "/authorizations/{lytics}/tokens/end",
    "authorization-new": "/authorizations/new",
    "authorization-new-mapp": "/authorizations/new?provider=mapp",
    "authorization-new-lytics": "/authorizations/new?provider=lytics",
    "account": "/account",
    "people": "/settings/people",
    "person": "/settings/people/{ana}",
    "person-link": "/settings/people/{ana}/link",
    "person-remove": "/settings/people/{ana}/remove",
    "people-invite": "/settings/people/invite",
    "tokens": "/settings/tokens",
    "token-new": "/settings/tokens/new",
    "token-revoke": "/settings/tokens/{token}/revoke",
    "alerts": "/settings/alerts",
    "alert-new-email": "/settings/alerts/new/email",
    "alert-new-slack": "/settings/alerts/new/slack",
    "alert-new-webhook": "/settings/alerts/new/webhook",
    "alert-channel": "/settings/alerts/{channel}",
    "alert-channel-delete": "/settings/alerts/{channel}/delete",
    "audit": "/settings/audit",
    "about": "/settings/about",
    "unreadable": "/settings/about/unreadable",
    "message": "/settings/about/unreadable/{message}",
    "missing": "/nowhere",
}
OUTSIDE = {"sign-in": "/sign-in", "welcome": "{link}", "dead-link": "/welcome/used-up"}
REFUSED = {  # a form, what is typed into it, and the button
    "sign-in-refused": ("/sign-in", {"Name": "nobody", "Password": "wrong"}, "Sign in"),
    "account-refused": ("/account", {"New password": "short"}, "Change the password"),
    "new-2-refused": ("/jobs/new/accounts?draft=2", {}, "Continue"),
    "new-3-refused": ("/jobs/new/export?" + CHOSEN + "&group_id=99&backfill_only=on", {}, "Review"),
    "job-edit-refused": ("/jobs/{running}/edit", {"Label": " ", "Group ID": "99"}, "Preview changes"),
    "job-edit-shown": ("/jobs/{running}/edit", {"Group ID": "2324000002"}, "Preview changes"),
    "authorization-refused-new": ("/authorizations/new?provider=mapp", {"Async API URL": "nonsense"}, "Test"),
    "member-erase-refused": ("/members/erase?m={person}", {"Type the identifier again": "jo"}, "Erase"),
    "invite-refused": ("/settings/people/invite", {"Name": "ana@example.org"}, "Make the link"),
    "token-refused": ("/settings/tokens/new", {"Name": "nightly report"}, "Make the token"),
}
NO_PAGE = re.compile(r"/live/|\.(csv|txt|json)$|/clone$|^/$|^/settings$|/new/(start|save)$")
USUAL, WIDTHS = 1440, (2560, 832, 360)
OF_SIZE = ("target-size", "scrollable-region-focusable")  # test_keyboard looks at the menu of a small window


def test_every_page_is_looked_at() -> None:
    looked_at = [where.partition("?")[0] for where in (EMPTY | FURNISHED | OUTSIDE).values()]
    looked_at += ["/welcome/any"]
    shown = [route.path for route in PAGES if route.method == "GET" and not NO_PAGE.search(route.path)]
    matching = {path: re.compile(re.sub(r"{\w+}", "[^/]+", path) + "$") for path in shown}
    assert [path for path in shown if not any(matching[path].match(where) for where in looked_at)] == []


@pytest.fixture(scope="module")
def inside(house: House, browser: Browser, entered: str) -> Iterator[Window]:
    with window(browser, house.url, is_judged=True) as seen:
        seen.page.context.add_cookies([{"name": "usher-session", "value": entered, "url": house.url}])
        yield seen


@pytest.fixture(scope="module")
def outside(house: House, browser: Browser) -> Iterator[Window]:
    with window(browser, house.url, is_judged=True) as seen:
        yield seen


@pytest.fixture(scope="module")
def made(house: House, inside: Window) -> dict[str, str]:
    found = furnish(house)
    inside.open("/settings/people")
    address = inside.page.get_by_role("link", name="ana@example.org", exact=True).get_attribute("href")
    return found | {"ana": str(address).rpartition("/")[2]}


@pytest.fixture(autouse=True)
def without_complaint(inside: Window, outside: Window) -> Iterator[None]:
    yield
    complaints = [*inside.complaints, *outside.complaints]
    inside.complaints.clear()
    outside.complaints.clear()
    assert complaints == []


def check(seen: Window, name: str) -> None:
    """
    Look at the page that *seen* shows, in both themes and at every width, without loading it again.

    The dark theme changes colours alone, and a small window places and sizes alone.
    """
    page = seen.page
    assert page.locator("h1:visible").count() == 1
    try:
        look(seen, f"{name}-light-{USUAL}")
        page.emulate_media(color_scheme="dark")
        look(seen, f"{name}-dark-{USUAL}", "color-contrast")
        page.emulate_media(color_scheme="light")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert not seen.scrolls_sideways, f"{name}, {width}"
        look(seen, f"{name}-light-{WIDTHS[-1]}", *OF_SIZE)
    finally:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": USUAL, "height": 900})


def look(seen: Window, name: str, *rules: str) -> None:
    assert seen.barriers(*rules) == [], name
    assert not seen.scrolls_sideways, name
    seen.shoot(name)


def check_keyboard(seen: Window) -> None:
    """The first Tab reaches the skip link, each later one something whose focus can be seen."""
    seen.page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    for step in range(6):
        seen.page.keyboard.press("Tab")
        focus = seen.page.evaluate(FOCUS)
        assert focus["is_shown"], (step, focus)
        if step == 0:
            assert focus["text"] == "Skip to content"


FOCUS = """() => {
  const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  const is_ringed = (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== "none";
  const text = e.textContent.trim().slice(0, 40);
  return {text, tag: e.tagName, is_shown: e !== document.body && is_ringed && b.width > 0 && b.height > 0};
}"""


@pytest.mark.parametrize("name", EMPTY)
def test_pages_before_anything_exists(inside: Window, name: str) -> None:
    inside.open(EMPTY[name])
    check(inside, name)


@pytest.mark.parametrize("name", FURNISHED)
def test_pages_with_something_to_show(inside: Window, made: dict[str, str], name: str) -> None:
    inside.open(FURNISHED[name].format(**made))
    check(inside, name)
    check_keyboard(inside)


def test_the_menu_of_each_job_opens_inside_a_small_window(inside: Window, made: dict[str, str]) -> None:
    page = inside.page
    page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
    try:
        inside.open("/jobs?show=all")
        menus = page.get_by_label(re.compile("^More for "))
        assert menus.count() >= 5
        for menu in menus.all():
            menu.click()
            assert not inside.scrolls_sideways, menu.get_attribute("aria-label")
            page.keyboard.press("Escape")
    finally:
        page.set_viewport_size({"width": USUAL, "height": 900})


@pytest.mark.parametrize("name", OUTSIDE)
def test_pages_before_the_door(outside: Window, made: dict[str, str], name: str) -> None:
    outside.open(OUTSIDE[name].format(**made))
    check(outside, name)


@pytest.mark.parametrize("name", REFUSED)
def test_forms_that_were_refused_say_what_to_put_right(
    inside: Window, outside: Window, made: dict[str, str], name: str
) -> None:
    path, typed, button = REFUSED[name]
    seen = outside if path == "/sign-in" else inside
    seen.open(path.format(**made))
    seen.page.evaluate("document.querySelectorAll('main form').forEach((form) => { form.noValidate = true; })")
    for label, text in typed.items():
        seen.type(label, text)
    seen.press(button)
    seen.page.locator("#problems, #outcome, #preview, main .note[role=alert]").first.wait_for()
    check(seen, name)


def test_the_receipt_of_an_erasure_and_what_is_said_of_the_person_after(inside: Window, made: dict[str, str]) -> None:
    inside.open(f"/members/erase?m={made['person']}")
    inside.type("Type the identifier again", unquote(made["person"]))
    inside.press("Erase")
    inside.page.get_by_role("heading", name="What Mapp still holds").wait_for()
    check(inside, "member-erased")
    inside.open(f"/members?q={made['person']}")
    inside.page.get_by_role("button", name="Let them come back").wait_for()
    check(inside, "members-erased")
