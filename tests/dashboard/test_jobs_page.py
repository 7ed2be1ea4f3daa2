"""The list of jobs: what it says in each state, what it offers to whom, and that nothing moves under the pointer."""

import gzip
import re

import pytest

from tests.dashboard.visiting import House
from usher.access.roles import Role
from usher.jobs.overview import Overview
from usher.jobs.totals import Totals
from usher.store.jobs import change_job, job_by_id
from usher.store.tables import jobs
from usher.web.dashboard.jobs_page import Places, sentence

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


@pytest.fixture
async def connected(house):
    await house.running.authorize()
    return house


async def make(house: House, name: str, **config) -> str:
    body = house.running.job(mapp_attribute_name=f"a_{len(name)}_{name[0].lower()}", **config) | {"name": name}
    return (await house.running.ask("POST", "/v2/job/mapp-trigger-export", body)).data["id"]


async def put(house: House, job_id: str, **columns) -> None:
    await house.running.deps.desk.database.write(lambda txn: change_job(txn, job_by_id(txn, job_id).key, **columns))


def shown_names(page) -> list[str]:
    return re.findall(r'class="rowlink" href="/jobs/[0-9a-f]+">([^<]*)<', page if isinstance(page, str) else page.text)


async def test_before_the_first_job_it_says_what_is_connected_and_one_next_step(house):
    page = await (await house.visitor()).get("/jobs")

    assert page.status == 200
    assert "No jobs yet" in page.words
    assert "Mapp is not connected yet" in page.words
    assert "Lytics is not connected yet" in page.words
    assert "Changes cannot arrive yet" in page.words
    assert 'href="/jobs/new"' in page.text


async def test_what_is_connected_is_told_by_its_last_test(connected):
    admin = await connected.visitor()
    assert "Mapp is saved, not tested" in (await admin.get("/jobs")).words

    await connected.running.ask("POST", f"/v2/auth/{connected.running.made['mapp']}/test")

    assert "Mapp is connected" in (await admin.get("/jobs")).words


async def test_each_job_shows_its_audience_attribute_group_figures_and_status(connected):
    await make(connected, "Spring")
    page = await (await connected.visitor(Role.VIEWER)).get("/jobs")

    for text in ("Spring", "VIP shoppers", "a_6_s", "Group 2324000001", "Running", "Paste the webhook into Lytics"):
        assert text in page.words
    assert "Nobody entered or left within 24 hours." in page.text
    assert "No change has arrived yet" in page.words


async def test_triggers_that_came_add_up_in_the_last_line(connected):
    await make(connected, "Spring")
    await connected.running.trigger(connected.running.event("jo@example.org"))
    page = await (await connected.visitor()).get("/jobs")

    assert "Everything adds up: 1 change received = 1 applied + 0 ignored + 0 unreadable" in page.words
    assert "1 change in the last hour" in page.words


def test_the_spoken_sentence_counts():
    counts = {"running": 3, "sleeping": 1, "attention": 0}

    assert sentence(Overview(counts, [], 0, 0, None, 0, Totals(0, 0, 0, 0))) == (
        "3 running, 1 sleeping. Nothing needs attention."
    )


async def test_the_counters_and_filters_lead_to_what_they_count(connected):
    running, paused = await make(connected, "Running one"), await make(connected, "Paused")
    await put(connected, paused, status="paused", reason="Paused by jo.")
    visitor = await connected.visitor()

    assert shown_names(await visitor.get("/jobs")) == ["Running one"]
    assert shown_names(await visitor.get("/jobs?show=paused")) == ["Paused"]
    assert shown_names(await visitor.get("/jobs?show=running")) == ["Running one"]
    assert set(shown_names(await visitor.get("/jobs?show=all"))) == {"Running one", "Paused"}
    assert "No such jobs" in (await visitor.get("/jobs?show=completed")).words
    assert f"/jobs/{running}" in (await visitor.get("/jobs")).text


