"""The worst of the texts in a real browser: nothing of theirs runs, and nothing is complained of."""

import html
import json
import unicodedata
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, expect

from tests.dashboard.hostile import LABELS, LINES
from tests.ui.browsing import Window
from tests.ui.house import House, until

TEXTS = tuple(unicodedata.normalize("NFC", text) for text in LABELS[:12])
FOREIGN = "[pwn], [onerror], [onload], [onfocus], [onmouseover], [srcdoc], main iframe, main img, main script"

EMPTY_PARTS = """() => {  // and ask for the stream again: its first round fills every part
  dispatchEvent(new Event("pagehide"));
  document.querySelectorAll("[data-part]").forEach((part) => { part.textContent = ""; });
  dispatchEvent(new Event("pageshow"));
}"""


@pytest.fixture(scope="module")
def jobs(house: House) -> list[str]:
    """A job of each label; every text is also a member of the first, whom Mapp rejected in such words."""
    auth_ids = house.authorize()
    made = [
        house.create_job(text, auth_ids, mapp_attribute_name=f"{number} {text}"[:80], identifier_type="userID")
        for number, text in enumerate(TEXTS)
    ]
    rejecting = {"where": "mapp.event", "kind": "status", "status": 400}
    rules = [  # in the words of another one: a member's own name is hidden in a reason
        rejecting | {"body": {"message": html.escape(said)}, "members": [text]}
        for text, said in zip(TEXTS, (*TEXTS[1:], TEXTS[0]), strict=True)
    ]
    house.control("POST", "/faults", rules)
    for text in TEXTS:
        enter(house, auth_ids[1], house.api("GET", f"/v2/job/{made[0]}")["config"]["segment_id"], text)
    until(lambda: len(house.members(made[0], "set_aside")) == len(TEXTS))
    for number, text in enumerate(TEXTS):
        house.api("POST", "/v2/person", {"name": f"{number} {text}"[:100].strip(), "role": "viewer"})
        house.api("POST", "/v2/token", {"name": f"{number} {text}"[:100].strip(), "role": "viewer"})
    config = {"api_url": f"{house.sandbox}/lytics", "token": "sandbox-lytics-token"}
    label = {"label": TEXTS[0], "description": LINES, "config": config}
    house.api("POST", "/v2/auth/lytics-token", label)
    return made


def enter(house: House, auth_id: str, audience: str, member: str) -> None:
    """Tell the service, as Lytics would, that somebody entered."""
    header = house.api("GET", f"/v2/auth/{auth_id}/trigger-endpoint")["header"].partition(": ")[2]
    moment = {"id": audience, "slug": "vip_shoppers", "event": "enter", "enter": datetime.now(UTC).isoformat()}
    body = {"id": "1", "data": {"email": member, "segment_events": [moment]}, "meta": {"object": "user"}}
    asked = urllib.request.Request(
        f"{house.url}/triggers/{auth_id}", json.dumps(body).encode(), {"Authorization": header}
    )
    urllib.request.urlopen(asked, timeout=10).close()


@pytest.fixture
def seen(signed_in: Callable[..., Window]) -> Window:
    """A window to which any box that opens is a complaint."""
    found = signed_in()

    def hear(box: Dialog) -> None:
        found.complaints.append(f"a box: {box.message}")
        box.dismiss()

    found.page.on("dialog", hear)
    return found


def look(seen: Window, path: str, *texts: str) -> None:
    seen.open(path)
    assert seen.page.locator(FOREIGN).count() == 0, path
    assert seen.page.url.startswith(seen.url), path
    shown = " ".join(seen.page.inner_text("body").split())
    typed = seen.page.evaluate("[...document.querySelectorAll('input, textarea')].map((e) => e.value).join(' ')")
    for text in texts:
        assert " ".join(text.split()) in shown + " ".join(typed.split()), (path, text)


def test_pages_that_list_them(seen: Window, jobs: list[str]) -> None:
    look(seen, "/jobs", *TEXTS)
    look(seen, f"/jobs/{jobs[0]}/people", *TEXTS)
    for page in ("/settings/people", "/settings/tokens", "/settings/audit"):
        look(seen, page, *(text[:90] for text in TEXTS))
    look(seen, "/authorizations", TEXTS[0])
    look(seen, "/jobs/new/accounts", TEXTS[0])


def test_the_page_of_each_job_and_its_form(seen: Window, jobs: list[str]) -> None:
    for job, text in zip(jobs, TEXTS, strict=True):
        look(seen, f"/jobs/{job}", text)
        look(seen, f"/jobs/{job}/edit", text)
        look(seen, f"/jobs/{job}/ask/kill", text)


def test_live_parts_that_a_script_puts_into_the_page(seen: Window, jobs: list[str]) -> None:
    for path in ("/jobs", f"/jobs/{jobs[0]}", f"/jobs/{jobs[0]}/member?m={quote(TEXTS[0], safe='')}"):
        seen.open(path)
        seen.page.evaluate(EMPTY_PARTS)
        expect(seen.page.locator("[data-part]:empty")).to_have_count(0)
        assert seen.page.locator(FOREIGN).count() == 0, path
        assert " ".join(TEXTS[0].split()) in " ".join(seen.text.split()), path


def test_members_and_searches(seen: Window, jobs: list[str]) -> None:
    for text in TEXTS:
        typed = quote(text, safe="")
        look(seen, f"/jobs/{jobs[0]}/member?m={typed}", text)
        look(seen, f"/jobs?q={typed}", text)
        look(seen, f"/members?q={typed}", text)
        look(seen, f"/settings/audit?who={typed}", text)
        look(seen, f"/nowhere/{typed}")


def test_a_form_that_gives_them_back(seen: Window, jobs: list[str]) -> None:
    for text in TEXTS:
        seen.open(f"/jobs/{jobs[0]}/edit")
        seen.page.locator("#name").fill(text)
        seen.page.locator("#group_id").fill(text)
        seen.page.locator("#description").fill(text)
        seen.press("Preview changes")
        seen.page.locator("#problems").wait_for()
        assert seen.page.locator(FOREIGN).count() == 0, text
        assert [seen.page.locator(f"#{name}").input_value() for name in ("name", "group_id", "description")] == [
            text
        ] * 3
