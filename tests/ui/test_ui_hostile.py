"""
Every page of the dashboard in a real browser, with forty hostile texts in every field: none becomes more than text.

The pages are those of the route table, so a new one is looked at here or named as missing.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Dialog, Request

from tests.ui.browsing import Window, window
from tests.ui.conftest import OWNER
from tests.ui.hostile_scenes import LABELS, NAMES, TEXTS, Scenes, furnish, sign_in_from_a_browser_called
from tests.ui.house import GROUP, House
from tools.measuring import Measured
from usher.web.dashboard.job_asking import ASKS
from usher.web.dashboard.pages import PAGES

NO_PAGE = re.compile(r"^/live/|\.(csv|txt|json)$")  # streams are a page's own business, files are downloads
TYPED = (
    *("area", "back", "cursor", "description", "draft", "group_id", "level", "lytics", "m", "mapp", "name", "next"),
    *("order", "provider", "q", "segment_id", "show", "sort", "span", "state", "uid_field", "who"),
)
ACTIONS = sorted(ASKS.keys() - {"bounce"})  # a job that runs has nothing to begin again
WATCH = """addEventListener("securitypolicyviolation", (event) => {
  heard(`the policy stopped ${event.violatedDirective} ${event.blockedURI}`);
}, true);"""
FAULTS = """() => {
  const foreign = "[pwn], [srcdoc], [style*=pwn], iframe, object, embed, base, meta[http-equiv=refresh], main img";
  const found = [...document.querySelectorAll(foreign)].map((e) => `brought in: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("*")) {
    for (const {name, value} of e.attributes) {
      if (name.startsWith("on")) found.push(`a handler: ${name}`);
      if (/^(href|src|action|formaction|hx-get|hx-post|data-live)$/.test(name)
          && new URL(value, location.href).origin !== location.origin) found.push(`leads away: ${value.slice(0, 80)}`);
    }
    if (e.localName === "script" && !e.src && e.type !== "application/json") found.push("a script without an address");
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one heading");
  if (!document.querySelector("main")?.checkVisibility()) found.push("no main part to see");
  if (document.documentElement.innerText.includes("54444439")) found.push("a template was evaluated");
  const typed = [...document.querySelectorAll("input, textarea")].map((e) => e.value).join(" ");
  return [found, document.body.innerText + " " + typed];
}"""


def shown() -> list[str]:
    return [route.path for route in PAGES if route.method == "GET" and not NO_PAGE.search(route.path)]


@pytest.fixture(scope="module")
def scenes(house: House, entered: str) -> Scenes:
    sign_in_from_a_browser_called(house, TEXTS[0], person=OWNER)
    return furnish(house)


@pytest.fixture(scope="module")
def inside(house: House, browser: Browser, entered: str, scenes: Scenes) -> Iterator[Window]:
    with window(browser, house.url) as seen:
        seen.page.context.add_cookies([{"name": "usher-session", "value": entered, "url": house.url}])
        watch(seen)
        yield seen


@pytest.fixture(scope="module")
def outside(house: House, browser: Browser, scenes: Scenes) -> Iterator[Window]:
    with window(browser, house.url) as seen:
        watch(seen)
        yield seen


def watch(seen: Window) -> None:
    """Have whatever a text sets off be a complaint: a box, a window, a breach of policy, a request elsewhere."""
    page, context = seen.page, seen.page.context
    context.expose_function("heard", lambda said: seen.complaints.append(said))  # noqa: PLW0108 - it marks what it is given
    context.add_init_script(WATCH)

    def hear_box(box: Dialog) -> None:
        seen.complaints.append(f"a box: {box.message}")
        box.dismiss()

    def hear_request(asked: Request) -> None:
        if not asked.url.startswith(seen.url):
            seen.complaints.append(f"a request: {asked.url}")

    page.on("dialog", hear_box)
    page.on("request", hear_request)
    page.on("popup", lambda other: seen.complaints.append(f"a window: {other.url}"))
    page.on("download", lambda file: seen.complaints.append(f"a file: {file.url}"))


def look(seen: Window, path: str, text: str = "") -> list[str]:
    """Return what is wrong with the page at *path*, which shows *text*."""
    seen.open(path)
    wrong, words = seen.page.evaluate(FAULTS)
    if not seen.page.url.startswith(seen.url):
        wrong.append(f"led to {seen.page.url}")
    if _plain(text) not in _plain(words):
        wrong.append(f"does not show {text!r}")
    wrong += seen.complaints
    seen.complaints.clear()
    return [f"{path}: {fault}" for fault in wrong]


def _plain(text: str) -> str:
    return " ".join(text.split())


class Addresses:
    """Where each page of the route table is, for the thing with a number, and what that thing is called."""

    def __init__(self, made: Scenes) -> None:
        self._made = made
        self._by_part = {
            "job_id": (made.jobs, LABELS),
            "auth_id": (made.authorizations, LABELS),
            "person_id": (made.people, NAMES),
            "token_id": (made.tokens, NAMES),
            "channel_id": (made.channels, NAMES),
            "entry_id": (made.messages, [""] * len(made.messages)),
        }
        self._wizard = {"draft": "1", "mapp": made.working[0], "lytics": made.working[1], "name": ""}

    def of(self, path: str) -> list[tuple[str, str]]:
        """Return an address and the text that it shows for each thing the page can be about; one for other pages."""
        parts = [part for part in re.findall(r"{(\w+)}", path) if part in self._by_part]
        if "{token}" in path:
            return [(link, name) for link, name in zip(self._made.links, NAMES, strict=True)]
        if not parts:
            return [(path.format(type="webhook") + self._query(path, number=0), "")]
        ids, texts = self._by_part[parts[0]]
        return [
            (
                path.format(**{parts[0]: one}, action=ACTIONS[number % len(ACTIONS)])
                + self._query(path, number=number),
                text,
            )
            for number, (one, text) in enumerate(zip(ids, texts, strict=True))
        ]

    def _query(self, path: str, *, number: int) -> str:
        label = LABELS[number % len(LABELS)]
        what = {"segment_id": f"hostile_{number}", "uid_field": "email", "group_id": GROUP, "name": label}
        asked = {
            "/jobs/{job_id}/member": {"m": label},
            "/members/erase": {"m": label},
            "/members": {"q": label},
            "/jobs/new/export": self._wizard,
            "/jobs/new/review": self._wizard | what,
        }.get(path, {})
        return f"?{urlencode(asked)}" if asked else ""


@pytest.fixture(scope="module")
def addresses(scenes: Scenes) -> Addresses:
    return Addresses(scenes)


def test_forty_texts_are_everywhere(measured: Measured) -> None:
    for packed in (LABELS, NAMES):
        assert all(any(text[:100].strip() in label for label in packed) for text in TEXTS)
    assert len(TEXTS) >= 40
    measured("browser.hostile_texts", len(TEXTS))


def test_the_watch_hears_what_it_is_there_for(inside: Window) -> None:
    assert look(inside, "/jobs") == []
    inside.page.evaluate("alert(1)")
    inside.page.evaluate("document.querySelector('main').innerHTML = '<img src=x onerror=alert(1) pwn>'")
    inside.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'alert(2)'}))")
    inside.page.evaluate("fetch('http://localhost:9/').catch(() => 0)")
    wrong, _ = inside.page.evaluate(FAULTS)
    heard = " | ".join([*inside.complaints, *wrong])
    inside.complaints.clear()
    for sign in ("a box: 1", "the policy stopped script-src", "policy stopped connect-src", "brought in", "a handler"):
        assert sign in heard


def test_every_page_keeps_every_text_down(
    inside: Window, outside: Window, addresses: Addresses, measured: Measured
) -> None:
    seen, wrong = 0, []
    for path in shown():
        for address, text in addresses.of(path):
            wrong += look(inside, address, text)
            seen += 1
    for path in ("/sign-in", "/welcome/{token}"):
        for address, text in addresses.of(path):
            wrong += look(outside, address, text)
            seen += 1
    assert wrong == []
    measured("browser.hostile_pages", seen)


def test_every_page_keeps_down_what_its_address_says(inside: Window, outside: Window, addresses: Addresses) -> None:
    """Each text is in the addresses of some pages, and each page's address has some of the texts under every name."""
    wrong = []
    for number, path in enumerate(shown()):
        says = urlencode(dict.fromkeys(TYPED, LABELS[number % len(LABELS)]))
        wrong += look(inside, f"{addresses.of(path)[0][0].partition('?')[0]}?{says}")
    for text in LABELS:
        wrong += look(outside, f"/sign-in?next={quote(text, safe='')}")
        wrong += look(inside, f"/nowhere/{quote(text, safe='')}")
    assert wrong == []


def test_a_page_full_of_them_can_still_be_used(inside: Window, scenes: Scenes) -> None:
    """None of them pushes anything out of the window, and a form among them does what it says."""
    member = f"/jobs/{scenes.jobs[-1]}/member?m={quote(LABELS[-1], safe='')}"
    people = ("/settings/people", "/settings/tokens", "/settings/audit", "/account")
    for path in ("/jobs", f"/jobs/{scenes.jobs[-1]}", member, "/authorizations", *people):
        inside.open(path)
        assert not inside.scrolls_sideways, path
    inside.open(f"/jobs/{scenes.jobs[0]}/ask/kill")
    inside.page.locator("main form button").last.click()
    inside.page.wait_for_url(f"**/jobs/{scenes.jobs[0]}")
    assert "Terminated" in inside.text
    assert inside.complaints == []
