"""Erasing one person: gone from everywhere, kept out, and told in a receipt that names nobody."""

import re
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import MetaData, insert, select, text

from tests.jobs.office import ANNA, Office, key_of
from usher.domain.job import Job, Status
from usher.domain.notes import Unreadable
from usher.domain.outcome import Accepted, Rejected
from usher.errors import Conflict, InvalidInput, NotFound, UsherError
from usher.jobs import erasing
from usher.jobs.erasing import erase_member, lift_erasure
from usher.jobs.explain import explain_member
from usher.jobs.finding import find_member
from usher.jobs.resealing import reseal_everything
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.jobs.trial import send_one
from usher.store import notes
from usher.store.database import Txn
from usher.store.erasure import Tombstones
from usher.store.tables import metadata, sweeps
from usher.vault import KeyRing, Vault

JO, AMY = "jo.public@example.com", "amy@example.com"
BODY = b'{"email": "Jo.Public\\u0040example.com", "odd'


async def keep_unreadable(office: Office, job: Job, body: bytes, *, vault: Vault | None = None) -> None:
    sealed = (vault or office.desk.vault).seal(body, place=UNREADABLE_PLACE).encode()
    item = Unreadable(office.lytics, "not_json", sealed, len(body), job.key)
    await office.write(lambda txn: notes.add_unreadable(txn, [item]))


async def every_text(office: Office) -> str:
    """Everything that the database holds, message bodies opened."""
    tables: MetaData = metadata

    def work(txn: Txn) -> str:
        rows = [row for table in tables.sorted_tables for row in txn.conn.execute(select(table)).all()]
        bodies = [office.desk.vault.open(row.body_sealed.decode(), place=UNREADABLE_PLACE).decode()
                  for row in txn.conn.execute(text("SELECT body_sealed FROM unreadable"))]  # fmt: skip
        return f"{rows} {bodies}".lower()

    return str(await office.desk.database.read(work))


async def is_out(office: Office, member: str) -> bool:
    return bool(await office.write(lambda txn: Tombstones(office.desk.vault).among(txn, [member])))


async def test_a_person_is_gone_from_every_table_of_every_job(office: Office) -> None:
    first = await office.make_job("First", mapp_attribute_name="one")
    second = await office.make_job("Second", mapp_attribute_name="two", lowercase_identifiers=True)
    ended = await office.make_job("Ended", mapp_attribute_name="three")
    for job, spelled in ((first, "JO.Public@example.com"), (first, JO), (second, JO), (ended, JO)):
        await office.see(job, spelled, AMY)
    await office.send(first, Rejected("no such user"))
    await office.put(ended, status=Status.DELETED)
    await keep_unreadable(office, first, BODY)
    await keep_unreadable(office, first, b'{"email": "amy@example.com", "odd')
    begun = {"job": first.key, "kind": "resend", "cursor": JO, "created_ms": 1}
    await office.write(lambda txn: txn.conn.execute(insert(sweeps).values(**begun)))
    assert "jo.public" in await every_text(office)

    receipt = await erase_member(office.desk, ANNA, f" {JO.upper()} ")

    kept = await every_text(office)
    assert not re.search(r"jo\.public", kept.replace("\\\\u0040", "@"))
    assert AMY in kept
    counted = {(one.table, one.job_name): one.count for one in receipt.removed}
    assert counted == {
        ("ledger", "First"): 2,
        ("history", "First"): 2,
        ("unreadable", "First"): 1,
        ("ledger", "Second"): 1,
        ("ledger", "Ended"): 1,
    }


async def test_the_receipt_says_what_mapp_still_holds_and_names_nobody(office: Office) -> None:
    job = await office.make_job(mapp_attribute_name="vip")
    await office.see(job, JO)
    await office.send(job, Accepted())
    accepted_ms = office.clock.now_ms()
    await office.see(job, JO, is_in=False)
    [claim] = await office.claim(job)

    receipt = await erase_member(office.desk, ANNA, JO)

    [held] = receipt.held
    assert (held.account, held.group_id, held.attribute) == ("Our Mapp", job.config.group_id, "vip")
    assert (held.value, held.accepted_ms) == ("true", accepted_ms)
    assert (held.under_way, held.lands_until_ms) == ("false", claim.token)
    assert (receipt.actor, receipt.before) == ("anna", None)
    assert "jo.public" not in str(asdict(receipt)) + str(receipt.to_do)
    assert any("under way until" in sentence for sentence in receipt.to_do)


async def test_a_person_of_whom_nothing_is_known_is_kept_out_all_the_same(office: Office) -> None:
    receipt = await erase_member(office.desk, ANNA, JO)

    assert (receipt.removed, receipt.held) == ([], [])
    assert await is_out(office, JO.upper())
    assert not await is_out(office, AMY)


async def test_what_names_nobody_is_refused_and_leaves_nothing(office: Office) -> None:
    for odd in ("", "a\0b", "x" * 300):
        for step in (erase_member, lift_erasure):
            with pytest.raises(InvalidInput):
                await step(office.desk, ANNA, odd)
    assert "member.erase" not in await office.actions()