async def test_a_search_keeps_the_filter_and_says_when_nothing_matches(connected):
    await make(connected, "Spring")
    visitor = await connected.visitor()

    assert shown_names(await visitor.get("/jobs?show=all&q=SPRI")) == ["Spring"]
    nothing = await visitor.get("/jobs?q=winter&sort=name")
    assert "No job matches “winter”" in nothing.words
    assert 'value="winter"' in nothing.text
    assert "/jobs?show=all&amp;q=winter&amp;sort=name" in nothing.text


async def test_columns_sort_and_say_so(connected):
    for name in ("Beta", "Alphaa"):
        await make(connected, name)
    page = await (await connected.visitor()).get("/jobs?sort=name")

    assert shown_names(page) == ["Alphaa", "Beta"]
    assert page.text.count("aria-sort") == 1


async def test_an_unknown_filter_is_refused_in_words(connected):
    page = await (await connected.visitor()).get("/jobs?show=nonsense")

    assert page.status == 400
    assert "Traceback" not in page.text


async def test_operators_act_from_the_list_and_come_back_to_it(connected):
    job = await make(connected, "Spring")
    page = await (await connected.visitor(Role.OPERATOR)).get("/jobs?show=all")

    assert f'action="/jobs/{job}/pause"' in page.text
    assert 'name="back" value="/jobs?show=all"' in page.text
    assert "aria-disabled" not in page.text


async def test_viewers_see_the_buttons_and_who_may_use_them(connected):
    await make(connected, "Spring")
    page = await (await connected.visitor(Role.VIEWER)).get("/jobs")

    assert 'method="post"' not in page.text.split("<main")[1]
    assert "operators and administrators may do this" in page.words


async def test_a_stranger_is_sent_to_sign_in(house):
    page = await house.stranger().get("/jobs")

    assert (page.status, page.leads_to) == (303, "/sign-in?next=/jobs")


async def test_hostile_names_and_searches_are_only_text(connected):
    job = await make(connected, "Spring")
    await put(connected, job, name=HOSTILE, audience_name=HOSTILE, reason=HOSTILE, status="fault")
    visitor = await connected.visitor()

    for path in ("/jobs", "/jobs?q=%22%3E%3Cimg%20src%3Dx%3E"):
        page = await visitor.get(path)
        assert "<img" not in page.text
        assert "style=" not in page.text


async def test_the_live_parts_are_those_of_the_page(connected):
    await make(connected, "Spring")
    visitor = await connected.visitor()
    page = await visitor.get("/jobs?show=all")
    live = await visitor.live("/live/jobs?show=all", "counters", "filters", "rows", "sums")

    assert 'data-live="/live/jobs?show=all"' in page.text
    assert set(live) == {"counters", "filters", "rows", "sums"} == set(re.findall(r'data-part="(\w+)"', page.text))
    assert shown_names(live["rows"]) == ["Spring"]
    assert "/live/" not in live["rows"] + live["filters"]
    assert 'name="back" value="/jobs?show=all"' in live["rows"]


async def test_rows_keep_their_places_while_somebody_looks():
    class Job:
        def __init__(self, job_id: str) -> None:
            self.id = job_id

    one, two, three = Job("1"), Job("2"), Job("3")
    places = Places()

    assert places.sorted([two, one]) == [two, one]
    assert places.sorted([one, two]) == [two, one]
    assert places.sorted([three, one, two]) == [two, one, three]
    assert places.sorted([three, two]) == [two, three]


async def test_fifty_jobs_stay_a_small_page(connected):
    first = await make(connected, "Campaign")

    def copy(txn):
        others = ", ".join(column.name for column in jobs.columns if column.name not in {"key", "id"})
        for number in range(49):
            txn.conn.exec_driver_sql(
                f"INSERT INTO jobs (id, {others}) SELECT '{number:032x}', {others} FROM jobs WHERE id = '{first}'"
            )

    await connected.running.deps.desk.database.write(copy)
    page = await (await connected.visitor(Role.OPERATOR)).get("/jobs")

    assert len(shown_names(page)) == 50
    assert len(gzip.compress(page.text.encode(), 5)) < 20_000
