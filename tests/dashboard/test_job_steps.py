"""What can be done with a job: the words and their order, the same on the list and on the job's own page."""

import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.settled import put
from tests.dashboard.visiting import House, Page, visiting
from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.jobs.offers import Offer, fitting
from usher.store import scans
from usher.store.database import Txn
from usher.store.jobs import job_by_id
from usher.web.dashboard.job_steps import Steps, steps_of
from usher.web.dashboard.words import STATUS_WORDS

R, Z, P, F, X, C, K = (
    Status.RUNNABLE, Status.SLEEPING, Status.PAUSED, Status.FAULT, Status.FAILED, Status.COMPLETED, Status.KILLED,
)  # fmt: skip
NEW_SECRET = "Enter the new secret"


def steps(status: Status, cause: Cause = Cause.NONE, **known: Any) -> Steps:
    usual: dict[str, Any] = {"is_waiting": False, "is_scan_near": False, "people": 5, "set_aside": 1}
    return steps_of("j1", status, cause, fitting(status, cause, **(usual | known)), mapp="m1", lytics="l1")


HELPING = [
    ((R, Cause.NONE, False), []),
    ((R, Cause.NONE, True), ["Decide", "See who waits"]),
    ((Z, Cause.OUTAGE, False), ["Try now"]),
    ((P, Cause.NONE, False), ["Resume"]),
    ((P, Cause.REMOVALS, True), ["Decide", "Resume", "See who waits"]),
    ((P, Cause.UNSTARTED, False), ["Start Export", "Edit"]),
    ((F, Cause.REMOVALS, True), ["Decide", "See who waits"]),
    ((F, Cause.MAPP_CREDENTIALS, False), [NEW_SECRET, "Test again"]),
    ((F, Cause.MAPP_CREDENTIALS, True), [NEW_SECRET, "Decide", "Test again", "See who waits"]),
    ((F, Cause.LYTICS_CREDENTIALS, False), [NEW_SECRET, "Test again"]),
    ((F, Cause.REJECTIONS, False), ["See who is set aside", "Restart"]),
    ((F, Cause.AUDIENCE, False), ["Duplicate", "Test again"]),
    ((F, Cause.FIELD, False), ["Test again"]),
    ((X, Cause.NONE, False), ["Restart"]),
    ((C, Cause.NONE, False), ["Restart"]),
    ((K, Cause.NONE, False), ["Duplicate"]),
]


@pytest.mark.parametrize(("of", "words"), HELPING, ids=["-".join(map(str, of)) for of, _ in HELPING])
def test_what_helps_most_comes_first(of: tuple[Status, Cause, bool], words: list[str]) -> None:
    status, cause, is_waiting = of
    found = steps(status, cause, is_waiting=is_waiting)
    assert [step.word for step in found.helping] == words
    assert found.first.word == (words[0] if words else "Pause")


LEADING = [
    (Cause.MAPP_CREDENTIALS, "/authorizations/m1", Role.ADMIN),
    (Cause.MAPP_INTEGRATION, "/authorizations/m1", Role.ADMIN),
    (Cause.LYTICS_CREDENTIALS, "/authorizations/l1", Role.ADMIN),
    (Cause.REJECTIONS, "/jobs/j1#aside", Role.VIEWER),
    (Cause.AUDIENCE, "/jobs/j1/clone", Role.OPERATOR),
]


@pytest.mark.parametrize(("cause", "path", "needs"), LEADING, ids=[str(cause) for cause, *_ in LEADING])
def test_a_fault_leads_to_where_it_is_mended_by_whoever_may(cause: Cause, path: str, needs: Role) -> None:
    assert (steps(F, cause).first.path, steps(F, cause).first.needs) == (path, needs)


@pytest.mark.parametrize(("status", "cause", "is_waiting"), list(product(Status, Cause, (False, True))))
def test_every_offer_is_a_step_and_no_step_stands_twice(status: Status, cause: Cause, is_waiting: bool) -> None:
    offers = fitting(status, cause, is_waiting=is_waiting, is_scan_near=False, people=5, set_aside=1)
    found = steps_of("j1", status, cause, offers, mapp="m1", lytics="l1")
    every = [found.first, *found.others]
    looking = {"See people", "See who waits", "See who is set aside", NEW_SECRET}
    # A job that was saved without starting has one step for two offers: its start is its resume.
    assert len(every) == len({step.path for step in every})
    assert len([step for step in every if step.word not in looking]) == len(offers)


