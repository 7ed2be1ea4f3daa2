"""The section on workers below Health and retention."""

import re

from tests.clocks import NOON_MS
from tests.dashboard.visiting import House, Page
from usher.access.roles import Role
from usher.jobs.workers import ListedWorker, WorkerPace, Workers
from usher.web.dashboard.rendering import environment

PACE = WorkerPace("m1", "<i>Mapp</i>", found_per_second=2.5, in_flight=3, silent_until_ms=NOON_MS)
BUSY = ListedWorker(
    "a", "serve", "<b>host</b>", 42, NOON_MS, NOON_MS, is_alive=True, is_joining=False, holds=("scan of <u>VIP",),
    pace=(PACE, WorkerPace("m2", "Other", None, 0, None)),
)  # fmt: skip
JOINING = ListedWorker("b", "worker", "h2", 1, NOON_MS, NOON_MS, is_alive=True, is_joining=True, holds=(), pace=())
GONE = ListedWorker("c", "worker", "h3", 1, NOON_MS, NOON_MS, is_alive=False, is_joining=True, holds=(), pace=())


def shown(workers: Workers) -> Page:
    parts = environment().get_template("parts.html").module
    html = environment().get_template("settings-workers.html").render(workers=workers, parts=parts)
    return Page(200, {}, html)


def rows(*workers: ListedWorker) -> list[str]:
    table = shown(Workers(list(workers), is_shared=True)).text
    return [Page(200, {}, row).words for row in re.findall(r'<tr class="top">.*?</tr>', table, re.DOTALL)]


async def test_where_there_can_be_no_other_the_page_says_so(house: House) -> None:
    page = await (await house.visitor(Role.VIEWER)).get("/settings/about")
    assert "Workers This service is the only worker." in page.words


def test_each_worker_is_shown_with_its_place_its_state_and_what_it_does() -> None:
    busy, joining, gone = rows(BUSY, JOINING, GONE)
    assert busy.startswith("<b>host</b> process 42, serve Working")
    assert "scan of <u>VIP" in busy
    assert "<i>Mapp</i>: 3 in flight, 2.5 a second found by trying, silent until" in busy
    assert busy.endswith("Other: 0 in flight")
    assert joining.startswith("h2 process 1, worker Joining")
    assert joining.endswith("nothing nothing")
    assert gone.startswith("h3 process 1, worker Not seen")


def test_names_from_elsewhere_are_text() -> None:
    text = shown(Workers([BUSY], is_shared=True)).text
    assert not [tag for tag in ("<b>host", "<i>Mapp", "<u>VIP") if tag in text]


def test_moments_are_shown_in_the_viewers_zone() -> None:
    assert shown(Workers([BUSY], is_shared=True)).text.count("<time datetime=") == 3


def test_where_no_worker_runs_the_page_says_what_that_means() -> None:
    assert "No worker is running What is owed waits" in shown(Workers([], is_shared=True)).words
