"""What pages show of a job, of its removal brake and of the service, REST gives too."""

from dataclasses import asdict
from typing import Any

import pytest

from tests.web.service import Running
from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.jobs.offers import Offer
from usher.jobs.removals import waiting_removals
from usher.jobs.removals_said import removals_said
from usher.jobs.saying import say
from usher.jobs.standing import standing_of
from usher.store import scans
from usher.store.database import Txn
from usher.store.jobs import change_job, job_by_id

PEOPLE = [f"person{n:02}@example.com" for n in range(12)]
LATER = "2026-11-20T10:20:00Z"


async def read(usher: Running, path: str) -> Any:
    answer = await usher.ask("GET", path, role=Role.VIEWER)
    assert not any(one in answer.text for one in PEOPLE)
    return answer.data


async def progress(usher: Running, job_id: str) -> Any:
    return await read(usher, f"/v2/job/{job_id}/progress")


async def page_sentence(usher: Running, job_id: str) -> str:
    return say(await standing_of(usher.deps.desk, job_id)).text


def left(usher: Running, member: str) -> dict[str, Any]:
    event = usher.event(member, is_in=False)
    event["data"]["segment_events"][0]["exit"] = LATER
    return event


@pytest.fixture
async def braked(usher: Running) -> str:
    """A job of twelve people of whom the brake holds three that left."""
    job = (await usher.create_job(exit_brake_people=2, exit_brake_percent=20))["id"]
    await usher.trigger([usher.event(one) for one in PEOPLE])
    await usher.trigger([left(usher, one) for one in PEOPLE[:3]])
    return str(job)


async def test_progress_says_in_a_sentence_what_happens_and_what_can_be_done(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(usher.event(PEOPLE[0]))
    found = await progress(usher, job["id"])
    assert found["sentence"] == await page_sentence(usher, job["id"]) != ""
    assert (found["since"], found["backfill"]) == (None, None)
    assert found["offers"] == ["pause", "reconcile", "resend", "edit", "clone", "kill", "delete"]
    assert (found["members"]["waiting"], found["members"]["in_step"], found["sent"]["requests"]) == (1, 0, 0)


async def test_progress_says_since_when_a_job_stands_still(usher: Running) -> None:
    job = await usher.create_job()
    await usher.ask("POST", f"/v2/job/{job['id']}/pause")
    found = await progress(usher, job["id"])
    log = (await usher.ask("GET", f"/v2/job/{job['id']}/logs")).data
    assert found["sentence"].startswith("Paused by admin. ")
    assert found["since"] in {line["timestamp"] for line in log}
    assert Offer.RESUME in found["offers"]
    assert Offer.PAUSE not in found["offers"]


async def test_progress_says_how_far_everybody_who_is_owed_at_once_has_come(usher: Running) -> None:
    job = await usher.create_job(withbackfill=True)
    desk = usher.deps.desk

    def work(txn: Txn) -> None:
        scan = scans.start_scan(txn, job_by_id(txn, job["id"]).key, kind="backfill", definition="d", expected=40)
        scans.change_scan(txn, scan.id, seen=25, pages=1, without_identifier=3)

    await desk.database.write(work)
    found = await progress(usher, job["id"])
    assert found["backfill"] == {"expected": 40, "accepted": 0, "read": 25, "per_second": 0, "left_seconds": None}
    assert found["scan"]["without_identifier"] == 3


async def test_what_can_be_done_at_the_brake_is_to_decide(usher: Running, braked: str) -> None:
    found = await progress(usher, braked)
    assert found["sentence"].startswith("3 people wait for your decision. ")
    assert Offer.DECIDE in found["offers"]
    assert (found["members"]["held"], found["members"]["waiting"]) == (3, 9)


async def test_removals_give_every_figure_of_the_decision_and_name_nobody(usher: Running, braked: str) -> None:
    await usher.trigger(left(usher, PEOPLE[3]))
    found = await read(usher, f"/v2/job/{braked}/removals")
    assert (found["count"], found["scan"]) == (4, None)
    assert found["exits"] == {"left": 4, "told": 0, "waiting": 4, "inside": 12}
    usual = {"people": 2, "percent": 20.0}
    assert found["limits"] == {"exits": usual, "minutes": 15, "scan": usual}
    assert found["since"].endswith("Z")
    assert found["hold"] == (await progress(usher, braked))["hold"] != ""
    assert found["sentences"] == asdict(removals_said(await waiting_removals(usher.deps.desk, braked)))


async def test_removals_tell_of_a_scan_that_did_not_find_many(usher: Running, braked: str) -> None:
    def work(txn: Txn) -> None:
        key = job_by_id(txn, braked).key
        scan = scans.start_scan(txn, key, kind="reconcile", definition="d", expected=9)
        scans.change_scan(txn, scan.id, seen=3, pages=2)
        scans.end_scan(txn, scan.id, state="held", reason="7 would go", leaving=7)
        change_job(txn, key, exits_held=False, status=Status.FAULT, cause=Cause.REMOVALS)

    await usher.deps.desk.database.write(work)
    found = await read(usher, f"/v2/job/{braked}/removals")
    ended = found["scan"].pop("ended")
    assert found["scan"] == {"kind": "reconcile", "leaving": 7, "inside": 9, "seen": 3, "pages": 2}
    assert (found["count"], found["exits"], found["since"]) == (7, None, ended)


async def test_a_decision_that_names_the_hold_of_removals_is_taken_and_then_nobody_waits(
    usher: Running, braked: str
) -> None:
    path = f"/v2/job/{braked}/removals"
    hold = (await read(usher, path))["hold"]
    assert (await usher.ask("POST", f"/v2/job/{braked}/confirm-removals", {"hold": hold})).status == 200
    found = await read(usher, path)
    assert (found["count"], found["hold"]) == (0, "")
    assert [found[name] for name in ("since", "sentences", "scan", "exits")] == [None] * 4


async def test_removals_of_no_job_are_not_found(usher: Running) -> None:
    assert (await usher.ask("GET", "/v2/job/nope/removals")).status == 404


async def test_health_says_how_the_service_stands_and_what_it_keeps(usher: Running) -> None:
    await usher.create_job()
    await usher.trigger(usher.event(PEOPLE[0]))
    await usher.trigger(b"nonsense")
    answer = await usher.ask("GET", "/v2/health", role=Role.VIEWER)
    found = answer.data
    assert found["version"] == usher.deps.version
    assert (found["base_url"], found["unreached"] != "") == ("", True)
    assert found["database"]["name"].startswith("SQLite 3.")
    assert found["holdings"] == {"jobs": 1, "live": 1, "members": 1, "due": 1, "set_aside": 0, "unreadable": 1}
    assert [(auth["label"], auth["provider"]) for auth in found["authorizations"]] == [
        ("mapp", "mapp"),
        ("lytics", "lytics"),
    ]
    assert (found["people"], found["tokens"]) == (0, len(Role))
    assert found["timing"] == {"request_timeout_seconds": 10, "quarantine_seconds": 30, "clock_margin_seconds": 5}
    said = "730 days. No part of Usher changes an entry, or removes one earlier."
    assert {"what": "Audit log", "how_long": said} in found["retention"]
    assert "sandbox-secret" not in answer.text
    assert PEOPLE[0] not in answer.text