async def test_erasing_twice_removes_what_is_left_and_names_the_first_receipt(office: Office) -> None:
    first = await erase_member(office.desk, ANNA, JO)
    job = await office.make_job()
    await office.see(job, JO)  # as a restored backup would

    second = await erase_member(office.desk, ANNA, JO)

    assert [one.count for one in second.removed] == [1]
    assert second.before == (first.id, first.at_ms)


async def test_messages_that_cannot_be_opened_are_listed_and_stay(office: Office) -> None:
    job = await office.make_job()
    await keep_unreadable(office, job, BODY, vault=Vault(KeyRing((key_of(9),))))

    receipt = await erase_member(office.desk, ANNA, JO)

    assert (receipt.shut, receipt.removed) == ([1], [])
    assert any("cannot be opened" in sentence for sentence in receipt.to_do)


async def test_the_trail_holds_the_receipt_and_the_hash_and_nobody(office: Office) -> None:
    receipt = await erase_member(office.desk, ANNA, JO)
    office.clock.pass_ms(office.desk.timing.hold_ms)
    await lift_erasure(office.desk, ANNA, JO)

    assert (await office.audit())[-2:] == [
        ("anna", "member.erase", receipt.id),
        ("anna", "member.lift_erasure", receipt.id),
    ]
    rows = await office.desk.database.read(lambda txn: txn.conn.execute(text("SELECT note FROM audit")).scalars().all())
    assert rows[-1] == f"receipt {receipt.id}, hash {receipt.member_hash}"
    assert "jo.public" not in str(rows).lower()


async def test_who_was_erased_may_come_back_once_no_old_request_can_land(office: Office) -> None:
    receipt = await erase_member(office.desk, ANNA, JO)
    with pytest.raises(Conflict, match="may still land"):
        await lift_erasure(office.desk, ANNA, JO)
    office.clock.pass_ms(office.desk.timing.hold_ms)

    lifted = await lift_erasure(office.desk, ANNA, JO.upper())

    assert lifted.receipt == receipt.id
    assert not await is_out(office, JO)
    with pytest.raises(NotFound):
        await lift_erasure(office.desk, ANNA, JO)


async def test_old_tombstones_match_after_the_key_was_rotated(office: Office) -> None:
    await erase_member(office.desk, ANNA, JO)
    both, new = Vault(KeyRing((key_of(2), key_of(1)))), Vault(KeyRing((key_of(2),)))

    await reseal_everything(office.desk.database, both, unreadable_place=UNREADABLE_PLACE)

    found = await office.write(lambda txn: Tombstones(new).among(txn, [JO, AMY]))
    assert found == {JO}


async def test_the_key_is_kept_sealed_and_the_tombstone_says_nothing(office: Office) -> None:
    await erase_member(office.desk, ANNA, JO)
    kept = text("SELECT value FROM facts WHERE name = 'erasure_key'")
    value = await office.desk.database.read(lambda txn: txn.conn.execute(kept).scalar_one())
    assert value.startswith("v1.")
    assert "jo.public" not in await every_text(office)


async def test_the_one_person_of_a_trial_may_not_be_an_erased_one(office: Office) -> None:
    member = (await send_one(office.desk, ANNA, office.draft())).member
    await erase_member(office.desk, ANNA, member)

    with pytest.raises(Conflict, match="was erased"):
        await send_one(office.desk, ANNA, office.draft(), member)
    assert (await office.actions()).count("job.trial") == 1  # written down before anything is sent


async def test_looking_for_somebody_erased_says_so(office: Office) -> None:
    job = await office.make_job()
    await office.see(job, JO)
    receipt = await erase_member(office.desk, ANNA, JO)

    found = await find_member(office.desk, JO, may_see_people=True)
    assert found.rows == []
    assert found.erased is not None
    assert found.erased.receipt == receipt.id
    explained = await explain_member(office.desk, job.id, JO)
    assert explained.state == "unknown"
    assert "was erased at" in explained.why[0]
    assert "lifts" in explained.next
    assert (await find_member(office.desk, AMY, may_see_people=True)).erased is None


async def test_an_explanation_says_from_when_on_it_knows(office: Office) -> None:
    job = await office.make_job()
    await office.see(job, JO)
    assert (await explain_member(office.desk, job.id, JO)).history_from is None
    office.clock.pass_ms(1_000)
    await office.write(notes.note_history_cut)

    explained = await explain_member(office.desk, job.id, JO)

    assert explained.history_from is not None
    assert explained.why[-1] == f"What happened before {explained.history_from} is no longer kept."


async def test_a_cut_before_a_job_was_made_says_nothing_about_it(office: Office) -> None:
    await office.write(notes.note_history_cut)
    office.clock.pass_ms(1)
    job = await office.make_job()
    await office.see(job, JO)
    assert (await explain_member(office.desk, job.id, JO)).history_from is None


async def test_an_erasure_cut_short_keeps_the_person_out_and_is_finished_by_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await office.make_job()
    await office.see(job, JO)

    async def stopped(*_: Any) -> Any:
        raise UsherError

    with monkeypatch.context() as cut:
        cut.setattr(erasing, "_look_everywhere", stopped)
        with pytest.raises(UsherError):
            await erase_member(office.desk, ANNA, JO)
    assert await is_out(office, JO)

    assert [one.count for one in (await erase_member(office.desk, ANNA, JO)).removed] == [1]
