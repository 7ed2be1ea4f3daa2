"""What the settings show: the audit trail with names, how the service stands, and what is kept for how long."""

import re

import pytest

from tests.jobs.office import ANNA
from usher.access.links import FIRST_LINK_MS, INVITATION_MS
from usher.access.sessions import IDLE_MS, WHOLE_MS
from usher.errors import InvalidInput
from usher.jobs import retention
from usher.jobs.control import delete_job, pause_job
from usher.jobs.health import service_health
from usher.jobs.trail import TRAIL_PAGE, Named, page_of_trail
from usher.store import notes
from usher.store.activity import KEEP_SECONDS
from usher.store.database import HOUR, MINUTE


async def trail(office, **asked):
    found, _ = await page_of_trail(office.desk, **asked)
    return [(one.entry.action, one.about.name if one.about else None) for one in found]


async def test_an_entry_names_the_job_or_authorization_that_it_is_about(office) -> None:
    job = await office.make_job()
    await pause_job(office.desk, ANNA, job.id)
    found = await trail(office)
    assert found[:2] == [("job.pause", job.name), ("job.create", job.name)]
    assert ("auth.create", "Our Mapp") in found


async def test_a_deleted_job_keeps_its_name_in_the_trail(office) -> None:
    job = await office.make_job()
    await delete_job(office.desk, ANNA, job.id)
    found, _ = await page_of_trail(office.desk)
    assert found[0].about == Named("job", job.id, job.name)


async def test_what_is_gone_for_good_has_no_name(office) -> None:
    await office.write(lambda txn: notes.add_audit(txn, actor="anna", action="auth.delete", what="no-such-id"))
    assert (await trail(office))[0] == ("auth.delete", None)


async def test_the_trail_is_narrowed_to_a_kind_and_to_one_person(office) -> None:
    def work(txn) -> None:
        for actor, action in (("jo", "person.sign_in"), ("jo", "session.end"), ("jo%", "token.create")):
            notes.add_audit(txn, actor=actor, action=action, what=actor)

    await office.write(work)
    assert await trail(office, area="people") == [("session.end", None), ("person.sign_in", None)]
    assert await trail(office, area="tokens") == [("token.create", None)]
    assert await trail(office, actor="jo", area="tokens") == []
    assert [action for action, _ in await trail(office, actor="jo%")] == ["token.create"]


async def test_pages_of_the_trail_follow_each_other_without_a_gap(bare_office) -> None:
    def work(txn) -> None:
        for number in range(2 * TRAIL_PAGE + 1):
            notes.add_audit(txn, actor="jo", action="person.sign_in", what=str(number))

    await bare_office.write(work)
    seen, cursor = [], None
    for size in (TRAIL_PAGE, TRAIL_PAGE, 1):
        found, cursor = await page_of_trail(bare_office.desk, cursor)
        assert len(found) == size
        seen += [int(one.entry.what) for one in found]
    assert (seen, cursor) == (list(reversed(range(2 * TRAIL_PAGE + 1))), None)


@pytest.mark.parametrize("asked", [{"area": "odd"}, {"cursor": "x"}], ids=["area", "cursor"])
async def test_the_trail_refuses_what_it_does_not_know(bare_office, asked: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        await page_of_trail(bare_office.desk, **asked)


async def test_health_counts_what_the_database_holds_and_leaves_deleted_jobs_out(office) -> None:
    kept, gone = await office.make_job(), await office.make_job(mapp_attribute_name="other")
    await office.see(kept, "a@x.org", "b@x.org")
    await office.see(gone, "c@x.org")
    await delete_job(office.desk, ANNA, gone.id)
    found = await service_health(office.desk)
    assert (found.holdings.jobs, found.holdings.live) == (1, 1)
    assert (found.holdings.members, found.holdings.due, found.holdings.set_aside) == (2, 2, 0)
    assert re.match(r"SQLite 3\.|PostgreSQL 18", found.holdings.extent.database)
    assert found.holdings.extent.size_bytes > 4_096
    assert [auth.label for auth in found.authorizations] == ["Our Mapp", "Our Lytics"]
    assert not any(auth.secrets for auth in found.authorizations)
    assert found.now_ms == office.clock.now_ms()


def test_retention_is_told_from_the_figures_that_the_code_goes_by(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {kept.what: kept.how_long for kept in retention.retention()}
    assert f"{notes.HISTORY_KEEP:,} entries" in told["History of members"]
    assert f"{notes.LOGS_KEEP:,} lines" in told["Job logs"]
    assert f"{notes.UNREADABLE_KEEP:,}," in told["Unreadable messages"]
    assert f"newest {notes.SCANS_KEEP} " in told["Scans"]
    assert f"{KEEP_SECONDS[MINUTE] // HOUR} h, " in told["Activity"]
    assert f"{KEEP_SECONDS[HOUR] // HOUR // 24} days" in told["Activity"]
    assert f"{IDLE_MS // 3_600_000} h" in told["Sessions"]
    assert f"{WHOLE_MS // 86_400_000} days" in told["Sessions"]
    assert f"{INVITATION_MS // 3_600_000} h, the first one {FIRST_LINK_MS // 60_000} min" in told["One-time links"]
    monkeypatch.setattr(retention, "HISTORY_KEEP", 7)
    assert "newest 7 entries" in retention.retention()[1].how_long
