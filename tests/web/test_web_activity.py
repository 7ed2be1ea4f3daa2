"""What happens, over REST: the shapes that were promised, and no identifier for viewers."""

from tests.web.service import Running
from usher.access.roles import Role
from usher.domain.claim import Settlement
from usher.domain.outcome import Rejected
from usher.store import delivery, ledger
from usher.store.jobs import job_by_id

REASON = "Mapp answered 400: INVALID_PARAMETER: not valid."
MEMBER = "jo.public@example.com"


async def reject(usher: Running, job_id: str, member: str, reason: str = REASON) -> None:
    await usher.trigger(usher.event(member))
    desk = usher.deps.desk

    def work(txn) -> None:
        key = job_by_id(txn, job_id).key
        claims = ledger.claim(txn, desk.statements, key, lane=0, limit=10, hold_ms=60_000)
        delivery.settle(txn, desk.statements, [Settlement(claim, Rejected(reason)) for claim in claims])

    await desk.database.write(work)


async def test_activity_has_a_point_for_every_bucket(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(usher.event(MEMBER))
    for span, count in (("hour", 60), ("day", 96), ("week", 168)):
        found = (await usher.ask("GET", f"/v2/job/{job['id']}/activity?span={span}", role=Role.VIEWER)).data
        assert (found["span"], len(found["points"]), found["totals"]["entered"]) == (span, count, 1)
        assert set(found["points"][-1]) == {"at", "entered", "exited", "live", "bulk", "p50_ms", "p99_ms"}
    assert (await usher.ask("GET", f"/v2/job/{job['id']}/activity")).data["span"] == "hour"
    odd = await usher.ask("GET", f"/v2/job/{job['id']}/activity?span=year")
    assert (odd.status, odd.fields) == (400, ["span"])


async def test_the_overview_shows_every_job_and_what_it_counts(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(usher.event(MEMBER))
    answer = await usher.ask("GET", "/v2/overview?show=all&sort=name", role=Role.VIEWER)
    (row,) = answer.data["rows"]
    assert (row["id"], row["status"], row["people_in"], row["spark"][-1]) == (job["id"], "runnable", 1, [1, 0])
    assert (answer.data["counts"]["current"], answer.data["changes_last_hour"]) == (1, 1)
    assert answer.data["totals"] == {"received": 1, "applied": 1, "ignored": 0, "unreadable": 0}
    assert row["last_change"].endswith("Z")
    assert "jo.public" not in answer.text
    assert (await usher.ask("GET", "/v2/overview?search=nobody")).data["rows"] == []
    odd = await usher.ask("GET", "/v2/overview?show=odd&sort=odd")
    assert (odd.status, odd.fields) == (400, ["show", "sort"])


async def test_a_viewer_sees_no_identifier_among_those_set_aside(usher: Running) -> None:
    job = await usher.create_job()
    await reject(usher, job["id"], MEMBER, f"Mapp says {MEMBER} is odd")
    path = f"/v2/job/{job['id']}/set-aside"

    seen = await usher.ask("GET", path, role=Role.VIEWER)
    assert "jo.public" not in seen.text
    assert seen.data["groups"][0]["sample"] == "j***@e***.com"
    assert (await usher.ask("GET", path, role=Role.OPERATOR)).data["groups"][0]["sample"] == MEMBER


async def test_those_of_one_reason_are_retried_and_nobody_else(usher: Running) -> None:
    job = await usher.create_job()
    await reject(usher, job["id"], MEMBER)
    await reject(usher, job["id"], "al@example.com", "Mapp answered 400: odd.")
    path = f"/v2/job/{job['id']}/retry"

    assert (await usher.ask("POST", path, {"reason": REASON})).data == {"owed": 1}
    left = (await usher.ask("GET", f"/v2/job/{job['id']}/set-aside")).data
    assert (left["total"], [group["reason"] for group in left["groups"]]) == (1, ["Mapp answered 400: odd."])


async def test_a_reason_stands_alone_and_is_a_text(usher: Running) -> None:
    job = await usher.create_job()
    for body in ({"reason": REASON, "members": [MEMBER]}, {"reason": 5}, {"reason": ""}, {"reason": [REASON]}):
        answer = await usher.ask("POST", f"/v2/job/{job['id']}/retry", body)
        assert (answer.status, answer.fields) == (400, ["reason"]), body
