"""Erasing over REST: for admins, answered with a receipt, kept up against triggers, and lifted again."""

from urllib.parse import quote

from tests.web.service import Running
from usher.access.roles import Role

JO = "jo/public+1@example.com"
PATH = f"/v2/member/{quote(JO, safe='')}"


async def test_only_an_admin_erases_or_lifts(usher: Running) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        assert (await usher.ask("DELETE", PATH, role=role)).status == 403
        assert (await usher.ask("POST", f"{PATH}/lift-erasure", role=role)).status == 403


async def test_whoever_is_erased_stays_out_of_the_job_and_is_counted(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(usher.event(JO))

    receipt = (await usher.ask("DELETE", PATH)).data
    assert (await usher.trigger(usher.event(JO.upper()))).status == 200

    assert [(one["table"], one["count"]) for one in receipt["removed"]] == [("ledger", 1), ("history", 1)]
    assert receipt["held"][0]["value"] is None
    assert JO not in str(receipt)
    told = (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data
    assert told["triggers"] == {"received": 2, "applied": 1, "ignored": {"erased": 1}, "unreadable": 0}
    assert told["members"]["total"] == 0
    found = (await usher.ask("GET", PATH)).data
    assert (found["rows"], found["erased"]["receipt"]) == ([], receipt["receipt"])


async def test_lifting_waits_until_nothing_old_can_land_and_finds_nobody_else(usher: Running) -> None:
    await usher.ask("DELETE", PATH)
    assert (await usher.ask("POST", f"{PATH}/lift-erasure")).status == 409
    assert (await usher.ask("POST", "/v2/member/nobody/lift-erasure")).status == 404
    assert (await usher.ask("DELETE", f"/v2/member/{'x' * 300}")).status == 400


async def test_the_times_that_records_are_kept_are_those_of_the_settings(usher: Running) -> None:
    told = {kept["what"]: kept["how_long"] for kept in (await usher.ask("GET", "/v2/health")).data["retention"]}
    assert told["History of members"].startswith("90 days, ")
    assert told["Audit log"].startswith("730 days. ")