def test_whatever_ends_or_repeats_much_asks_first() -> None:
    large = {step.word: step for status in (R, C) for step in [*steps(status).others, steps(status).first]}
    for word in ("Terminate", "Delete", "Tell everybody again", "Retry everybody set aside", "Restart"):
        assert "/ask/" in large[word].path
        assert not large[word].is_change
    assert {word for word, step in large.items() if step.is_end} == {"Terminate", "Delete"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with visiting(tmp_path) as found:
        await found.running.authorize()
        yield found


TAKEN = re.compile(
    r'<form method="post" action="(?P<form>/[^"]*)" class="act">.*?<button[^>]*>(?P<sent>.*?)</button>'
    r'|<a class="btn[^"]*" href="(?P<link>[^"]*)">(?P<led>.*?)</a>',
    re.DOTALL,
)


def taken(part: str) -> set[tuple[str, str]]:
    """Every button and link of a part that is drawn as one: (word, where it leads)."""
    bare = re.sub(r"<svg.*?</svg>", "", part, flags=re.DOTALL)
    return {(found["sent"] or found["led"], found["form"] or found["link"]) for found in TAKEN.finditer(bare)}


def on_the_page(page: Page) -> set[tuple[str, str]]:
    _, _, rest = page.text.partition('data-part="actions"')
    actions, _, rest = rest.partition('data-part="tabs"')
    now = rest.partition('data-part="now"')[2].partition('data-part="stats"')[0]
    return taken(actions) | taken(now.partition('class="card"')[0])


STATES: list[dict[str, Any]] = [
    {"status": R},
    {"status": R, "exits_held": True},
    {"status": R, "scan_wanted": "reconcile"},
    {"status": R, "held_scan": True},
    {"status": Z, "cause": Cause.OUTAGE, "reason": "Mapp is away."},
    {"status": Z, "cause": Cause.OUTAGE, "exits_held": True},
    {"status": P, "reason": "Paused by anna."},
    {"status": P, "cause": Cause.REMOVALS, "reason": "Paused by anna.", "exits_held": True},
    {"status": P, "cause": Cause.REMOVALS, "reason": "Paused by anna.", "held_scan": True},
    {"status": P, "cause": Cause.UNSTARTED},
    {"status": F, "cause": Cause.REMOVALS, "held_scan": True},
    {"status": F, "cause": Cause.MAPP_CREDENTIALS, "reason": "No."},
    {"status": F, "cause": Cause.MAPP_CREDENTIALS, "reason": "No.", "exits_held": True},
    {"status": F, "cause": Cause.LYTICS_CREDENTIALS},
    {"status": F, "cause": Cause.REJECTIONS},
    {"status": F, "cause": Cause.AUDIENCE},
    {"status": F, "cause": Cause.FIELD},
    {"status": X, "exits_held": True},
    {"status": C},
    {"status": K, "exits_held": True},
]


@pytest.mark.parametrize("state", STATES, ids=["-".join(map(str, state.values())) for state in STATES])
async def test_every_page_offers_the_same_steps_and_says_the_same_word(house: House, state: dict[str, Any]) -> None:
    job_id = str((await house.running.create_job())["id"])
    columns = {name: value for name, value in state.items() if name != "held_scan"}
    await house.running.trigger(house.running.event("jo@example.com"))
    await put(house, job_id, **columns)
    if "held_scan" in state:
        await hold_scan(house, job_id)
    admin = await house.visitor()
    listed = (await admin.get("/jobs?show=all")).text.partition('class="cell-actions"')[2].partition("</tr>")[0]
    page = await admin.get(f"/jobs/{job_id}")
    assert taken(listed) == on_the_page(page) != set()
    is_held = bool({"exits_held", "held_scan"} & state.keys())
    word = "Needs attention" if is_held and state["status"] in {R, Z} else STATUS_WORDS[state["status"]].word
    account = await admin.get(f"/authorizations/{house.running.made['mapp']}")
    for part in (listed_row(account.text), listed_row((await admin.get("/jobs?show=all")).text), page.text):
        assert STATUS.findall(part)[:1] == [word]


STATUS = re.compile(r'<span class="status[^"]* st-[^"]*">(?:<svg.*?</svg>)?([^<]*)<')


def listed_row(text: str) -> str:
    return text.partition('class="rowlink"')[2]


async def hold_scan(house: House, job_id: str) -> None:
    def work(txn: Txn) -> None:
        scan = scans.start_scan(txn, job_by_id(txn, job_id).key, kind="reconcile", definition="d", expected=10)
        scans.end_scan(txn, scan.id, state="held", leaving=7)

    await house.running.deps.desk.database.write(work)


async def test_a_paused_job_whose_exits_wait_says_so_and_offers_both_ways_on(house: House) -> None:
    job_id = str((await house.running.create_job())["id"])
    await put(house, job_id, status=P, cause=Cause.REMOVALS, reason="Paused by anna.", exits_held=True)
    admin = await house.visitor()
    for show in ("attention", "paused"):
        page = await admin.get(f"/jobs?show={show}")
        assert "Paused Whoever leaves is held" in page.words, show
        assert "Paused 1 " in page.words, "the filter counts it too"
    assert "Needs attention 1 1 waits for a decision" in page.words
    own = (await admin.get(f"/jobs/{job_id}")).words
    assert "Decide Resume See who waits" in own


def test_every_offer_has_its_words() -> None:
    every = steps_of("j1", R, Cause.NONE, frozenset(Offer), mapp="m1", lytics="l1")
    shown = {step.word for step in (every.first, *every.others)}
    assert len(shown) == len(Offer) + 2, "each its own, and two ways to look"
