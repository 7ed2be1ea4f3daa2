"""A person's story under the viewer's own days, and rows that lead on wherever they are pressed."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from usher.jobs.moments import Moment
from usher.web.dashboard.assets import FOLDER
from usher.web.dashboard.member_words import in_words
from usher.web.dashboard.rendering import render_blocks
from usher.web.dashboard.timeline import timeline

PLACE = "http://usher.test/"
MOMENTS = ("2026-11-23T11:30:00.000Z", "2026-11-23T10:00:00.000Z", "2026-11-22T22:30:00.000Z")
SHOWN = """() => [...document.querySelectorAll(".day, .at")].map((e) => e.innerText.trim())"""
ROWS = """<table class="cards whole"><tbody><tr><th><a class="rowlink" href="/first">First</a></th><td>true</td></tr>
<tr><th><a class="rowlink" href="/second">Second</a></th><td>false</td></tr></tbody></table>"""


@contextmanager
def opened(
    browser: Browser, body: str, *, zone: str = "UTC", width: int = 1440, has_script: bool = True
) -> Iterator[Page]:
    """Show *body* with the dashboard's own style and script to somebody in *zone*."""
    head = '<!doctype html><link rel="stylesheet" href="/usher.css"><script defer src="/usher.js"></script>'

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(PLACE)
        if name in {"usher.css", "usher.js"}:
            route.fulfill(path=FOLDER / name)
        else:
            route.fulfill(body=head + ("" if name else body), content_type="text/html; charset=utf-8")

    context = browser.new_context(
        timezone_id=zone, java_script_enabled=has_script, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.route("**/*", answer)
    page.goto(PLACE)
    yield page
    context.close()


def story(*, oldest_first: bool = False) -> str:
    """Return the page's list of steps, for three moments around a midnight."""
    history: list[Any] = [Moment(at, "retry", "true", None, "odd") for at in MOMENTS]
    days = timeline(history, audience="VIPs", is_whole=False, oldest_first=oldest_first)
    context = {"days": days, "count": 3, "is_cut": False, "kept": 1, "kept_days": 90, "asked": "jo"}
    about = {"job": SimpleNamespace(id="job1"), "member": SimpleNamespace(history_from=None), "in_words": in_words}
    return render_blocks("member.html", ("steps",), {**context, **about, "visit": None})["steps"]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", ["23 November 2026", "11:30:00", "10:00:00", "22 November 2026", "22:30:00"]),
        ("Pacific/Auckland", ["24 November 2026", "00:30:00", "23 November 2026", "23:00:00", "11:30:00"]),
        ("America/Los_Angeles", ["23 November 2026", "03:30:00", "02:00:00", "22 November 2026", "14:30:00"]),
        ("Asia/Kolkata", ["23 November 2026", "17:00:00", "15:30:00", "04:00:00"]),
    ],
    ids=["utc", "auckland", "los-angeles", "kolkata"],
)
def test_steps_stand_under_the_viewers_own_days(browser: Browser, zone: str, shown: list[str]) -> None:
    with opened(browser, story(), zone=zone) as page:
        assert page.evaluate(SHOWN) == shown


def test_the_oldest_first_stand_under_the_viewers_own_days_too(browser: Browser) -> None:
    with opened(browser, story(oldest_first=True), zone="Pacific/Auckland") as page:
        shown = page.evaluate(SHOWN)
        assert shown == ["23 November 2026", "11:30:00", "23:00:00", "24 November 2026", "00:30:00"]
        assert "2026-11-23 11:30:00.000 UTC" in (page.locator(".day time").last.get_attribute("title") or "")


def test_without_script_days_and_times_are_utc_and_say_so(browser: Browser) -> None:
    with opened(browser, story(), zone="Pacific/Auckland", has_script=False) as page:
        shown = page.locator(".day, .at").all_inner_texts()
        assert shown[0] == "23 November 2026 (UTC)"
        assert shown[1:3] == ["11:30:00 UTC", "10:00:00 UTC"]


@pytest.mark.parametrize("width", [1440, 390], ids=["wide", "narrow"])
def test_each_row_leads_on_wherever_it_is_pressed(browser: Browser, width: int) -> None:
    with opened(browser, ROWS, width=width) as page:
        for value, path in (("true", "first"), ("false", "second")):
            page.goto(PLACE)
            box = page.get_by_text(value).bounding_box()
            assert box is not None
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_url(PLACE + path)
